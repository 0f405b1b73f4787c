"""Whatever a vendor sends again, and in whatever order, has its effect once.

COUNTERSIGN_REPLAYS says how many payloads each vendor sends, each three times; 50 unless it is set.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse

from approvals.domain.terms import Status, Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent, Decision
from approvals.services import clock, deliveries, looking, policies, timers
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.slack import FakeSlack
from tests.fakes.teams import FakeTeams
from tests.support import cast
from tests.support import pagerduty as pagerduty_support
from tests.support import servicenow as servicenow_support
from tests.support import slack as slack_support
from tests.support import teams as teams_support

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(900)]
MANY = int(os.environ.get("COUNTERSIGN_REPLAYS", "50"))
TIMES = 3
Payload = tuple[ApprovalRequest, Callable[[], HttpResponse]]


def asked(many: int, **changes: Any) -> list[ApprovalRequest]:
    """Requests of one agent that nothing limits, each on a card of its own."""
    people = [cast.person(name) for name in ("lin", "ada", "grace", "chen", "dana")]
    assert all(people)
    cast.agent()
    files = cast.frame()
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    robo = Agent.objects.get(name="robo")
    rows = [
        cast.request(robo, **changes | {"target": f"production-{number}"}) for number in range(many)
    ]
    while deliveries.send_due(limit=200):
        pass
    return rows


def names(row: ApprovalRequest, text: str) -> bool:
    return re.search(rf"{row.ref}\b", text) is not None


def all_sent(payloads: Sequence[Payload]) -> Counter[int]:
    """Each payload three times: once at once, and twice more among all others; what was answered."""
    dice = random.Random(7)
    again = [payload for payload in payloads for _ in range(TIMES - 1)]
    dice.shuffle(again)
    return Counter(send().status_code for _, send in [*payloads, *again])


def one_effect_each(payloads: Sequence[Payload], *, people: int = 1) -> None:
    rows = {row.pk: row for row, _ in payloads}
    decided = Counter(Decision.objects.values_list("request_id", flat=True))
    assert decided == Counter(dict.fromkeys(rows, people))
    endings = AuditEvent.objects.filter(type__in=("request.approved", "request.denied"))
    ended = Counter(endings.values_list("request_id", flat=True))
    assert ended == Counter(dict.fromkeys(rows, 1))
    assert not AuditEvent.objects.filter(type="decision.refused").exists()


VERBS = (Verdict.APPROVE, Verdict.DENY)


@pytest.mark.urls("integrations.pagerduty.urls")
@pytest.mark.parametrize("shape", ["v2", "v3", "field"])
def test_pagerduty(pagerduty: FakePagerDuty, settings: Any, shape: str) -> None:
    settings.PAGERDUTY_DECISION_FIELD = "approval"
    pagerduty.add_user("PADA", "ada@example.com")
    rows = asked(MANY, **cast.HIGH, risk="high")
    pagerduty_support.linked("ada", "PADA")
    incidents = {one.key: one for one in pagerduty.incidents}
    payloads: list[Payload] = []
    for row in rows:
        incident = next(one for key, one in incidents.items() if str(row.public_id) in key)
        knocked = (
            pagerduty.choose(incident, "PADA", "Deny")
            if shape == "field"
            else pagerduty.press(incident, "PADA", shape=shape)
        )
        path = "/webhook" if shape == "field" else "/action/deny"
        payloads.append((row, lambda p=path, k=knocked: pagerduty_support.knock(p, k)))  # type: ignore[misc]
    assert set(all_sent(payloads)) <= {200, 202}
    one_effect_each(payloads)
    assert all(len(incident.notes) <= 1 for incident in pagerduty.incidents)


def test_teams(teams: FakeTeams) -> None:
    teams_support.let_in(teams)
    rows = asked(MANY)
    teams_support.linked("lin")
    payloads: list[Payload] = []
    for number, row in enumerate(rows):
        message = next(each for each in teams.sent if names(row, each.text))
        verdict = VERBS[number % 2]
        activity = teams.click(message, verdict, words="Not today.")
        knocked = teams.signed(activity)
        payloads.append((row, lambda k=knocked: teams_support.knock(k)))  # type: ignore[misc]
    assert set(all_sent(payloads)) == {200}
    one_effect_each(payloads)


def test_teams_with_an_undo_of_each(teams: FakeTeams, settings: Any) -> None:
    """Neither a decision nor its undo comes up again, in whatever order both are repeated."""
    settings.UNDO_SECONDS = 60
    teams_support.let_in(teams)
    rows = asked(MANY)
    teams_support.linked("lin")
    payloads: list[Payload] = []
    for row in rows:
        message = next(each for each in teams.sent if names(row, each.text))
        decided = teams.signed(teams.click(message, "approve"))
        assert teams_support.knock(decided).status_code == 200
        undone = teams.signed(teams.click(teams_support.shown(teams, row), "undo"))
        assert teams_support.knock(undone).status_code == 200  # in time, however many there are
        payloads += [
            (row, lambda k=undone: teams_support.knock(k)),  # type: ignore[misc]
            (row, lambda k=decided: teams_support.knock(k)),  # type: ignore[misc]
        ]
    assert set(all_sent(payloads)) == {200}
    timers.fire_due(at=clock.now() + timedelta(minutes=2), limit=10 * MANY)
    assert set(ApprovalRequest.objects.values_list("status", flat=True)) == {Status.PENDING}
    assert not Decision.objects.exists()
    for kind in ("decision.held", "decision.undone"):
        told = Counter(AuditEvent.objects.filter(type=kind).values_list("request_id", flat=True))
        assert told == Counter(row.pk for row in rows)
    assert not AuditEvent.objects.filter(type="decision.refused").exists()


@pytest.mark.urls("integrations.servicenow.urls")
def test_servicenow(settings: Any) -> None:
    with servicenow_support.pointed(settings) as servicenow:
        servicenow_support.with_board(servicenow, "chen", "dana")
        rows = asked(MANY, **cast.CRITICAL, risk="critical")
        looking.look_due()
        payloads: list[Payload] = []
        for row in rows:
            change = next(
                one for one in servicenow.changes if one["correlation_id"] == str(row.public_id)
            )
            for name in ("chen", "dana"):
                servicenow.says(name, "approved", change=change)
            knocked = servicenow.pushed({"sys_id": change["sys_id"], "state": "rejected"})
            payloads.append((row, lambda k=knocked: servicenow_support.knock(k)))  # type: ignore[misc]
        looks = Counter[int]()

        def sending(send: Callable[[], HttpResponse]) -> Callable[[], HttpResponse]:
            def sent() -> HttpResponse:
                answer = send()
                looks[looking.look_due()] += 1
                return answer

            return sent

        assert set(all_sent([(row, sending(send)) for row, send in payloads])) == {202}
        assert looks[1] == MANY  # a push is a reason to look, once
        one_effect_each(payloads, people=2)
        assert {row.status for row in ApprovalRequest.objects.all()} == {Status.APPROVED}


@pytest.mark.urls("integrations.slack.urls")
def test_slack(slack: FakeSlack) -> None:
    rows = asked(MANY)
    slack_support.linked("lin")
    payloads: list[Payload] = []
    for row in rows:
        message = next(each for each in slack.posted if names(row, each.text))
        knocked = slack.click(message, "approve")
        payloads.append((row, lambda k=knocked: slack_support.knock(k)))  # type: ignore[misc]
    assert set(all_sent(payloads)) == {200}
    one_effect_each(payloads)
