"""GitHub is either off or whole, and the doctor says what GitHub thinks of it."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.project import github_checks
from countersign.server import github_seen
from tests.fakes.github import FakeGitHub
from tests.fakes.server import says
from tests.support.github import agent

RIGHTS = {
    "permissions": {"deployments": "write", "actions": "read", "checks": "write", "pull_requests": "read"},
    "events": ["deployment_protection_rule", "pull_request", "pull_request_review"],
}  # fmt: skip


def ids() -> list[str | None]:
    return [found.id for found in github_checks.github()]


def test_it_is_off_by_default_and_whole_in_these_tests(github: FakeGitHub, settings: Any) -> None:
    assert ids() == []
    for name in (*github_checks.NEEDED, *github_checks.OTHERS):
        setattr(settings, name, "")
    assert ids() == []
    assert [each.words for each in github_seen.findings()] == ["not used"]


@pytest.mark.parametrize("name", list(github_checks.NEEDED))
def test_what_is_missing_is_named(github: FakeGitHub, settings: Any, name: str) -> None:
    setattr(settings, name, "")
    [found] = github_checks.github()
    assert name in found.msg


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("GITHUB_PRIVATE_KEY", "no key", "E051"),
        ("GITHUB_WEBHOOK_SECRET", "short", "E052"),
        ("GITHUB_INSTALLATIONS", "77,octo", "E053"),
        ("GITHUB_API_URL", "http://github.internal/api/v3", "E054"),
        ("GITHUB_API_URL", "https://user@github.internal", "E054"),
        ("GITHUB_API_URL", "https://[", "E054"),
        ("GITHUB_POLICY_REPOSITORY", "policies", "E055"),
        ("GITHUB_POLICY_PATH", "/policies", "E056"),
    ],
)
def test_what_is_wrong_is_named(
    github: FakeGitHub, settings: Any, name: str, value: str, error: str
) -> None:
    setattr(settings, name, value)
    assert ids() == [f"countersign.{error}"]


def test_a_key_on_one_line_is_read(github: FakeGitHub, settings: Any) -> None:
    settings.GITHUB_PRIVATE_KEY = settings.GITHUB_PRIVATE_KEY.replace("\n", "\\n")
    assert ids() == []


@pytest.mark.django_db
def test_the_doctor_looks_at_the_app_its_rights_and_its_agent(
    github: FakeGitHub, settings: Any
) -> None:
    settings.GITHUB_INSTALLATIONS = ""
    github.will(says(200, {"id": 1, "slug": "countersign", **RIGHTS, "events": []}))
    levels = {each.name: each.level for each in github_seen.findings()}
    assert levels == {
        "github": "OK", "github rights": "FAIL", "github agent": "FAIL",
        "github installations": "WARN",
    }  # fmt: skip
    agent()
    settings.GITHUB_INSTALLATIONS = "77"
    github.will(says(200, {"id": 1, "slug": "countersign", **RIGHTS}))
    assert {each.level for each in github_seen.findings()} == {"OK"}


@pytest.mark.django_db
@pytest.mark.parametrize(("status", "level"), [(401, "FAIL"), (404, "FAIL"), (200, "WARN")])
def test_the_doctor_says_when_github_does_not_know_us(
    github: FakeGitHub, status: int, level: str
) -> None:
    agent()
    github.will(says(status, {"message": "no"}))
    assert level in {each.level for each in github_seen.findings()}
