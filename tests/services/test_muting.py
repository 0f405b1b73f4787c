"""Somebody mutes their reminders of one request: nothing else is silenced, for them or for others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from approvals.domain import errors
from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, Person, ReminderMute
from approvals.services import clock, deliveries, ledger, muting
from tests.fakes.adapter import FakeAdapter
from tests.fakes.smtp import MailServer
from tests.integrations.test_email_contract import configured
from tests.support import cast

pytestmark = pytest.mark.django_db
LIN, SAM, ZOE = "lin@example.com", "sam@example.com", "zoe@example.com"


@pytest.fixture
def robo(db: None) -> Agent:
    return cast.agent()[0]


@pytest.fixture
def lin(db: None) -> Person:
    return cast.person("lin")


@pytest.fixture
def inbox(settings: Any) -> Iterator[MailServer]:
    """A team is written to by mail, and nothing else carries anything."""
    settings.ADAPTERS = ["integrations.email.EmailAdapter"]
    with MailServer() as running:
        configured(settings, running)
        settings.EMAIL_TO = ["team-leads"]
        yield running


def pass_time(row: ApprovalRequest, until: datetime) -> None:
    """Whatever is due by then happens, and all of it is sent."""
    ledger.let_time_pass(row.number, at=until)
    while deliveries.send_due(now=lambda: until):
        pass


def told(inbox: MailServer, *, after: int = 0) -> list[tuple[str, ...]]:
    return [tuple(mail.to) for mail in inbox.taken[after:]]


def half(row: ApprovalRequest) -> datetime:
    return row.created_at + (row.decide_by - row.created_at) * 6 / 10


def test_who_muted_gets_no_reminder_and_the_others_do(
    inbox: MailServer, lin: Person, robo: Agent
) -> None:
    cast.person("zoe", teams=("team-leads",))
    row = cast.request(robo)
    pass_time(row, row.created_at)
    assert told(inbox) == [(LIN, SAM, ZOE)]

    muting.mute(ref=row.ref, person=lin, at=clock.now())
    pass_time(row, half(row))

    assert told(inbox, after=1) == [(SAM, ZOE)]
    assert "Still waiting" in inbox.taken[1].text


def test_a_reminder_that_waited_when_they_muted_leaves_them_out_too(
    inbox: MailServer, lin: Person, robo: Agent
) -> None:
    row = cast.request(robo)
    pass_time(row, row.created_at)
    ledger.let_time_pass(row.number, at=half(row))
    muting.mute(ref=row.ref, person=lin, at=half(row))

    pass_time(row, half(row))

    assert told(inbox, after=1) == [(SAM,)]


def test_what_escalates_and_what_ends_reaches_whoever_muted(
    inbox: MailServer, lin: Person, robo: Agent
) -> None:
    row = cast.request(robo)
    pass_time(row, row.created_at)
    muting.mute(ref=row.ref, person=lin, at=clock.now())

    pass_time(row, row.decide_by)
    assert (LIN, SAM) in told(inbox, after=1)
    before = len(inbox.taken)
    row.refresh_from_db()
    pass_time(row, row.expires_at)
    assert (LIN, SAM) in told(inbox, after=before)


def test_muting_one_request_says_nothing_of_another(
    inbox: MailServer, lin: Person, robo: Agent
) -> None:
    muting.mute(ref=cast.request(robo, target="other-api").ref, person=lin, at=clock.now())
    row = cast.request(robo)
    pass_time(row, row.created_at)
    before = len(inbox.taken)

    pass_time(row, half(row))

    assert told(inbox, after=before) == [(LIN, SAM)]


def test_where_everybody_muted_nobody_is_written_to_and_nothing_fails(
    inbox: MailServer, lin: Person, robo: Agent
) -> None:
    row = cast.request(robo)
    pass_time(row, row.created_at)
    for person in (lin, cast.person("sam")):
        muting.mute(ref=row.ref, person=person, at=clock.now())

    pass_time(row, half(row))

    assert told(inbox, after=1) == []
    assert not row.deliveries.exclude(state="sent").exists()


def test_however_an_address_is_written_it_is_theirs(
    inbox: MailServer, settings: Any, lin: Person, robo: Agent
) -> None:
    settings.EMAIL_TO = ["Lin@Example.com"]
    row = cast.request(robo)
    pass_time(row, row.created_at)
    muting.mute(ref=row.ref, person=lin, at=clock.now())

    pass_time(row, half(row))

    assert len(inbox.taken) == 1


def test_an_address_that_is_nobodys_is_a_channel_and_is_never_silenced(
    inbox: MailServer, settings: Any, lin: Person, robo: Agent
) -> None:
    settings.EMAIL_TO = ["list@example.com"]
    row = cast.request(robo)
    pass_time(row, row.created_at)
    muting.mute(ref=row.ref, person=lin, at=clock.now())

    pass_time(row, half(row))

    assert told(inbox, after=1) == [("list@example.com",)]


def test_the_channel_is_reminded_though_everybody_asked_has_muted(
    channel: FakeAdapter, lin: Person, robo: Agent
) -> None:
    row = cast.request(robo)
    for person in (lin, cast.person("sam")):
        muting.mute(ref=row.ref, person=person, at=clock.now())

    pass_time(row, half(row))

    assert "note" in channel.kinds()


def test_whoever_muted_may_still_decide(lin: Person, robo: Agent) -> None:
    row = cast.request(robo)
    muting.mute(ref=row.ref, person=lin, at=clock.now())
    assert cast.decide(row, lin).status == "approved"


def test_twice_is_once_and_back_is_back(lin: Person, robo: Agent) -> None:
    row = cast.request(robo)
    for _ in range(2):
        muting.mute(ref=row.ref, person=lin, at=clock.now())
    assert ReminderMute.objects.count() == 1
    assert muting.muted_by(lin, [row]) == {row.pk}
    assert not muting.muted_by(cast.person("sam"), [row])
    for _ in range(2):
        muting.unmute(ref=row.ref, person=lin)
    assert not muting.muted_by(lin, [row])


def test_what_is_over_or_unknown_cannot_be_muted(lin: Person, robo: Agent) -> None:
    row = cast.decide(cast.request(robo), lin, Verdict.DENY, "No.")
    with pytest.raises(errors.AlreadyDecided, match=r"denied already.*Nothing was changed"):
        muting.mute(ref=row.ref, person=lin, at=clock.now())
    with pytest.raises(errors.NotFound):
        muting.mute(ref="REQ-999999", person=lin, at=clock.now())


def test_more_than_fifty_are_refused_before_any_is_muted(lin: Person, robo: Agent) -> None:
    ref = cast.request(robo).ref
    with pytest.raises(errors.Invalid, match="At most 50"):
        muting.mute_several([ref] * 51, person=lin, at=clock.now())
    assert not ReminderMute.objects.exists()


def test_a_mute_of_a_request_counts_for_the_card_it_shares(lin: Person, robo: Agent) -> None:
    first = cast.request(robo)
    second = cast.request(cast.agent()[0])
    ApprovalRequest.objects.filter(pk=second.pk).update(joined=first)
    muting.mute(ref=second.ref, person=lin, at=clock.now() + timedelta(seconds=1))
    assert muting.silenced(str(first.public_id), [lin.pk]) == {lin.pk}
