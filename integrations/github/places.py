"""Where on GitHub a request is answered, as one line of text that a delivery is addressed to.

The line stands in a label that only our own door can set, so nobody else says where we answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from approvals.ports import OURS

LABEL = f"{OURS}github"
FULL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
NUMBER = r"[1-9][0-9]{0,18}"
_REPOSITORY = rf"(?P<repository>\S+) (?P<repository_id>{NUMBER}) (?P<installation>{NUMBER})"
DEPLOYMENT = re.compile(
    rf"(?P<word>deployment|report) {_REPOSITORY} (?P<run>{NUMBER}) (?P<environment>\S+)"
)
CHECK = re.compile(rf"check {_REPOSITORY} (?P<sha>[0-9a-f]{{40}}|[0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository by name and by number, and the installation through which the app sees it."""

    name: str
    id: int
    installation: int

    def __str__(self) -> str:
        return f"{self.name} {self.id} {self.installation}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A job that waits: answered once, and told on the way there while `reports`."""

    repository: Repository
    run: int
    environment: str
    reports: bool = False

    def __str__(self) -> str:
        word = "report" if self.reports else "deployment"
        return f"{word} {self.repository} {self.run} {quote(self.environment, safe='')}"

    @property
    def path(self) -> str:
        """Where GitHub takes the answer, below the address of its API."""
        return f"/repos/{self.repository.name}/actions/runs/{self.run}/deployment_protection_rule"


@dataclass(frozen=True, slots=True)
class Check:
    """The check run on one commit."""

    repository: Repository
    sha: str

    def __str__(self) -> str:
        return f"check {self.repository} {self.sha}"


Place = Deployment | Check


def read(text: str) -> Place | None:
    """The place a line names; None when it names none."""
    if found := CHECK.fullmatch(text):
        repository = _repository(found)
        return Check(repository, found["sha"]) if repository else None
    if found := DEPLOYMENT.fullmatch(text):
        repository = _repository(found)
        environment = unquote(found["environment"])
        reports = found["word"] == "report"
        return (
            Deployment(repository, int(found["run"]), environment, reports) if repository else None
        )
    return None


def of(labels: Mapping[str, str]) -> Place | None:
    """The place a request was asked from; None for what did not come from GitHub."""
    return read(str(labels.get(LABEL, "")))


def _repository(found: re.Match[str]) -> Repository | None:
    if not FULL_NAME.fullmatch(found["repository"]):
        return None
    return Repository(found["repository"], int(found["repository_id"]), int(found["installation"]))
