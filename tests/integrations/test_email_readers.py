"""One person is greeted and told their own time; everybody is told why the letter came."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain.terms import Verdict
from approvals.ports import MessageKind
from approvals.services import clock, quiet
from tests.fakes.smtp import Mail
from tests.integrations.contract import a_message, decided
from tests.integrations.test_email_contract import MailStand, delivered
from tests.support import cast

pytestmark = pytest.mark.django_db
CHEN = "chen@example.com"
BY_UTC = "Decide by 13:00:00 UTC on 22 Nov 2026"


def to_chen(mail_stand: MailStand, **changes: Any) -> Mail:
    return delivered(mail_stand, **{"address": CHEN} | changes)


def lives_in(zone: str, *, name: str = "Chen Li") -> None:
    person = cast.person("chen")
    person.name = name
    person.save()
    quiet.keep(person=person, begins="22:00", ends="06:00", zone=zone, at=clock.now())


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("Europe/Berlin", f"{BY_UTC} (14:00 in Berlin)."),
        ("America/New_York", f"{BY_UTC} (08:00 in New York)."),
        ("Pacific/Auckland", f"{BY_UTC} (02:00 on 23 Nov in Auckland)."),
    ],
)
def test_one_person_is_greeted_and_told_the_time_of_their_own_clock(
    mail_stand: MailStand, zone: str, local: str
) -> None:
    lives_in(zone)
    mail = to_chen(mail_stand)
    assert mail.text.startswith("Chen, an agent needs a decision from you. Needs 2 of ")
    for form in (mail.text, mail.html):
        assert local in form
        assert "the rules name your address for such requests. Change how: Settings › You." in form


@pytest.mark.parametrize("zone", ["UTC", "Europe/London"])
def test_no_time_is_told_twice(mail_stand: MailStand, zone: str) -> None:
    lives_in(zone)
    assert " in London" not in to_chen(mail_stand).text
    assert mail_has_no_local(mail_stand)


def mail_has_no_local(mail_stand: MailStand) -> bool:
    return f"{BY_UTC} (" not in mail_stand.taken[-1].text


def test_a_team_is_told_why_and_nobody_in_it_is_named(mail_stand: MailStand) -> None:
    lives_in("Europe/Berlin")
    cast.person("dana")
    mail = to_chen(mail_stand, address="change-board")
    assert mail.text.startswith("An agent needs a decision from a person. ")
    assert "you belong to the team change-board, or stand in for somebody there." in mail.text
    assert "Chen" not in mail.text
    assert mail_has_no_local(mail_stand)


def test_an_address_of_nobody_is_told_who_can_change_that(mail_stand: MailStand) -> None:
    text = to_chen(mail_stand, address="ops@example.com").text
    assert "the rules name this address for such requests. Whoever keeps the rules" in text
    assert "Settings" not in text


def test_reminders_and_endings_say_it_too_and_ask_for_nothing(mail_stand: MailStand) -> None:
    lives_in("Europe/Berlin")
    receipt = mail_stand.adapter.deliver(a_message(mail_stand, address=CHEN))
    note = to_chen(mail_stand, kind=MessageKind.NOTE, words="Still waiting.", receipt=receipt)
    assert f"{BY_UTC} (14:00 in Berlin)." in note.text
    closed = to_chen(mail_stand, card=decided(Verdict.DENY), receipt=receipt)
    assert mail_has_no_local(mail_stand)
    for mail in (note, closed):
        assert "You get this because" in mail.text
        assert "Chen" not in mail.text


def test_a_name_is_drawn_as_any_text_that_came_from_outside(mail_stand: MailStand) -> None:
    lives_in("Europe/Berlin", name="\u202ehttps://evil.example/x <b>Chen")
    mail = to_chen(mail_stand)
    assert "\u202e" not in mail.text + mail.html
    assert "https://evil" not in mail.text + mail.html
    assert "<b>" not in mail.html
