"""Team leads have a letter once a day of what expired undecided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.models import Person
from approvals.models.workspaces import Shows
from approvals.ports import DeliveryError
from approvals.services import absence, looking, showing
from integrations.email import EmailAdapter
from tests.fakes import smtp
from tests.fakes.smtp import MailServer
from tests.integrations.test_email_contract import configured
from tests.support import cast
from tests.support.expired import manages, undecided

pytestmark = pytest.mark.django_db
NINE = datetime(2027, 1, 13, 9, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SOON = 3 * MINUTE


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    settings.PUBLIC_URL = "https://approvals.example.com"
    settings.EXPIRED_LIST_AT, settings.DIGEST_ZONE = "09:00", "UTC"
    with MailServer() as running:
        configured(settings, running)
        yield running
        assert running.complaints == []


@pytest.fixture
def vera(server: MailServer) -> Person:
    vera = cast.person("vera", teams=())
    manages(vera, cast.person("lin"), cast.person("sam"))
    cast.agent()
    look(NINE - DAY + SOON)
    return vera


def look(at: datetime) -> None:
    EmailAdapter().look(at=at, since=None)


def test_a_lead_has_one_letter_of_what_expired(server: MailServer, vera: Person) -> None:
    row = undecided("production-api", NINE - HOUR)
    for moment in (NINE - MINUTE, NINE + SOON, NINE + 2 * SOON, NINE + DAY + SOON):
        look(moment)

    [mail] = server.taken
    assert mail.to == ["vera@example.com"]
    assert mail.message["Subject"] == "1 request expired undecided"
    assert f"{row.ref} · Scale deployment · production-api · medium risk" in mail.text
    assert "https://approvals.example.com/history?q=outcome%3Aexpired" in mail.text
    assert mail.html.count("<a ") == 1


def test_what_agents_wrote_becomes_no_link(server: MailServer, vera: Person) -> None:
    undecided("https://evil.example/x\r\nBcc: all@example.com<script>", NINE - HOUR)
    look(NINE + SOON)

    [mail] = server.taken
    assert "https://evil" not in mail.text + mail.html
    assert "<script" not in mail.html
    assert mail.message["Bcc"] is None


def test_what_a_limited_team_was_not_told_by_mail_its_lead_is_not_told_either(
    server: MailServer, vera: Person
) -> None:
    row = undecided("secret-customer-db", NINE - HOUR)
    showing.change(
        adapter="email", address="team-leads", shows=Shows.NOTHING, actor=cast.OPERATOR, at=NINE
    )
    look(NINE + SOON)

    [mail] = server.taken
    assert row.ref in mail.text
    assert "secret-customer-db" not in mail.text + mail.html


def test_a_long_list_counts_the_rest(server: MailServer, vera: Person) -> None:
    for number in range(22):
        undecided(f"api-{number}", NINE - 6 * HOUR + number * 11 * MINUTE)
    look(NINE + SOON)

    [mail] = server.taken
    assert mail.text.count("REQ-") == 20
    assert "and 2 more, in history" in mail.text


def test_a_server_that_is_down_loses_nothing(server: MailServer, vera: Person) -> None:
    undecided("production-api", NINE - HOUR)
    server.will(".", smtp.says(451, "try later"))
    with pytest.raises(DeliveryError):
        look(NINE + SOON)
    look(NINE + SOON + 5 * MINUTE)
    assert len(server.taken) == 1


def test_an_attempt_of_unknown_end_is_repeated_with_the_same_message_id(
    server: MailServer, vera: Person
) -> None:
    undecided("production-api", NINE - HOUR)
    server.will(".", smtp.done_and_gone)
    with pytest.raises(DeliveryError):
        look(NINE + SOON)
    look(NINE + SOON + 5 * MINUTE)

    assert len(server.taken) == 2
    assert len({str(mail.message["Message-ID"]) for mail in server.taken}) == 1


def test_a_list_that_fails_holds_no_letter_about_an_absence_up(
    server: MailServer, vera: Person
) -> None:
    undecided("production-api", NINE - HOUR)
    lin = Person.objects.get(email="lin@example.com")
    absence.begin(lin, by=lin, starts_at=NINE, ends_at=NINE + DAY, stand_in=None, at=NINE)
    server.will("RCPT", smtp.says(451, "try later"))
    with pytest.raises(DeliveryError):
        look(NINE + SOON)

    assert [str(mail.message["Subject"])[:12] for mail in server.taken] == ["Lin is away "]


def test_the_service_looks_by_itself(server: MailServer, vera: Person, settings: Any) -> None:
    settings.ADAPTERS = ["integrations.email.EmailAdapter"]
    undecided("production-api", NINE - HOUR)
    assert looking.look_due(now=lambda: NINE + SOON) == 1
    assert len(server.taken) == 1
