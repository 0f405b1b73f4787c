"""Quiet hours keep low risk from somebody in person, and nothing else from anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest

from approvals.domain import errors
from approvals.domain.terms import RiskLevel
from approvals.models import Person
from approvals.services import clock, preferences, quiet
from integrations.email import EmailAdapter
from tests.fakes.smtp import MailServer
from tests.integrations.contract import a_message
from tests.integrations.test_email_contract import MailStand, configured
from tests.integrations.test_slack_blocks import a_card
from tests.support import cast

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
DAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def lin(db: None) -> Person:
    return cast.person("lin")


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with MailServer() as running:
        configured(settings, running)
        yield running


def keep(
    person: Person, begins: str = "22:00", ends: str = "07:00", zone: str = "Europe/Berlin"
) -> None:
    quiet.keep(person=person, begins=begins, ends=ends, zone=zone, at=clock.now())


@pytest.mark.parametrize(
    ("begins", "ends", "zone", "moment", "wanted"),
    [
        ("22:00", "07:00", "Europe/Berlin", datetime(2026, 11, 22, 21, 0, tzinfo=UTC), True),
        ("22:00", "07:00", "Europe/Berlin", datetime(2026, 11, 22, 20, 59, tzinfo=UTC), False),
        ("22:00", "07:00", "Europe/Berlin", datetime(2026, 11, 22, 5, 59, tzinfo=UTC), True),
        ("22:00", "07:00", "Europe/Berlin", datetime(2026, 11, 22, 6, 0, tzinfo=UTC), False),
        ("22:00", "07:00", "Europe/Berlin", datetime(2026, 7, 22, 20, 0, tzinfo=UTC), True),
        ("12:00", "13:00", "UTC", datetime(2026, 11, 22, 12, 30, tzinfo=UTC), True),
        ("12:00", "13:00", "UTC", datetime(2026, 11, 22, 13, 0, tzinfo=UTC), False),
    ],
)
def test_hours_hold_in_their_own_zone(
    begins: str, ends: str, zone: str, moment: datetime, wanted: bool
) -> None:
    hours = quiet.Hours(time.fromisoformat(begins), time.fromisoformat(ends), zone)
    assert hours.holds(moment) is wanted


@pytest.mark.parametrize("risk", list(RiskLevel))
def test_only_low_risk_rests(lin: Person, risk: RiskLevel) -> None:
    keep(lin)
    assert (lin.pk in quiet.resting([lin.pk], risk=risk, at=NIGHT)) is (risk is RiskLevel.LOW)
    assert not quiet.resting([lin.pk], risk=risk, at=DAY)


@pytest.mark.parametrize(
    ("begins", "ends", "zone", "field"),
    [
        ("22:00", "", "UTC", "begins"), ("25:00", "07:00", "UTC", "begins"),
        ("22:00", "22:00", "UTC", "begins"), ("x\x00", "07:00", "UTC", "begins"),
        ("22:00", "07:00", "Mars/Base", "zone"), ("22:00", "07:00", "../etc/passwd", "zone"),
        ("22:00", "07:00", "Europe\x00", "zone"), ("22:00", "07:00", "a" * 500, "zone"),
    ],
)  # fmt: skip
def test_what_is_no_time_or_zone_is_refused_in_words(
    lin: Person, begins: str, ends: str, zone: str, field: str
) -> None:
    with pytest.raises(errors.Invalid) as caught:
        keep(lin, begins, ends, zone)
    assert caught.value.facts["field"] == field
    assert "Nothing was changed." in caught.value.words
    assert quiet.of(lin) is None


def test_they_and_other_preferences_leave_each_other_alone(lin: Person) -> None:
    preferences.change(person=lin, at=clock.now(), chosen={"density": "dense"})
    keep(lin)
    preferences.change(person=lin, at=clock.now(), chosen={"contrast": "more"})
    assert quiet.of(lin) == quiet.Hours(time(22), time(7), "Europe/Berlin")
    assert preferences.read(lin)["density"] == "dense"
    keep(lin, "", "")
    assert quiet.of(lin) is None
    assert preferences.read(lin)["contrast"] == "more"


@pytest.mark.parametrize(
    ("risk", "at", "written"),
    [(RiskLevel.LOW, NIGHT, 0), (RiskLevel.LOW, DAY, 1), (RiskLevel.HIGH, NIGHT, 1)],
)
def test_mail_of_low_risk_is_not_written_in_quiet_hours_and_nothing_fails(
    server: MailServer, lin: Person, risk: RiskLevel, at: datetime, written: int
) -> None:
    keep(lin)
    stand = MailStand(server)
    stand.address = lin.email
    EmailAdapter().deliver(a_message(stand, card=replace(a_card(), risk=risk), at=at))
    assert len(server.taken) == written


def test_the_rest_of_a_team_is_written_to(server: MailServer, lin: Person) -> None:
    keep(lin)
    cast.person("sam")
    stand = MailStand(server)
    stand.address = "team-leads"
    EmailAdapter().deliver(a_message(stand, card=replace(a_card(), risk=RiskLevel.LOW), at=NIGHT))
    assert [mail.to for mail in server.taken] == [["sam@example.com"]]
