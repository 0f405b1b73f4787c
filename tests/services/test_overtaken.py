"""What somebody said and can still undo is weighed over the whole card, and no denial of it is lost."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from approvals import queries
from approvals.domain import errors
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest
from approvals.services import holding, timers
from approvals.services.clicks import Said
from tests.domain.scene import NOON
from tests.support import cast


@pytest.fixture(autouse=True)
def undo_is_on(settings: Settings) -> None:
    settings.UNDO_SECONDS = None


@pytest.fixture
def kim() -> str:
    cast.person("kim", teams=["team-leads"])
    return "kim"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def approve(row: ApprovalRequest, name: str, *, at: datetime) -> None:
    seen = queries.request(row.ref).version
    said = Said(cast.person(name), Verdict.APPROVE, version=seen, channel="web")
    holding.decide(said, ref=row.ref, at=at)


def deny(row: ApprovalRequest, name: str, *, at: datetime) -> None:
    seen = queries.request(row.ref).version
    said = Said(cast.person(name), Verdict.DENY, "Never this one.", seen, channel="web")
    holding.decide(said, ref=row.ref, at=at)


def undo(row: ApprovalRequest, name: str, *, at: datetime) -> None:
    holding.undo(ref=row.ref, person=cast.person(name), at=at)


def statuses(*rows: ApprovalRequest) -> list[str]:
    return [queries.request(row.ref).status for row in rows]


def test_a_denial_of_one_on_a_card_does_not_wait_behind_an_approval_of_the_card(kim: str) -> None:
    first, second = cast.request(at=NOON), cast.request(at=NOON)
    approve(first, "lin", at=after(1))

    deny(second, kim, at=after(3))

    assert statuses(first, second) == ["pending", "denied"]
    timers.fire_due(at=after(30))
    assert statuses(first, second) == ["approved", "denied"]


def test_a_denial_of_a_card_does_not_wait_behind_an_approval_of_one_on_it(kim: str) -> None:
    first, second = cast.request(at=NOON), cast.request(at=NOON)
    approve(second, "lin", at=after(1))

    deny(first, kim, at=after(3))

    assert statuses(first, second) == ["denied", "denied"]


def test_who_approved_a_card_is_told_to_undo_that_before_denying_one_on_it() -> None:
    first, second = cast.request(at=NOON), cast.request(at=NOON)
    approve(first, "lin", at=after(1))

    with pytest.raises(errors.Conflict, match=f"You approved {first.ref} at .* Undo that first"):
        deny(second, "lin", at=after(3))

    undo(first, "lin", at=after(4))
    deny(second, "lin", at=after(5))
    timers.fire_due(at=after(30))
    assert statuses(first, second) == ["pending", "denied"]


def test_the_same_said_of_another_on_the_card_is_not_taken_for_said_before() -> None:
    first, second = cast.request(at=NOON), cast.request(at=NOON)
    approve(second, "lin", at=after(1))

    approve(first, "lin", at=after(3))

    timers.fire_due(at=after(30))
    assert statuses(first, second) == ["approved", "approved"]
