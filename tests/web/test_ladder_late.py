"""The ladder holds also where time has moved a request on that nobody has written down yet."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.models import Agent, ApprovalRequest, AuditEvent
from approvals.services import clock, policies
from approvals.web import ladder
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

CRITICAL_ROW = """\
  critical:
    approval: required
    approvers: [{team: change-board}]
    timeout: 1h
    on_timeout: escalate
    escalate_to: [{team: managers, after: 1h}]
"""


@pytest.fixture
def overdue(robo: Agent) -> ApprovalRequest:
    """A critical request whose first window ended a moment ago, before any timer came by."""
    files = policies.read_directory(cast.POLICIES)
    head, _, rest = files["default.yaml"].partition("  critical:\n")
    tail = rest.partition("---\n")[2]
    files["default.yaml"] = f"{head}{CRITICAL_ROW}---\n{tail}"
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    row = cast.request(robo, at=clock.now() - timedelta(minutes=61), **cast.CRITICAL)
    assert (row.status, row.rung) == ("pending", 0)
    return row


def bare(row: ApprovalRequest, **more: str) -> dict[str, str]:
    """A form with nothing but what it is bound to."""
    return {"verdict": "approve", "version": str(row.version), "shown": row.action_sha256} | more


def test_who_is_asked_only_since_the_window_ended_climbs_the_ladder_too(
    ada: Browser, overdue: ApprovalRequest
) -> None:
    answer = ada.client.post(f"/r/{overdue.ref}/decide", bare(overdue))

    assert answer.status_code == 422
    assert "Open everything that would run" in Page(answer.content.decode()).text
    assert not overdue.decisions.exists()

    fact = ladder.of(overdue, ada.person, version=overdue.version).fact
    assert fact is not None
    opened = ladder.opened(overdue, ada.person, version=overdue.version)
    whole = bare(overdue, opened=opened, confirm=fact.wanted, comment="Checked with the owner.")
    assert ada.client.post(f"/r/{overdue.ref}/decide", whole).status_code == 302
    assert overdue.decisions.get().verdict == "approve"


def test_a_denial_gives_its_reason_then_too(ada: Browser, overdue: ApprovalRequest) -> None:
    short = bare(overdue, verdict="deny", comment="No.")

    assert ada.client.post(f"/r/{overdue.ref}/decide", short).status_code == 422
    assert not overdue.decisions.exists()


def test_who_may_not_decide_is_refused_once_and_asked_for_nothing(
    lin: Browser, overdue: ApprovalRequest
) -> None:
    answer = lin.client.post(f"/r/{overdue.ref}/decide", bare(overdue))

    assert answer.status_code == 403
    refused = AuditEvent.objects.filter(request=overdue, type="decision.refused")
    assert refused.count() == 1
