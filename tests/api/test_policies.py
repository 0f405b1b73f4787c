"""Policies by the API, as a pipeline changes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from approvals.models import ApprovalRequest, AuditEvent, PolicyVersion
from approvals.services import policies
from approvals.services.people import POLICY_SCOPE, SCOPES
from tests.api.conftest import Caller
from tests.services.test_policies import DEFAULT, STRICTER, WEAKER, files
from tests.support import cast

Calls = Callable[..., Caller]


@pytest.fixture
def pipeline(calls: Calls) -> Caller:
    """A token for GitOps: it may change policies, in the name of Sam."""
    return calls("sam", "requests:read", POLICY_SCOPE)


def test_what_weakens_nothing_is_applied_and_again_changes_nothing(pipeline: Caller) -> None:
    first = pipeline.post("/policies", {"files": STRICTER, "commit": "abc"})
    again = pipeline.post("/policies", {"files": STRICTER, "commit": "abc"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["status"], again.json()["status"]) == ("applied", "unchanged")
    version = policies.newest()
    assert version is not None
    assert version.number == first.json()["version"] == again.json()["version"]
    assert (version.author, version.commit) == ("sam@example.com", "abc")
    event = AuditEvent.objects.filter(type="policy.applied").order_by("-pk").first()
    assert event is not None
    assert event.actor == "person:sam@example.com"


def test_what_weakens_is_proposed_and_its_author_cannot_approve_it(
    pipeline: Caller, calls: Calls
) -> None:
    answer = pipeline.post("/policies", {"files": WEAKER, "reason": "A migration."})
    body = answer.json()
    assert (answer.status_code, body["status"]) == (202, "proposed")
    assert "drop_database" in body["weakens"][0]
    assert pipeline.post("/policies", {"files": WEAKER}).json()["request"] == body["request"]
    row = ApprovalRequest.objects.get()
    before = PolicyVersion.objects.count()

    def approve(name: str) -> Any:
        return calls(name).post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    assert approve("sam").status_code == 403
    assert (approve("ada").status_code, approve("grace").status_code) == (200, 200)
    assert PolicyVersion.objects.count() == before + 1
    newest = policies.newest()
    assert newest is not None
    assert newest.files == WEAKER


def test_a_draft_of_yesterdays_version_is_refused_in_words(pipeline: Caller, calls: Calls) -> None:
    ada, grace = calls("ada"), calls("grace")
    ref = pipeline.post("/policies", {"files": WEAKER}).json()["request"]
    assert ada.post(f"/requests/{ref}/decisions", {"verdict": "approve"}).status_code == 200
    assert pipeline.post("/policies", {"files": STRICTER}).status_code == 201
    late = grace.post(f"/requests/{ref}/decisions", {"verdict": "approve"})
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")
    assert "since policy version 2 came into force" in late.json()["detail"]


def test_everyday_tokens_and_agents_change_no_policy(robo: Caller, calls: Calls) -> None:
    before = PolicyVersion.objects.count()
    for caller in (robo, calls("ada", *SCOPES), calls("mallory")):
        for path in ("/policies", "/policies/simulate"):
            refused = caller.post(path, {"files": STRICTER})
            assert refused.status_code == 403
    assert PolicyVersion.objects.count() == before
    assert robo.get("/policies").status_code == 403


def test_in_a_browser_the_role_decides(db: None) -> None:
    for name, status in (("ada", 201), ("lin", 403)):
        browser = Client()
        browser.force_login(cast.person(name))
        changed = files(("Scaling up costs money.", f"Scaling up costs {name}."))
        answer = browser.post(
            "/api/v1/policies", {"files": changed}, content_type="application/json"
        )
        assert answer.status_code == status


def test_files_that_cannot_be_read_are_told_by_line_and_change_nothing(pipeline: Caller) -> None:
    broken = files(("quorum: 2", "quorom: 2"))
    before = PolicyVersion.objects.count()
    for path in ("/policies", "/policies/validate", "/policies/simulate"):
        refused = pipeline.post(path, {"files": broken})
        assert refused.status_code == 422
        [error] = refused.json()["errors"]
        assert error["field"] == "files.default.yaml"
        assert "'quorum'" in error["message"]
    assert PolicyVersion.objects.count() == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": {}},
        {"files": []},
        {"files": {"a.yaml": 1}},
        {"files": {"a.yaml": ""}},
        {"files": {"a.yaml": "\u0000"}},
        {"files": {"a.test.yaml": "[]"}},
        {"files": {"a" * 201: "a: 1"}},
        {"files": {f"{n}.yaml": "a: 1" for n in range(101)}},
        {"files": {"a.yaml": "a: 1"}, "break_glass": True},
        {"files": DEFAULT, "commit": "a\u0000"},
    ],
)
def test_other_bodies_are_refused(pipeline: Caller, body: dict[str, Any]) -> None:
    refused = pipeline.post("/policies", body)
    assert refused.status_code == (400 if "\\x00" in str(body) else 422)
    assert not ApprovalRequest.objects.exists()


def test_validating_says_what_would_change_and_records_nothing(lin: Caller) -> None:
    before = AuditEvent.objects.count()
    body = lin.post("/policies/validate", {"files": WEAKER}).json()
    assert (body["valid"], body["teams"]) == (True, 4)
    assert "drop_database" in body["weakens"][0]
    assert not ApprovalRequest.objects.exists()
    assert AuditEvent.objects.count() == before


def test_simulating_replays_what_agents_asked(robo: Caller, pipeline: Caller) -> None:
    ref = robo.post("/requests", cast.submission(**cast.FORBIDDEN)).json()["ref"]
    body = pipeline.post("/policies/simulate", {"files": WEAKER, "days": 7}).json()
    assert body["sentence"] == (
        "Last 7 days, 1 request: 0 same, 0 would now ask, 1 would ask instead of being refused, "
        "0 would stop asking."
    )
    [change] = body["changes"]
    assert (change["request"], change["before"], change["after"]) == (ref, "forbidden", "required")
    assert pipeline.post("/policies/simulate", {"files": WEAKER, "days": 366}).status_code == 422


def test_versions_are_listed_newest_first_page_by_page(pipeline: Caller, lin: Caller) -> None:
    pipeline.post("/policies", {"files": STRICTER})
    newest = policies.newest()
    assert newest is not None
    page = lin.get("/policies", limit=1).json()
    [head] = page["items"]
    assert (head["version"], head["in_force"]) == (newest.number, True)
    after = lin.get(page["next"].partition("/api/v1")[2]).json()["items"][0]
    assert (after["version"], after["in_force"]) == (newest.number - 1, False)
    one = lin.get(f"/policies/{newest.number}").json()
    assert one["files"] == STRICTER
    for nothing in ("999", "x", "-1", "9" * 30):
        assert lin.get(f"/policies/{nothing}").status_code == 404
