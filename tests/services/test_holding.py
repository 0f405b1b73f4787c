"""A decision made on the dashboard can be undone for some seconds, is never lost and never doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from approvals import queries
from approvals.domain import errors
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Decision, HeldDecision, Person
from approvals.services import grants, holding, lifecycle, people, timers
from approvals.services.clicks import Said
from tests.domain.scene import NOON, minutes
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

Kinds = Callable[[ApprovalRequest], list[str]]


@pytest.fixture(autouse=True)
def undo_is_on(settings: Settings) -> None:
    settings.UNDO_SECONDS = None


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def say(
    row: ApprovalRequest,
    name: str,
    verdict: Verdict = Verdict.APPROVE,
    comment: str = "",
    *,
    at: datetime,
) -> ApprovalRequest:
    """Somebody's click on the dashboard, on what they see there now."""
    seen = queries.request(row.ref)
    said = Said(
        person=cast.person(name),
        verdict=verdict,
        comment=comment,
        version=seen.version,
        shown=seen.action_sha256,
        channel="web",
        authenticated_by="password_session",
    )
    return holding.decide(said, ref=row.ref, at=at)


def status(row: ApprovalRequest) -> str:
    return queries.request(row.ref).status


def test_what_is_held_counts_only_once_its_time_has_come(kinds: Kinds) -> None:
    row = cast.request(at=NOON)

    say(row, "lin", at=after(1))

    assert status(row) == "pending"
    assert timers.fire_due(at=after(10.9)) == 0
    assert status(row) == "pending"
    assert grants.token(queries.request(row.ref), at=after(10.9)) is None
    assert timers.fire_due(at=after(11)) == 1
    assert timers.fire_due(at=after(11)) == 0
    assert kinds(row) == ["request.submitted", "decision.held", "request.approved"]
    decision = row.decisions.get()
    assert (decision.at, decision.channel) == (after(1), "web")
    assert decision.authenticated_by == "password_session"


@pytest.mark.parametrize(
    ("change", "seconds"),
    [({}, 10), (cast.HIGH, 10), (cast.CRITICAL, None), ({"risk": "high"}, 10)],
)
def test_how_long_depends_on_the_risk_and_critical_is_at_once(
    change: dict[str, Any], seconds: int | None
) -> None:
    row = cast.request(at=NOON, **change)
    name = {"medium": "lin", "high": "ada", "critical": "chen"}[row.risk]

    say(row, name, at=after(1))

    held = HeldDecision.objects.first()
    if seconds is None:
        assert held is None
        assert row.decisions.count() == 1
    else:
        assert held is not None
        assert held.release_at == after(1 + seconds)
        assert not row.decisions.exists()


def test_undoing_leaves_it_waiting_and_both_in_its_history(
    kinds: Kinds, channel: FakeAdapter
) -> None:
    row = cast.request(at=NOON, callback_url="https://agent.example.com/cb")
    told = queries.deliveries_of(row).count()

    say(row, "lin", at=after(1))
    holding.undo(ref=row.ref, person=cast.person("lin"), at=after(5))
    timers.fire_due(at=after(60))

    assert status(row) == "pending"
    assert kinds(row) == ["request.submitted", "decision.held", "decision.undone"]
    assert queries.deliveries_of(row).count() == told
    assert not Decision.objects.exists()
    say(row, "lin", at=after(70))
    timers.fire_due(at=after(90))
    assert status(row) == "approved"


def test_only_whoever_said_it_may_undo_it_and_only_in_time() -> None:
    row = cast.request(at=NOON)
    say(row, "lin", at=after(1))

    with pytest.raises(errors.Conflict, match="Nothing of yours waits"):
        holding.undo(ref=row.ref, person=cast.person("ada"), at=after(2))
    with pytest.raises(errors.Conflict, match="Too late to undo: you approved this"):
        holding.undo(ref=row.ref, person=cast.person("lin"), at=after(11))
    assert status(row) == "approved"
    with pytest.raises(errors.Conflict, match="Too late"):
        holding.undo(ref=row.ref, person=cast.person("lin"), at=after(12))


def test_undone_twice_is_undone_once(kinds: Kinds) -> None:
    row = cast.request(at=NOON)
    say(row, "lin", at=after(1))
    holding.undo(ref=row.ref, person=cast.person("lin"), at=after(2))

    with pytest.raises(errors.Conflict, match="Nothing was changed"):
        holding.undo(ref=row.ref, person=cast.person("lin"), at=after(2))

    assert kinds(row).count("decision.undone") == 1


def test_the_same_click_twice_is_held_once(kinds: Kinds) -> None:
    row = cast.request(at=NOON)
    say(row, "lin", at=after(1))
    say(row, "lin", at=after(2))

    assert HeldDecision.objects.count() == 1
    assert kinds(row).count("decision.held") == 1
    with pytest.raises(errors.Conflict, match="Undo that first"):
        say(row, "lin", Verdict.DENY, "Not now after all.", at=after(3))


def test_any_touch_gives_out_what_is_due_before_time_moves_on() -> None:
    """The worker was down: the deadline passed too, but the click was in time."""
    row = cast.request(at=NOON, **cast.HIGH)
    cast.decide(row, cast.person("grace"), at=after(1))
    say(row, "ada", at=after(2))

    with pytest.raises(errors.AlreadyDecided, match=r"approved: Grace and Ada at 12:00:02"):
        cast.decide(row, cast.person("sam"), Verdict.DENY, "Late.", at=minutes(6 * 60))

    assert status(row) == "approved"


def test_a_click_just_before_the_deadline_counts_at_the_deadline(kinds: Kinds) -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    by = row.decide_by
    cast.decide(row, cast.person("grace"), at=after(1))

    say(row, "ada", at=by - timedelta(seconds=3))
    assert HeldDecision.objects.get().release_at == by
    timers.fire_due(at=by + timedelta(minutes=2))

    assert status(row) == "approved"
    assert "request.expired" not in kinds(row)


def test_a_click_in_the_last_second_is_not_held() -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    cast.decide(row, cast.person("grace"), at=after(1))

    say(row, "ada", at=row.decide_by - timedelta(milliseconds=400))

    assert status(row) == "approved"


def test_a_request_that_expires_cannot_be_decided_on_the_way() -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    with pytest.raises(errors.Expired):
        say(row, "ada", at=row.decide_by)
    assert not HeldDecision.objects.exists()


def test_another_person_elsewhere_wins_and_the_first_reads_why(kinds: Kinds) -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    say(row, "ada", at=after(1))

    cast.decide(row, cast.person("grace"), Verdict.DENY, "Freeze.", at=after(3))
    timers.fire_due(at=after(60))

    held = HeldDecision.objects.get()
    assert held.released_at == after(3)
    assert "Already denied: Grace at 12:00:03" in held.why_not
    assert kinds(row) == [
        "request.submitted",
        "decision.held",
        "request.denied",
        "decision.refused",
    ]
    assert [decision.verdict for decision in row.decisions.all()] == ["deny"]


def test_a_denial_does_not_wait_behind_an_approval_on_its_way() -> None:
    row = cast.request(at=NOON)
    say(row, "lin", at=after(1))

    cast.person("eve", teams=["team-leads"])
    say(row, "eve", Verdict.DENY, "Do not do that.", at=after(2))

    assert status(row) == "denied"
    assert "Already denied: Eve" in HeldDecision.objects.get().why_not


def test_a_denial_is_held_too() -> None:
    row = cast.request(at=NOON)

    say(row, "lin", Verdict.DENY, "Not in the freeze.", at=after(1))
    assert status(row) == "pending"
    timers.fire_due(at=after(12))

    assert status(row) == "denied"
    assert row.decisions.get().comment == "Not in the freeze."


def test_two_of_two_may_both_be_held_and_nothing_runs_before(kinds: Kinds) -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    say(row, "ada", at=after(1))
    say(row, "grace", at=after(4))

    timers.fire_due(at=after(12))
    assert (status(row), row.decisions.count()) == ("pending", 1)
    timers.fire_due(at=after(14))

    assert status(row) == "approved"
    assert kinds(row)[1:] == [
        "decision.held",
        "decision.held",
        "request.seat_filled",
        "request.approved",
    ]


def test_a_question_meanwhile_changes_what_was_shown_and_the_click_does_not_count() -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    say(row, "ada", at=after(1))
    cast.decide(row, cast.person("grace"), Verdict.INVESTIGATE, "Why?", at=after(3))

    timers.fire_due(at=after(12))

    assert status(row) == "investigating"
    assert "The request changed after what you saw" in HeldDecision.objects.get().why_not
    assert not row.decisions.filter(verdict="approve").exists()


def word_from(row: ApprovalRequest, who: str, *, at: datetime) -> None:
    """Something new to read; `robo` is the agent itself."""
    if who == "robo":
        lifecycle.add_message(ref=row.ref, text="Please.", agent=row.agent, at=at)
    else:
        lifecycle.add_message(ref=row.ref, text="Please.", person=cast.person(who), at=at)


@pytest.mark.parametrize("who", ["robo", "sam", "lin", "mallory"])
def test_no_words_talk_a_held_denial_away(who: str, kinds: Kinds) -> None:
    row = cast.request(at=NOON)
    say(row, "lin", Verdict.DENY, "Not in the freeze.", at=after(1))
    word_from(row, who, at=after(3))

    assert status(row) == "pending"
    timers.fire_due(at=after(12))

    assert status(row) == "denied"
    assert [each.verdict for each in row.decisions.all()] == ["deny"]
    assert kinds(row)[1:] == ["decision.held", "request.message_added", "request.denied"]
    assert HeldDecision.objects.get().why_not == ""


def test_a_question_of_another_does_not_void_a_held_denial() -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    say(row, "ada", Verdict.DENY, "Freeze.", at=after(1))
    cast.decide(row, cast.person("grace"), Verdict.INVESTIGATE, "Why?", at=after(3))

    timers.fire_due(at=after(12))

    assert status(row) == "denied"


def test_a_held_denial_of_a_shared_card_counts_for_what_it_showed_whatever_was_said() -> None:
    row, twin = cast.request(at=NOON), cast.request(at=NOON)
    say(row, "lin", Verdict.DENY, "Not twice.", at=after(1))
    third = cast.request(at=after(2))
    word_from(row, "robo", at=after(3))

    timers.fire_due(at=after(12))

    assert [status(each) for each in (row, twin, third)] == ["denied", "denied", "pending"]


@pytest.mark.parametrize("who", ["robo", "sam"])
def test_new_words_end_a_held_approval_at_once_and_its_giver_reads_why(
    who: str, kinds: Kinds
) -> None:
    row = cast.request(at=NOON)
    say(row, "lin", at=after(1))

    word_from(row, who, at=after(3))

    held = HeldDecision.objects.get()
    assert held.released_at == after(3)
    assert "The request changed after what you saw" in held.why_not
    timers.fire_due(at=after(12))
    assert status(row) == "pending"
    assert not row.decisions.exists()
    assert kinds(row)[1:] == ["decision.held", "request.message_added", "decision.refused"]
    say(row, "lin", at=after(20))  # read again, it is held anew
    assert HeldDecision.objects.count() == 2


def test_a_question_is_asked_at_once() -> None:
    row = cast.request(at=NOON)
    say(row, "lin", Verdict.INVESTIGATE, "Why?", at=after(1))
    assert status(row) == "investigating"


def test_who_left_the_team_meanwhile_does_not_count() -> None:
    row = cast.request(at=NOON)
    say(row, "lin", at=after(1))
    people.leave(
        person=cast.person("lin", teams=[]), team="team-leads", actor=cast.OPERATOR, at=NOON
    )

    timers.fire_due(at=after(20))

    assert status(row) == "pending"
    assert "you are not one of them" in HeldDecision.objects.get().why_not


def test_a_withdrawn_request_ends_what_is_held() -> None:
    row = cast.request(at=NOON)
    say(row, "lin", at=after(1))

    lifecycle.cancel(ref=row.ref, agent=row.agent, at=after(2))

    assert "Already cancelled" in HeldDecision.objects.get().why_not


def test_a_refused_click_is_never_held(kinds: Kinds) -> None:
    row = cast.request(at=NOON)
    with pytest.raises(errors.NotAnApprover):
        say(row, "mallory", at=after(1))
    with pytest.raises(errors.Invalid):
        say(row, "lin", Verdict.DENY, " ", at=after(1))
    assert kinds(row) == ["request.submitted", "decision.refused"]
    assert not HeldDecision.objects.exists()


def test_a_click_on_a_shared_card_is_given_out_for_what_it_showed(settings: Settings) -> None:
    row, twin = cast.request(at=NOON), cast.request(at=NOON)
    assert queries.request(twin.ref).joined_id == row.pk
    say(row, "lin", at=after(1))
    third = cast.request(at=after(3))

    timers.fire_due(at=after(12))

    assert [status(each) for each in (row, twin, third)] == ["approved", "approved", "pending"]


def test_seconds_can_be_set_and_switched_off(settings: Settings) -> None:
    settings.UNDO_SECONDS = 30
    first, second = cast.request(at=NOON), cast.request(at=NOON, target="another")
    say(first, "lin", at=after(1))
    assert HeldDecision.objects.get().release_at == after(31)
    settings.UNDO_SECONDS = 0
    say(second, "lin", at=after(1))
    assert status(second) == "approved"


def test_the_age_of_what_nobody_gives_out_is_known() -> None:
    row = cast.request(at=NOON)
    say(row, "lin", at=after(1))
    assert timers.oldest_due(at=after(10)) == 0
    assert timers.oldest_due(at=after(15)) == 4


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_undoing_and_giving_out_exactly_one_happens() -> None:
    lin = cast.person("lin")
    ends = []
    for turn in range(50):
        row = cast.request(at=NOON, target=f"service-{turn}")
        say(row, "lin", at=after(1))

        heard = race_for(row, lin)

        held = HeldDecision.objects.get(request=row)
        assert (held.undone_at is None) != (held.released_at is None)
        assert heard == ["undone" if held.undone_at else "too late"]
        assert status(row) == ("pending" if held.undone_at else "approved")
        assert row.decisions.count() == (0 if held.undone_at else 1)
        ends += heard
        if held.undone_at:
            lifecycle.cancel(ref=row.ref, agent=row.agent, at=after(12))
    assert len(ends) == 50


def race_for(row: ApprovalRequest, lin: Person) -> list[str]:
    """One undoes it a moment before its time, while two processes fire what is due."""
    heard: list[str] = []
    together = threading.Barrier(3)

    def undoes() -> None:
        try:
            holding.undo(ref=row.ref, person=lin, at=after(10.9))
            heard.append("undone")
        except errors.Conflict:
            heard.append("too late")

    def gives_out() -> None:
        timers.fire_due(at=after(11))

    def start(task: Callable[[], None]) -> None:
        try:
            together.wait(30)
            task()
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=start, args=(task,)) for task in (undoes, gives_out, gives_out)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return heard
