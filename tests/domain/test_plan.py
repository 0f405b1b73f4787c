"""The plan: seats, ladders, and its stored form."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from approvals.domain import plan as plans
from approvals.domain.plan import Plan, Requirement, Rung, Stage, seated
from approvals.domain.terms import Approval, OnTimeout, RiskLevel
from tests.domain.scene import CRITICAL, HIGH, MEDIUM, MINUTE, SILENT_YES, TWO_STAGES, a_stage

TEAMS = st.frozensets(st.sampled_from("ABCD"), max_size=3)


def at_most(seats: list[frozenset[str]], people: list[frozenset[str]]) -> int:
    """The same question by trying every order of people on every seat: slow, and plainly right."""
    padded = [*people, *([frozenset[str]()] * len(seats))]
    return max(
        sum(bool(seat & person) for seat, person in zip(seats, order, strict=False))
        for order in permutations(padded, len(seats))
    )


@given(st.lists(TEAMS, max_size=4), st.lists(TEAMS, max_size=4))
def test_people_are_seated_as_well_as_any_order_could(
    seats: list[frozenset[str]], people: list[frozenset[str]]
) -> None:
    assert seated(seats, people) == at_most(seats, people)


def test_the_one_of_two_teams_takes_the_seat_the_other_leaves() -> None:
    managers, security = frozenset({"managers"}), frozenset({"security"})
    assert seated([managers, security], [managers | security, managers]) == 2


def test_the_hard_end_holds_every_window_and_the_whole_pause() -> None:
    assert MEDIUM.longest == 25 * MINUTE
    assert TWO_STAGES.longest == 22 * MINUTE


def test_each_rung_adds_people_to_every_seat() -> None:
    [stage] = MEDIUM.stages
    assert stage.seat_teams(0) == [frozenset({"team-leads"})]
    assert stage.seat_teams(1) == [frozenset({"team-leads", "managers"})]
    assert (stage.teams(0), stage.teams(1)) == (("team-leads",), ("team-leads", "managers"))


def test_managers_of_one_team_asked_fill_that_teams_seats_alone() -> None:
    later = Rung(5 * MINUTE, ("manager:leads", "manager:security", "manager:ops", "crew"))
    stage = replace(a_stage("leads", "security"), rungs=(Rung(5 * MINUTE), later))
    anywhere = {"manager:ops", "crew"}
    assert stage.seat_teams(0) == [{"leads"}, {"security"}]
    assert stage.seat_teams(1) == [
        {"leads", "manager:leads"} | anywhere,
        {"security", "manager:security"} | anywhere,
    ]
    bosses = frozenset({"manager:leads"})
    assert seated(stage.seat_teams(1), [bosses, bosses]) == 1


def test_a_quorum_is_so_many_seats_and_a_team_is_asked_once() -> None:
    stage = a_stage(("change-board", 2), "security")
    assert stage.seats == 3
    assert stage.teams(0) == ("change-board", "security")


def test_the_stored_form_is_plain_and_read_back_alike() -> None:
    for plan in (
        MEDIUM,
        HIGH,
        CRITICAL,
        TWO_STAGES,
        SILENT_YES,
        replace(MEDIUM, channels=("slack",)),
    ):
        assert plans.from_json(plans.to_json(plan)) == plan
    assert plans.to_json(MEDIUM)["stages"][0]["rungs"] == [
        {"seconds": 300, "also": []},
        {"seconds": 300, "also": ["managers"]},
    ]


NAMES = st.text(min_size=1, max_size=8)
SPANS = st.integers(1, 10**6).map(lambda seconds: timedelta(seconds=seconds))
STAGES = st.builds(
    Stage,
    requirements=st.lists(
        st.builds(Requirement, NAMES, st.integers(1, 3)), min_size=1, max_size=3
    ).map(tuple),
    rungs=st.lists(
        st.builds(Rung, SPANS, st.lists(NAMES, max_size=2).map(tuple)), min_size=1, max_size=3
    ).map(tuple),
    on_timeout=st.sampled_from(OnTimeout),
)
PLANS = st.builds(
    Plan,
    risk=st.sampled_from(RiskLevel),
    approval=st.sampled_from(Approval),
    stages=st.lists(STAGES, max_size=3).map(tuple),
    pause=SPANS,
    remind_at=st.lists(st.sampled_from([0.25, 0.5, 0.9]), max_size=3).map(tuple),
    grant_life=SPANS,
    owner_may_decide=st.booleans(),
    approve_reason_required=st.booleans(),
    step_up=st.booleans(),
    channels=st.lists(NAMES, max_size=2).map(tuple),
)


@given(PLANS)
def test_every_plan_survives_being_stored(plan: Plan) -> None:
    assert plans.from_json(plans.to_json(plan)) == plan


def test_a_plan_stored_before_fresh_sign_ins_asks_for_none() -> None:
    stored = plans.to_json(MEDIUM)
    del stored["step_up"]
    assert plans.from_json(stored) == MEDIUM
