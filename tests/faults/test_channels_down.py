"""A vendor is away for ten minutes: nothing is lost, it catches up, others notice nothing, and it is said.

The ten minutes are moments handed to the senders, ten seconds apart; the vendor's sockets are real.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connections

from approvals import queries
from approvals.domain.cards import Card
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Delivery, Place
from approvals.queries import troubles
from approvals.services import adapters, clock, deliveries
from approvals.services.berths import Berths
from approvals.web import timeline
from tests.fakes.adapter import FakeAdapter
from tests.fakes.gate import Gate
from tests.fakes.github import FakeGitHub
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.receiver import Receiver
from tests.fakes.servicenow import FakeServiceNow
from tests.fakes.slack import FakeSlack
from tests.fakes.smtp import MailServer
from tests.fakes.teams import FakeTeams
from tests.integrations.test_email_contract import configured
from tests.support import cast
from tests.support import github as github_support
from tests.support import teams as teams_support

pytestmark = pytest.mark.django_db(transaction=True)
INNOCENT = "tests.fakes.adapter.FakeAdapter"
STEP = timedelta(seconds=10)
AWAY = timedelta(minutes=10)
CATCHES_UP = timedelta(minutes=30)  # the longest pause between two attempts of so young a delivery


@dataclass
class Away:
    """A channel whose vendor stands behind a gate. `heard` is all that ever reached the vendor, and
    `wrong` what the vendor would have refused or passed over of it."""

    name: str
    path: str
    gate: Gate
    heard: Callable[[], str]
    ask: Callable[[], ApprovalRequest]
    place: str
    wrong: list[str] = field(default_factory=list)


def critical() -> ApprovalRequest:
    return cast.request(**cast.CRITICAL)


Maker = Callable[[ExitStack, Any], Away]


def gated(ending: ExitStack, settings: Any, fake: Any, port: int) -> Gate:
    gate = ending.enter_context(Gate(port))
    for name, value in getattr(fake, "settings", {}).items():
        setattr(settings, name, gate.through(value))
    return gate


def slack(ending: ExitStack, settings: Any) -> Away:
    fake = ending.enter_context(FakeSlack())
    gate = gated(ending, settings, fake, fake.server_address[1])

    def heard() -> str:
        return str([message.content for message in fake.posted])

    return Away(
        "slack", "slack.adapter.SlackAdapter", gate, heard, critical, "Slack C1", fake.wrong
    )


def teams(ending: ExitStack, settings: Any) -> Away:
    fake = ending.enter_context(FakeTeams())
    gate = gated(ending, settings, fake, fake.server_address[1])
    teams_support.let_in(fake)
    for place in Place.objects.all():
        place.handle = {key: gate.through(value) for key, value in place.handle.items()}
        place.save()

    def heard() -> str:
        return str([message.text for message in fake.sent])

    path = "teams.adapter.TeamsAdapter"
    return Away("teams", path, gate, heard, critical, "Microsoft Teams ", fake.wrong)


def pagerduty(ending: ExitStack, settings: Any) -> Away:
    fake = ending.enter_context(FakePagerDuty())
    gate = gated(ending, settings, fake, fake.server_address[1])

    def heard() -> str:
        return str([(one.status, one.notes) for one in fake.incidents])

    path = "pagerduty.adapter.PagerDutyAdapter"
    return Away("pagerduty", path, gate, heard, critical, "PagerDuty default", fake.wrong)


def servicenow(ending: ExitStack, settings: Any) -> Away:
    fake = ending.enter_context(FakeServiceNow())
    gate = gated(ending, settings, fake, fake.server_address[1])

    def heard() -> str:
        return str(fake.changes)

    path = "servicenow.adapter.ServiceNowAdapter"
    return Away("servicenow", path, gate, heard, critical, "ServiceNow", fake.wrong)


def github(ending: ExitStack, settings: Any) -> Away:
    fake = ending.enter_context(FakeGitHub())
    gate = gated(ending, settings, fake, fake.server_address[1])

    def ask() -> ApprovalRequest:
        return github_support.asked(fake)[0]

    def heard() -> str:
        return str([check.body for check in fake.checks.values()])

    return Away("github", "github.adapter.GitHubAdapter", gate, heard, ask, "GitHub", fake.wrong)


def email(ending: ExitStack, settings: Any) -> Away:
    fake = ending.enter_context(MailServer())
    gate = ending.enter_context(Gate(fake.port))
    configured(settings, fake, port=gate.port)
    settings.EMAIL_TO = ["board@example.com"]

    def heard() -> str:
        return str([mail.text for mail in fake.taken])

    return Away(
        "email",
        "email.EmailAdapter",
        gate,
        heard,
        critical,
        "E-mail board@example.com",
        fake.complaints,
    )


def webhook(ending: ExitStack, settings: Any) -> Away:
    fake = ending.enter_context(Receiver())
    gate = ending.enter_context(Gate(fake.port))
    settings.WEBHOOK_ALLOW_PRIVATE = True

    def ask() -> ApprovalRequest:
        return cast.request(**cast.CRITICAL, callback_url=gate.through(fake.url))

    def heard() -> str:
        return str([each.body for each in fake.received])

    return Away("webhook", "webhook.WebhookAdapter", gate, heard, ask, "the agent's callback")


CHANNELS: list[Maker] = [slack, teams, pagerduty, servicenow, github, email, webhook]


@pytest.fixture(params=CHANNELS, ids=lambda maker: maker.__name__)
def away(request: pytest.FixtureRequest, settings: Any) -> Iterator[Away]:
    with ExitStack() as ending:
        made: Away = request.param(ending, settings)
        settings.ADAPTERS = [f"integrations.{made.path}", INNOCENT]
        yield made
        assert made.wrong == []


def innocent() -> FakeAdapter:
    found = adapters.enabled()["fake"]
    assert isinstance(found, FakeAdapter)
    return found


def shown() -> list[Card]:
    return [message.card for message in innocent().told if message.card is not None]


def tried(at: datetime) -> int:
    return deliveries.send_due(now=lambda: at)


def owed(channel: Away) -> Any:
    return Delivery.objects.filter(adapter=channel.name).exclude(
        state__in=("sent", "superseded")
    )  # fmt: skip


def denied(row: ApprovalRequest, at: datetime) -> None:
    by = cast.person("chen" if row.risk == "critical" else "ada")
    cast.decide(row, by, Verdict.DENY, "Not today.", at=at)


def minutes_pass(since: datetime, span: timedelta) -> datetime:
    """Let the senders work at every tenth second of this time."""
    at, end = since, since + span
    while at < end:
        at += STEP
        tried(at)
    return at


@pytest.mark.parametrize(
    "how", [Gate.Is.REFUSING, pytest.param(Gate.Is.HANGING, marks=pytest.mark.slow)]
)
def test_ten_minutes_without_a_vendor(away: Away, how: Gate.Is) -> None:
    row = away.ask()
    tried(clock.now())
    before = away.heard()
    assert owed(away).count() == 0
    away.gate.now(how)
    cut = clock.now()
    denied(row, cut)
    first = cut + timedelta(seconds=1)
    tried(first)
    # Others hear of it with the very first round, and nobody else's delivery waits.
    assert [card.status for card in shown()][-1] == "denied"
    assert owed(away).exists()
    away.gate.now(Gate.Is.REFUSING)  # hanging costs the test real seconds; one attempt shows it
    at = minutes_pass(first, AWAY)
    assert "Not today." not in away.heard().removeprefix(before)
    # Whoever reads the request meanwhile is told, with the place and since when.
    [trouble] = troubles.of(row, now=at)
    assert trouble.words.startswith(f"Not delivered to {away.place}")
    assert abs(trouble.since - cut) < timedelta(seconds=1)
    assert any(
        "Not delivered" in line.words for line in timeline.draw(row, tuple(queries.events_of(row)))
    )
    # It comes back: everything arrives, once, and nothing was given up.
    away.gate.now(Gate.Is.OPEN)
    minutes_pass(at, CATCHES_UP)
    assert owed(away).count() == 0
    assert troubles.of(row, now=at + CATCHES_UP) == []
    assert away.heard() != before
    assert Delivery.objects.filter(state="dead").count() == 0


def test_what_is_given_up_is_said_too(settings: Any) -> None:
    settings.ADAPTERS = [INNOCENT]
    row = critical()
    Delivery.objects.filter(request=row).update(state="dead", last_error="Slack said no_such")
    [trouble] = troubles.of(row, now=clock.now())
    assert trouble.words.startswith("Given up: ")
    assert "no_such" in trouble.words
    assert trouble.number is not None


class TestSenders:
    """One channel that hangs holds one sender; the others go on."""

    def test_a_hanging_slack_delays_nobody_else(self, settings: Any) -> None:
        with ExitStack() as ending:
            channel = slack(ending, settings)
            settings.ADAPTERS = [f"integrations.{channel.path}", INNOCENT]
            for number in range(12):
                cast.request(**cast.CRITICAL | {"target": f"orders-{number}"})
            Delivery.objects.filter(adapter="slack").update(due_at=clock.now() - AWAY)
            channel.gate.now(Gate.Is.HANGING)
            senders = [Thread(target=send_and_close, args=(12,)) for _ in range(4)]
            began = time.monotonic()
            for sender in senders:
                sender.start()
            while len(innocent().told) < 12 and time.monotonic() - began < 9:
                time.sleep(0.05)
            waited = time.monotonic() - began
            channel.gate.now(Gate.Is.REFUSING)
            for sender in senders:
                sender.join()
        assert len(innocent().told) == 12
        assert waited < 5

    def test_a_slow_channel_has_one_sender_and_a_quick_one_three(self) -> None:
        moments = iter([0.0, 0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 3.5, 3.5, 3.5])
        berths = Berths(clock=lambda: next(moments, 9.0))
        with berths.choosing(["slack", "email"]) as free:
            assert free == ["slack", "email"]
        taken = [berths.take("slack") for _ in range(3)]
        with berths.choosing(["slack", "email"]) as free:
            assert free == ["email"]
        for began in taken:
            berths.leave("slack", began)
        with berths.choosing(["slack"]) as free:
            assert free == ["slack"]
            berths.take("slack")
        with berths.choosing(["slack", "email"]) as free:
            assert free == ["email"]


def send_and_close(limit: int) -> None:
    try:
        deliveries.send_due(limit=limit)
    finally:
        connections.close_all()
