"""A browser's session decides over REST no more easily than on the page of the request."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from approvals.models import Agent, ApprovalRequest, AuditEvent, Person
from approvals.services import clock, freshness
from tests.api.conftest import Caller
from tests.support import cast

WORDS = "Checked with its owner."


class Dashboard:
    """One person's session, as a script of theirs would use it."""

    def __init__(self, person: Person) -> None:
        self.client = Client()
        self.client.force_login(person)

    def signed_in(self, *, ago: timedelta) -> Dashboard:
        session = self.client.session
        session[freshness.SIGNED_IN_AT] = (clock.now() - ago).isoformat()
        session.save()
        return self

    def decide(self, row: ApprovalRequest, verdict: str = "approve", comment: str = "") -> Any:
        return self.client.post(
            f"/api/v1/requests/{row.ref}/decisions",
            json.dumps({"verdict": verdict, "comment": comment, "version": row.version}),
            content_type="application/json",
        )


@pytest.fixture
def chen(db: None) -> Dashboard:
    return Dashboard(cast.person("chen"))


@pytest.fixture
def critical(agent: Agent) -> ApprovalRequest:
    return cast.request(agent, **cast.CRITICAL)


def refusals(row: ApprovalRequest) -> list[str]:
    written = AuditEvent.objects.filter(request=row, type="decision.refused")
    return [event.entry["detail"]["refused_because"] for event in written]


LATE, JUST_NOW = timedelta(minutes=5), timedelta(minutes=4)


def test_critical_takes_a_fresh_sign_in(chen: Dashboard, critical: ApprovalRequest) -> None:
    answer = chen.signed_in(ago=LATE).decide(critical, comment=WORDS)

    body = answer.json()
    assert (answer.status_code, body["code"]) == (403, "fresh_sign_in_needed")
    assert body["facts"]["page"].endswith(f"/r/{critical.ref}")
    assert refusals(critical) == ["fresh_sign_in_needed"]
    assert not critical.decisions.exists()


def test_critical_takes_the_version_that_was_read(
    chen: Dashboard, critical: ApprovalRequest
) -> None:
    answer = chen.signed_in(ago=JUST_NOW).client.post(
        f"/api/v1/requests/{critical.ref}/decisions",
        json.dumps({"verdict": "approve", "comment": WORDS}),
        content_type="application/json",
    )

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "version")
    assert not critical.decisions.exists()


@pytest.mark.parametrize("comment", ["", "   "])
def test_critical_takes_a_reason_too(
    chen: Dashboard, critical: ApprovalRequest, comment: str
) -> None:
    answer = chen.signed_in(ago=JUST_NOW).decide(critical, comment=comment)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "comment")
    assert not critical.decisions.exists()


def test_with_both_it_counts_and_history_says_by_what(
    chen: Dashboard, critical: ApprovalRequest
) -> None:
    answer = chen.signed_in(ago=JUST_NOW).decide(critical, comment=WORDS)

    assert answer.status_code == 200
    given = critical.decisions.get()
    assert (given.channel, given.authenticated_by, given.comment) == ("api", "session", WORDS)


def test_a_session_that_never_says_when_is_not_fresh(
    chen: Dashboard, critical: ApprovalRequest
) -> None:
    session = chen.client.session
    session.pop(freshness.SIGNED_IN_AT)
    session.save()

    assert chen.decide(critical, comment=WORDS).status_code == 403


def test_where_the_policy_wants_a_fresh_sign_in_a_fresh_session_has_it(agent: Agent) -> None:
    lin = Dashboard(cast.person("lin"))
    cast.fresh_sign_ins()
    row = cast.request(agent)

    assert lin.signed_in(ago=LATE).decide(row).json()["code"] == "fresh_sign_in_needed"
    assert lin.signed_in(ago=JUST_NOW).decide(row).json()["status"] == "approved"


def test_high_risk_and_every_no_take_neither(agent: Agent, chen: Dashboard) -> None:
    high, critical = cast.request(agent, **cast.HIGH), cast.request(agent, **cast.CRITICAL)
    ada = Dashboard(cast.person("ada"))

    assert ada.signed_in(ago=LATE).decide(high).status_code == 200
    assert chen.signed_in(ago=LATE).decide(critical, "deny", "No.").json()["status"] == "denied"


def test_a_token_is_held_to_the_policy_alone(critical: ApprovalRequest) -> None:
    """Whoever issued it proved who they are then, and it is not left open in a browser."""
    token = Caller(cast.token(cast.person("chen")))
    said = {"verdict": "approve", "version": 1, "comment": WORDS}

    assert token.post(f"/requests/{critical.ref}/decisions", said).status_code == 200
