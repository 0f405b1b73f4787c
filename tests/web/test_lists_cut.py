"""A list that is cut says so, and what still opens something is never what is left out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.models import Absence, Agent, AgentKey, PersonToken, Place
from approvals.models.workspaces import Shows
from approvals.queries import agents as reads
from approvals.services import clock, showing
from approvals.web import oncall, settings_showing, settings_you
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def spent_keys(agent: Agent, how_many: int) -> None:
    """Newer than any there is, and revoked or expired, one after the other."""
    now = clock.now()
    AgentKey.objects.bulk_create(
        AgentKey(
            agent=agent, name="daily", prefix=f"spent{number:04}", digest="0" * 64, created_at=now,
            expires_at=now - DAY if number % 2 else now + DAY, revoked_at=None if number % 2 else now,
        )
        for number in range(how_many)
    )  # fmt: skip


def test_an_old_key_that_still_opens_is_listed_before_a_hundred_newer_ones_that_do_not(
    ada: Browser, robo: Agent
) -> None:
    old = AgentKey.objects.get(agent=robo)
    spent_keys(robo, reads.MOST_LISTED - 1)
    cut = "of its keys are listed, those that still open something first."
    assert cut not in ada.get("/agents/robo").text

    newest = AgentKey.objects.create(
        agent=robo, name="last", prefix="spentlast", digest="0" * 64, created_at=clock.now(),
        expires_at=clock.now() - DAY,
    )  # fmt: skip
    page = ada.get("/agents/robo")
    assert f"Only {reads.MOST_LISTED} {cut}" in page.text
    assert newest.prefix in page.text
    listed = page.by_id("keys").text
    assert listed.index(old.prefix) < listed.index(newest.prefix)
    assert f"Revoke {old.prefix}" in page.buttons


def test_an_old_token_that_still_opens_is_listed_before_newer_ones_that_do_not(
    lin: Browser,
) -> None:
    now = clock.now()
    kept = {"person": lin.person, "digest": "0" * 64, "scopes": [], "created_at": now}
    PersonToken.objects.create(**kept, name="old one", prefix="livetoken", expires_at=now + DAY)
    PersonToken.objects.bulk_create(
        PersonToken(**kept, prefix=f"spent{number}", expires_at=now - DAY)
        for number in range(settings_you.MOST)
    )
    page = lin.get("/settings/you")

    assert f"Only {settings_you.MOST} of your tokens are listed" in page.text
    assert any("livetoken" in button for button in page.buttons)


def test_absences_and_addresses_that_are_left_out_are_told_of(ada: Browser) -> None:
    now = clock.now()
    kept = {"starts_at": now, "ends_at": now + DAY, "made_by": ada.person, "made_at": now}
    people = [cast.person(f"away{number}") for number in range(oncall.MOST_AWAY + 1)]
    Absence.objects.bulk_create(Absence(person=person, **kept) for person in people)
    assert f"Only the first {oncall.MOST_AWAY} are listed." in ada.get("/oncall").text

    assert "not listed" not in ada.get("/settings/showing").text
    Place.objects.bulk_create(
        Place(adapter="teams", external_id=f"19:{number}", name=f"Room {number}", seen_at=now)
        for number in range(settings_showing.MOST)
    )
    showing.change(adapter="email", address="ops@example.com", shows=Shows.NAMES,
                   actor=cast.OPERATOR, at=now)  # fmt: skip
    page = ada.get("/settings/showing")
    assert "1 more known address is not listed" in page.text
    assert "ops@example.com" in page.text
