"""What has low risk is listed a few times a day; what cannot wait for that is posted."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ImproperlyConfigured

from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, Delivery, Person
from approvals.services import adapters, clock, deliveries, policies, timers
from integrations.slack import configuration, digest
from tests.fakes import slack as faults
from tests.fakes.slack import FakeSlack, Posted
from tests.support import cast

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=50)
MINUTE = timedelta(minutes=1)
ASKED_FOR = """\
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: tickets}
spec:
  actions:
    - {name: create_ticket, approval: required, risk: low}
    - {name: scale_deployment, approval: required, risk: medium}
"""
THREE_HOURS = """\
  low:
    approval: required
    approvers: [{team: team-leads, quorum: 1}]
    timeout: 3h
    on_timeout: expire
    pause: 15m
"""


@pytest.fixture
def lin() -> Person:
    """Lin leads a team, which is asked about what has low risk too, with three hours to answer."""
    lead = cast.person("lin")
    cast.agent()
    frame = cast.frame()["frame.yaml"].replace("  low:\n    approval: auto\n", THREE_HOURS)
    files = {"frame.yaml": frame, "tickets.yaml": ASKED_FOR}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    return lead


def asked(at: datetime, **changes: Any) -> ApprovalRequest:
    return cast.request(Agent.objects.get(name="robo"), at=at, **changes)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0, second=0)


@pytest.fixture
def listing(slack: FakeSlack, settings: Any, now: datetime) -> FakeSlack:
    """Slack, with one digest a day, in a minute more than fifty."""
    settings.SLACK_DIGEST = f"{now + LATER:%H:%M}"
    return slack


def low(name: str, at: datetime) -> ApprovalRequest:
    """Something of low risk that people are asked about, with hours to decide."""
    row = asked(at, **{**cast.LOW, "target": f"tickets/{name}"})
    assert (row.risk, row.status) == ("low", "pending")
    return row


def send(at: datetime) -> int:
    return deliveries.send_due(limit=200, now=lambda: at)


def listed(message: Posted) -> list[str]:
    return [
        str(part["text"])
        for block in message.blocks
        for element in block.get("elements", ())
        for line in element.get("elements", ())
        for part in line.get("elements", ())
        if part.get("type") == "link"
    ]


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-11-22T08:00Z", "UTC", "2026-11-22T09:00Z"),
        ("2026-11-22T09:00Z", "UTC", "2026-11-22T14:00Z"),
        ("2026-11-22T20:00Z", "UTC", "2026-11-23T09:00Z"),
        ("2026-11-22T08:30Z", "Europe/Berlin", "2026-11-22T13:00Z"),
        ("2026-07-22T06:30Z", "Europe/Berlin", "2026-07-22T07:00Z"),
        ("2026-11-22T23:30Z", "Asia/Tokyo", "2026-11-23T00:00Z"),
    ],
)
def test_the_next_digest_is_told_by_the_clock_of_its_zone(
    at: str, zone: str, expected: str
) -> None:
    moment = datetime.fromisoformat(at)
    found = digest.again(
        [time(9), time(14)], ZoneInfo(zone), decide_by=moment + timedelta(days=3), at=moment
    )
    assert found == datetime.fromisoformat(expected)


def test_a_digest_that_would_come_too_late_is_none(now: datetime) -> None:
    nine = now.replace(hour=9, minute=0)
    for left, expected in ((29, None), (30, None), (31, nine)):
        found = digest.again(
            [time(9)], UTC, decide_by=nine + left * MINUTE, at=nine - timedelta(hours=1)
        )
        assert found == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"SLACK_DIGEST": "25:00"},
        {"SLACK_DIGEST": "nine"},
        {"SLACK_DIGEST_ZONE": "Mars/Olympus"},
        {"SLACK_TEAM_GROUPS": "managers"},
        {"SLACK_TEAM_GROUPS": "managers:@here"},
    ],
    ids=str,
)
def test_a_setting_nobody_can_follow_is_said(wrong: dict[str, str], settings: Any) -> None:
    for name, value in wrong.items():
        setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=next(iter(wrong))):
        configuration.current()


def test_without_the_setting_each_is_posted_by_itself(
    slack: FakeSlack, lin: Person, now: datetime
) -> None:
    low("one", now)
    send(now)
    assert len(slack.posted) == 1
    assert slack.posted[0].button("approve") is not None


def test_low_requests_are_listed_together_with_nothing_to_approve_by(
    listing: FakeSlack, lin: Person, now: datetime
) -> None:
    rows = [low(str(number), now + number * MINUTE) for number in range(3)]
    assert send(now + 3 * MINUTE) == 0
    send(now + LATER)
    [message] = listing.posted
    assert message.text.startswith("○ LOW RISK · 3 requests wait for a decision: ")
    assert sorted(listed(message)) == [row.ref for row in rows]
    assert [message.button(name) for name in ("approve", "deny", "investigate")] == [None] * 3
    assert send(now + LATER + MINUTE) == 0
    assert len(listing.posted) == 1


def test_what_was_decided_before_is_not_listed(
    listing: FakeSlack, lin: Person, now: datetime
) -> None:
    first, second = low("one", now), low("two", now)
    cast.decide(first, lin, Verdict.DENY, "No.", at=now + MINUTE)
    send(now + 2 * MINUTE)
    assert listing.posted == []
    send(now + LATER)
    assert listed(listing.posted[0]) == [second.ref]


def test_a_digest_of_nothing_is_not_sent(listing: FakeSlack, lin: Person, now: datetime) -> None:
    row = low("one", now)
    cast.decide(row, lin, Verdict.DENY, "No.", at=now + MINUTE)
    send(now + LATER)
    assert listing.posted == []
    assert not Delivery.objects.filter(kind="digest", state="waiting").exists()


def test_what_has_too_little_time_is_posted_at_once(
    listing: FakeSlack, lin: Person, now: datetime
) -> None:
    row = low("one", now)
    ApprovalRequest.objects.filter(pk=row.pk).update(decide_by=now + 40 * MINUTE)
    late = Delivery.objects.get(request=row, kind="card")
    assert late.due_at == row.decide_by - digest.LEAD
    Delivery.objects.filter(pk=late.pk).update(due_at=now + 10 * MINUTE)
    send(now + 10 * MINUTE)
    [message] = listing.posted
    assert message.button("approve") is not None
    send(now + LATER)
    assert len(listing.posted) == 1


def test_more_than_low_is_posted_as_ever(listing: FakeSlack, lin: Person, now: datetime) -> None:
    asked(now)
    send(now)
    assert len(listing.posted) == 1


def test_a_digest_that_may_have_arrived_is_not_sent_twice(
    listing: FakeSlack, lin: Person, now: datetime
) -> None:
    first = low("one", now)
    listing.will("chat.postMessage", faults.done_and_gone())
    send(now + LATER)
    second = low("two", now + MINUTE)
    Delivery.objects.filter(request=second, kind="digest").update(due_at=now + LATER)
    send(now + LATER + MINUTE)
    [message] = listing.posted
    assert sorted(listed(message)) == [first.ref, second.ref]
    assert message.edits == 1


def test_a_limit_puts_the_whole_digest_back(listing: FakeSlack, lin: Person, now: datetime) -> None:
    low("one", now)
    low("two", now)
    listing.will("chat.postMessage", faults.limited(60))
    send(now + LATER)
    assert len(listing.called("chat.postMessage")) == 1
    assert listing.posted == []
    send(now + LATER + MINUTE)
    assert len(listed(listing.posted[0])) == 2


def test_a_digest_survives_a_restart(listing: FakeSlack, lin: Person, now: datetime) -> None:
    row = low("one", now)
    adapters.enabled.cache_clear()
    send(now + LATER)
    assert listed(listing.posted[0]) == [row.ref]


def test_what_still_waits_is_listed_again_next_time(
    listing: FakeSlack, settings: Any, lin: Person, now: datetime
) -> None:
    settings.SLACK_DIGEST = f"{now + LATER:%H:%M},{now + 2 * LATER:%H:%M}"
    row = low("one", now)
    ApprovalRequest.objects.filter(pk=row.pk).update(decide_by=now + timedelta(hours=9))
    Delivery.objects.filter(kind="card").update(due_at=now + timedelta(hours=8))
    send(now + LATER)
    send(now + 2 * LATER)
    assert [listed(message) for message in listing.posted] == [[row.ref], [row.ref]]


def test_a_long_list_says_how_many_are_missing(
    listing: FakeSlack, lin: Person, now: datetime
) -> None:
    for number in range(23):
        low(str(number), now)
    send(now + LATER)
    [message] = listing.posted
    assert "23 requests wait" in message.text
    assert len(listed(message)) == 20
    assert "and 3 more, in the queue" in str(message.blocks)


def test_a_decision_is_recorded_though_its_card_was_never_posted(
    listing: FakeSlack, lin: Person, now: datetime
) -> None:
    row = low("one", now)
    cast.decide(row, lin, at=now + MINUTE)
    timers.fire_due(at=now + MINUTE)
    send(now + MINUTE)
    assert listing.posted == []
    states = list(Delivery.objects.order_by("due_at").values_list("due_at", "state"))
    assert all(first[0] <= second[0] for first, second in pairwise(states))
