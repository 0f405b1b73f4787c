"""What somebody said and can still undo is weighed over the whole card, and no denial of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from approvals import queries
from approvals.domain import errors
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, HeldDecision
from approvals.services import holding, lifecycle, timers
from approvals.services.clicks import Said
from tests.domain.scene import NOON
from tests.support import cast

Kinds = Callable[[ApprovalRequest], list[str]]


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


def approve_at_once(
    row: ApprovalRequest,
    name: str,
    *,
    at: datetime,
    channel: str = "api",
    version: int | None = None,
) -> None:
    """Where nothing is held."""
    person, said = cast.person(name), Verdict.APPROVE
    lifecycle.decide(
        ref=row.ref, person=person, verdict=said, at=at, channel=channel, version=version
    )


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


def test_an_approval_too_late_to_be_held_does_not_overtake_a_held_denial(
    kim: str, kinds: Kinds
) -> None:
    row = cast.request(at=NOON)
    deny(row, "lin", at=row.decide_by - timedelta(seconds=8))

    with pytest.raises(errors.AlreadyDecided, match="Already denied: Lin"):
        approve(row, kim, at=row.decide_by - timedelta(milliseconds=900))

    assert statuses(row) == ["denied"]
    assert kinds(row)[1:] == ["decision.held", "request.denied", "decision.refused"]


@pytest.mark.parametrize("channel", ["api", "teams"])
def test_an_approval_where_nothing_is_held_does_not_overtake_a_held_denial(
    kim: str, channel: str
) -> None:
    row = cast.request(at=NOON)
    deny(row, "lin", at=after(1))

    with pytest.raises(errors.AlreadyDecided, match="Already denied: Lin"):
        approve_at_once(row, kim, at=after(5), channel=channel)

    assert statuses(row) == ["denied"]
    assert HeldDecision.objects.get().why_not == ""


def test_a_denial_of_one_on_a_card_is_carried_out_before_the_card_is_approved(kim: str) -> None:
    first, second = cast.request(at=NOON), cast.request(at=NOON)
    deny(second, "lin", at=after(1))

    seen = queries.request(first.ref).version
    approve_at_once(first, kim, at=after(5), version=seen)

    assert statuses(first, second) == ["approved", "denied"]


def test_a_held_approval_that_ends_sooner_does_not_overtake_a_held_denial(kim: str) -> None:
    """Each of a card has its own deadline, which ends the time to undo."""
    first, second = cast.request(at=NOON), cast.request(at=after(20))
    by = first.decide_by
    deny(second, "lin", at=by - timedelta(seconds=6))
    approve(first, kim, at=by - timedelta(seconds=3))
    assert [held.release_at - by for held in HeldDecision.objects.order_by("id")] == [
        timedelta(seconds=4),
        timedelta(0),
    ]

    timers.fire_due(at=by)

    assert statuses(first, second) == ["approved", "denied"]


def test_an_approval_that_is_refused_anyway_does_not_cut_the_time_to_undo() -> None:
    row = cast.request(at=NOON)
    deny(row, "lin", at=after(1))

    with pytest.raises(errors.NotAnApprover):
        approve_at_once(row, "mallory", at=after(5))

    undo(row, "lin", at=after(6))
    assert statuses(row) == ["pending"]


def test_the_same_said_again_of_a_card_that_grew_is_refused_and_not_dropped() -> None:
    first = cast.request(at=NOON)
    approve(first, "lin", at=after(1))
    second = cast.request(at=after(2))

    with pytest.raises(errors.Conflict, match="covers only what was shown then") as no:
        approve(first, "lin", at=after(3))

    assert second.ref in no.value.words
    timers.fire_due(at=after(30))
    assert statuses(first, second) == ["approved", "pending"]


def test_a_second_click_on_what_was_seen_before_the_card_grew_is_said_before() -> None:
    first = cast.request(at=NOON)
    said = Said(cast.person("lin"), Verdict.APPROVE, version=1, channel="web")
    holding.decide(said, ref=first.ref, at=after(1))
    cast.request(at=after(2))

    holding.decide(said, ref=first.ref, at=after(3))

    assert HeldDecision.objects.count() == 1


def test_a_denial_repeated_after_words_only_is_said_before() -> None:
    row = cast.request(at=NOON)
    deny(row, "lin", at=after(1))
    lifecycle.add_message(ref=row.ref, text="One more.", agent=row.agent, at=after(2))

    deny(row, "lin", at=after(3))

    assert HeldDecision.objects.count() == 1


def test_nobody_takes_back_and_says_again_without_end(kinds: Kinds) -> None:
    row = cast.request(at=NOON)
    for turn in range(holding.MOST_UNDONE):
        approve(row, "lin", at=after(2 * turn))
        undo(row, "lin", at=after(2 * turn + 1))
    approve(row, "lin", at=after(20))

    with pytest.raises(errors.TooMany, match=r"Not undone. .* takes effect at 12:00:30 UTC") as no:
        undo(row, "lin", at=after(21))

    assert 0 < int(str(no.value.facts["retry_after"])) <= 3600
    assert kinds(row).count("decision.undone") == holding.MOST_UNDONE
    timers.fire_due(at=after(30))
    assert statuses(row) == ["approved"]


def test_what_one_took_back_an_hour_ago_or_elsewhere_or_others_did_does_not_count(
    kim: str,
) -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    other = cast.request(at=NOON, **cast.HIGH | {"target": "another"})
    for turn in range(holding.MOST_UNDONE):
        approve(row, "ada", at=after(2 * turn))
        undo(row, "ada", at=after(2 * turn + 1))

    for ref, name, at in ((row, "grace", 20), (other, "ada", 20), (row, "ada", 3610)):
        approve(ref, name, at=after(at))
        undo(ref, name, at=after(at + 1))
