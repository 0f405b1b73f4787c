"""Where an agent works: a name of the zone database, kept with a line of history, that decides nothing."""

from __future__ import annotations

import pytest

from approvals.domain import errors
from approvals.models import Agent, AuditEvent
from approvals.services import agent_zones, clock
from tests.support import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def robo(db: None) -> Agent:
    return cast.agent()[0]


def changes() -> list[dict[str, str]]:
    told = AuditEvent.objects.filter(type="agent.zone_changed").order_by("pk")
    return [event.entry["detail"] for event in told]


def change(robo: Agent, name: str) -> bool:
    return agent_zones.change(agent=robo, name=name, actor=cast.OPERATOR, at=clock.now())


def test_a_change_is_kept_with_what_was_and_said_again_it_is_none(robo: Agent) -> None:
    assert change(robo, " Asia/Kolkata ")
    assert not change(robo, "Asia/Kolkata")
    assert change(robo, "")
    assert changes() == [
        {"agent": "robo", "was": "", "is": "Asia/Kolkata"},
        {"agent": "robo", "was": "Asia/Kolkata", "is": ""},
    ]
    robo.refresh_from_db()
    assert robo.time_zone == ""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Europe/Berlni", "did you mean 'Europe/Berlin'?"),
        ("kolkata", "did you mean 'Asia/Kolkata'?"),
        ("New York", "did you mean 'America/New_York'?"),
        ("Mars/Base", "such as Europe/Berlin."),
        ("../etc/passwd", "such as Europe/Berlin."),
        ("/usr/share/zoneinfo/UTC", "such as Europe/Berlin."),
        ("Factory", "Nothing was changed."),
        ("a" * 5_000, "Nothing was changed."),
        ("Europe\x00", "Nothing was changed."),
    ],
)
def test_what_is_no_zone_is_refused_with_what_was_meant(
    robo: Agent, typed: str, meant: str
) -> None:
    with pytest.raises(errors.Invalid) as caught:
        change(robo, typed)
    assert meant in caught.value.words
    assert caught.value.facts["field"] == "time_zone"
    assert changes() == []


@pytest.mark.parametrize(("who", "may"), [("sam", True), ("ada", True), ("lin", False)])
def test_its_owner_and_managers_say_where_it_works(robo: Agent, who: str, may: bool) -> None:
    person = cast.person(who)
    if not may:
        with pytest.raises(errors.NotAllowed, match="Nothing was changed"):
            agent_zones.change_by(person, agent=robo, name="UTC", at=clock.now())
        return
    assert agent_zones.change_by(person, agent=robo, name="UTC", at=clock.now())
