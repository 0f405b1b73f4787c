"""Laws of standing in: whatever is lent, nobody gains a right but through a present absence of a member."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.domain import workflow
from approvals.domain.absence import Lent
from approvals.domain.errors import Refusal
from approvals.domain.plan import Plan, Requirement, Rung, Stage, seated
from approvals.domain.state import Approver, Click, RequestState
from approvals.domain.terms import Approval, RiskLevel, Status, Verdict
from tests.domain.scene import DIGEST, MINUTE, NOON

TEAMS = ("A", "B", "C")
PEOPLE = range(5)
MEMBERS = st.lists(st.frozensets(st.sampled_from(TEAMS), max_size=2), min_size=5, max_size=5)
# Who is away, who stands in for them, and from which minute until which.
ABSENCES = st.dictionaries(
    st.sampled_from(PEOPLE),
    st.tuples(st.sampled_from(PEOPLE), st.integers(-3, 6), st.integers(1, 6)),
    max_size=3,
)
NEEDS = st.lists(
    st.builds(Requirement, st.sampled_from(TEAMS), st.integers(1, 2)), min_size=1, max_size=2
).map(tuple)
CLICKS = st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(0, 8)), min_size=1, max_size=8)
Away = dict[int, tuple[int, int, int]]


def span(away: Away, who: int) -> tuple[int, int]:
    _, start, length = away[who]
    return start, start + length


def is_away(away: Away, who: int, minute: int) -> bool:
    return who in away and span(away, who)[0] <= minute < span(away, who)[1]


def approver(who: int, teams: list[frozenset[str]], away: Away) -> Approver:
    """As the database tells it: parts of those who share a team, not while one is away oneself."""

    def moments(person: int) -> tuple[object, object]:
        start, end = span(away, person)
        return NOON + start * MINUTE, NOON + end * MINUTE

    unless = (moments(who),) if who in away else ()
    lent = tuple(
        Lent(other, f"P{other}", f"p{other}@x", teams[other], moments(other), unless)  # type: ignore[arg-type]
        for other in away
        if away[other][0] == who and other != who and teams[other] & teams[who]
    )
    return Approver(who, f"P{who}", teams[who], lent)


def opened(needs: tuple[Requirement, ...], conflicted: frozenset[int]) -> RequestState:
    plan = Plan(
        risk=RiskLevel.HIGH,
        approval=Approval.REQUIRED,
        stages=(Stage(needs, (Rung(timedelta(hours=1)),)),),
    )
    return replace(workflow.opened(plan, action_sha256=DIGEST, at=NOON), conflicted=conflicted)


@settings(max_examples=400, deadline=None)
@given(MEMBERS, ABSENCES, NEEDS, st.frozensets(st.sampled_from(PEOPLE), max_size=1), CLICKS)
def test_every_seat_is_a_part_of_its_own_given_by_whoever_may(
    teams: list[frozenset[str]],
    away: Away,
    needs: tuple[Requirement, ...],
    conflicted: frozenset[int],
    clicks: list[tuple[int, int]],
) -> None:
    state = opened(needs, conflicted)
    asked = frozenset(state.teams_asked)
    for who, minute in sorted(clicks, key=lambda click: click[1]):
        at = NOON + minute * MINUTE
        given_by = {seat.approver.id for seat in state.approvals}
        try:
            change = workflow.decide(
                state, Click(approver(who, teams, away), Verdict.APPROVE), at=at
            )
        except Refusal:
            continue
        absent = change.click.standing_in_for if change.click else None
        assert who not in given_by
        assert who not in conflicted
        if not teams[who] & asked:
            assert absent is not None
        if absent is not None:
            assert is_away(away, absent.id, minute)
            assert not is_away(away, who, minute)
            assert away[absent.id][0] == who
            assert teams[absent.id] & asked
            assert absent.id not in conflicted | given_by
        state = change.after
        if state.status.is_final:
            break
    if state.status is Status.APPROVED:
        # Distinct people, and each seat rests on a membership that no other seat rests on.
        holders = [
            {seat.approver.id, *(part.id for part in seat.approver.lent if part.holds(seat.at))}
            for seat in state.approvals
        ]
        seats = sum(need.quorum for need in needs)
        members = sorted(set().union(*holders) - conflicted)
        assert seated(
            [frozenset({need.team}) for need in needs for _ in range(need.quorum)],
            [teams[member] for member in members],
        ) == seats  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(MEMBERS, ABSENCES, NEEDS, CLICKS)
def test_without_the_absence_nothing_more_is_allowed_than_to_members(
    teams: list[frozenset[str]],
    away: Away,
    needs: tuple[Requirement, ...],
    clicks: list[tuple[int, int]],
) -> None:
    """A click outside every absence counts exactly where it counts for the person alone."""
    state = opened(needs, frozenset())
    for who, minute in clicks:
        if any(is_away(away, other, minute) for other in away):
            continue
        at = NOON + minute * MINUTE
        person = approver(who, teams, away)

        def counts(someone: Approver, at: object = at) -> bool:
            try:
                workflow.decide(state, Click(someone, Verdict.APPROVE), at=at)  # type: ignore[arg-type]
            except Refusal:
                return False
            return True

        assert counts(person) is counts(replace(person, lent=()))


def test_an_absence_holds_from_its_first_instant_and_not_at_its_last() -> None:
    part = Lent(1, "Ana", "ana@x", frozenset("A"), (NOON, NOON + MINUTE))
    assert part.holds(NOON)
    assert not part.holds(NOON + MINUTE)
    assert not replace(part, unless=((NOON, NOON + MINUTE),)).holds(NOON)
