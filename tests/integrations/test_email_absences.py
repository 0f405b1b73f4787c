"""Whoever manages somebody, or stands in for them, hears by e-mail that they are away: once, and surely."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from approvals.models import Absence, Person
from approvals.models.people import Role
from approvals.ports import DeliveryError, Looker
from approvals.services import absence, absence_letters, clock, looking, people
from integrations.email import EmailAdapter
from tests.fakes import smtp
from tests.fakes.smtp import Mail, MailServer
from tests.integrations.test_email_contract import configured
from tests.support import cast

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    settings.PUBLIC_URL = "https://approvals.example.com"
    with MailServer() as running:
        configured(settings, running)
        yield running
        assert running.complaints == []


@pytest.fixture
def lin(db: None) -> Person:
    """Lin, whom Ada manages."""
    ada = cast.person("ada")
    lin = cast.person("lin")
    lin.manager = ada
    lin.save(update_fields=["manager"])
    return lin


def away(person: Person, *, by: Person | None = None, **more: Any) -> Absence:
    now = clock.now()
    terms: dict[str, Any] = {"starts_at": now, "ends_at": now + WEEK, "stand_in": None} | more
    return absence.begin(person, by=by or person, at=now, **terms)


def look(*, at: datetime | None = None) -> None:
    adapter = EmailAdapter()
    assert isinstance(adapter, Looker)
    adapter.look(at=at or clock.now(), since=None)


def by_recipient(server: MailServer) -> dict[str, Mail]:
    found = {mail.to[0]: mail for mail in server.taken}
    assert len(found) == len(server.taken)
    return found


def test_the_manager_hears_until_when_and_who_stands_in(server: MailServer, lin: Person) -> None:
    row = away(lin, stand_in=cast.person("sam"), note="At the sea, see www.evil.example/x")
    look()
    mails = by_recipient(server)
    assert set(mails) == {"ada@example.com", "sam@example.com"}
    told = mails["ada@example.com"]
    until = f"{row.ends_at:%H:%M} UTC"
    assert told.message["Subject"].startswith("Lin is away until ")
    assert until in told.text
    assert "Stands in: Sam" in told.text
    assert "| At the sea" in told.text
    assert "www.evil.example" not in told.text + told.html
    assert "https://approvals.example.com/oncall" in told.text
    assert "You stand in for Lin from " in mails["sam@example.com"].text


def test_who_set_it_is_not_told_and_the_absent_person_is(server: MailServer, lin: Person) -> None:
    away(lin, by=Person.objects.get(email="ada@example.com"))
    look()
    mails = by_recipient(server)
    assert set(mails) == {"lin@example.com"}
    assert "Ada marked you as away from " in mails["lin@example.com"].text


def test_nobody_is_told_twice_however_often_it_looks(server: MailServer, lin: Person) -> None:
    away(lin)
    for _ in range(3):
        look()
    assert len(server.taken) == 1


def test_a_server_that_is_down_loses_nothing(server: MailServer, lin: Person) -> None:
    away(lin)
    server.will(".", smtp.says(451, "try later"))
    with pytest.raises(DeliveryError):
        look()
    assert server.taken == []
    look()
    assert set(by_recipient(server)) == {"ada@example.com"}


def test_an_attempt_of_which_nobody_knows_is_repeated_with_the_same_message_id(
    server: MailServer, lin: Person
) -> None:
    away(lin)
    server.will(".", smtp.done_and_gone)
    with pytest.raises(DeliveryError):
        look()
    look()
    ids = {str(mail.message["Message-ID"]) for mail in server.taken}
    assert len(server.taken) == 2
    assert len(ids) == 1


def test_one_who_is_refused_for_good_keeps_nobody_else_waiting(
    server: MailServer, lin: Person
) -> None:
    away(lin, stand_in=cast.person("sam"))
    server.will("RCPT", smtp.says(550, "no such mailbox"))
    look()
    assert len(server.taken) == 1
    look()
    assert len(server.taken) == 1


def test_who_is_back_sooner_is_told_to_those_who_heard_of_it(
    server: MailServer, lin: Person
) -> None:
    row = away(lin, stand_in=cast.person("sam"))
    look()
    server.taken.clear()
    absence.end(row, by=lin, at=clock.now())
    look()
    mails = by_recipient(server)
    assert mails["ada@example.com"].message["Subject"] == "Lin is back"
    assert "You no longer stand in for Lin." in mails["sam@example.com"].text


def test_what_was_called_off_before_anybody_heard_is_told_to_nobody(
    server: MailServer, lin: Person
) -> None:
    absence.end(away(lin), by=lin, at=clock.now())
    look()
    assert server.taken == []


def test_an_old_absence_is_not_told_when_e_mail_is_set_up_later(
    server: MailServer, lin: Person
) -> None:
    away(lin)
    look(at=clock.now() + absence_letters.OWED_FOR + timedelta(seconds=1))
    assert server.taken == []


def test_hostile_names_stay_in_their_line(server: MailServer, lin: Person) -> None:
    lin.name = "Lin\r\nBcc: everybody@example.com \u202e<script>"
    lin.save(update_fields=["name"])
    away(lin)
    look()
    mail = by_recipient(server)["ada@example.com"]
    assert mail.to == ["ada@example.com"]
    assert mail.message["Bcc"] is None
    assert "<script" not in mail.html
    assert "\u202e" not in mail.text


def test_the_service_looks_by_itself(server: MailServer, lin: Person, settings: Any) -> None:
    settings.ADAPTERS = ["integrations.email.EmailAdapter"]
    away(lin)
    assert looking.look_due() == 1
    assert set(by_recipient(server)) == {"ada@example.com"}


def test_somebody_disabled_is_not_written_to(server: MailServer, lin: Person) -> None:
    people.add(email="grace@example.com", name="", role=Role.AUDITOR, at=clock.now(),
               actor=cast.OPERATOR)  # fmt: skip
    Person.objects.filter(email="ada@example.com").update(is_active=False)
    away(lin)
    look()
    assert server.taken == []
