"""GitHub keeps the contract of every adapter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from integrations.github.adapter import GitHubAdapter
from integrations.github.places import Check, Repository
from tests.fakes.github import HEAD, INSTALLATION, REPOSITORY, REPOSITORY_ID, FakeGitHub
from tests.fakes.server import (
    Fault,
    done_and_gone,
    garbage,
    hangs_up,
    nonsense,
    says,
    silent,
)
from tests.integrations.contract import AdapterContract

FAULTS: dict[str, Fault] = {
    "limited": says(403, {"message": "You have exceeded a secondary rate limit"}, Retry_After="42"),
    "refused": says(422, {"message": "Validation Failed"}),
    "broken": says(503, {"message": "Unavailable"}),
    "gone": hangs_up,
    "done_and_gone": done_and_gone,
    "silent": silent,
    "garbage": garbage,
    "nonsense": nonsense,
}
OPENS = re.compile(r" {0,3}(`{3,})[^`]*")


class GitHubStand:
    """The adapter beside the GitHub of the tests."""

    address = str(Check(Repository(REPOSITORY, REPOSITORY_ID, INSTALLATION), HEAD))
    live = (
        "@", "<", "](https://evil", "https://evil", "evorppa", "{{", "${", "|", "APPROVED BY ADA",
        "nobody", "\x1b", "\u202e",
    )  # fmt: skip

    def __init__(self, github: FakeGitHub) -> None:
        self.github = github
        self.adapter = GitHubAdapter()

    def standing(self) -> list[str]:
        return [check.text for check in self.github.checks.values()]

    def read_as_markup(self) -> list[str]:
        summaries = [c.body["output"]["summary"] for c in self.github.checks.values()]
        return ["\n".join(outside_code(summary)) for summary in summaries]

    def buttons(self) -> int:
        return sum(len(check.body["actions"]) for check in self.github.checks.values())

    def sent(self) -> bytes:
        return json.dumps([call.body for call in self.github.calls]).encode()

    def will(self, fault: str) -> None:
        self.github.will(FAULTS[fault])


def outside_code(markdown: str) -> Iterator[str]:
    """The lines that Markdown is looked for in, read as CommonMark says: a fence ends with one as long."""
    fence = ""
    for line in markdown.split("\n"):
        found = OPENS.fullmatch(line)
        if fence:
            closes = found and len(found[1]) >= len(fence) and line.strip() == found[1]
            fence = "" if closes else fence
        elif found:
            fence = found[1]
        else:
            yield line
    assert not fence, "a fence was left open"


@pytest.fixture
def stand(github: FakeGitHub) -> GitHubStand:
    return GitHubStand(github)


class TestGitHub(AdapterContract):
    """Everything of it."""
