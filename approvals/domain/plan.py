"""The plan: who must say yes, by when, and what silence means. Frozen into a request at submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from approvals.domain.policy import superiors
from approvals.domain.terms import Approval, OnTimeout, RiskLevel


@dataclass(frozen=True, slots=True)
class Requirement:
    """`quorum` distinct people of one team."""

    team: str
    quorum: int = 1


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a stage's ladder: a window of time, and the teams asked in addition to those before.

    The first rung adds nobody; a later one is reached when the window before it passed in silence.
    """

    window: timedelta
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """Requirements met in parallel by distinct people, before one deadline after another."""

    requirements: tuple[Requirement, ...]
    rungs: tuple[Rung, ...]
    on_timeout: OnTimeout = OnTimeout.EXPIRE

    @property
    def seats(self) -> int:
        return sum(requirement.quorum for requirement in self.requirements)

    def seat_teams(self, rung: int) -> list[frozenset[str]]:
        """For each seat, the teams whose members may fill it on this rung."""
        return [
            self.fit_for(requirement.team, rung)
            for requirement in self.requirements
            for _ in range(requirement.quorum)
        ]

    def fit_for(self, team: str, rung: int) -> frozenset[str]:
        """The teams whose members may fill a seat asked of this team, on this rung.

        Teams asked later may fill every seat, but the managers of a team asked first only that team's:
        who asks two teams wants both to be heard, also after silence.
        """
        bound = {superiors.seat(each.team) for each in self.requirements}
        also = {name for step in self.rungs[: rung + 1] for name in step.also}
        return frozenset({team} | (also - bound) | (also & {superiors.seat(team)}))

    def teams(self, rung: int) -> tuple[str, ...]:
        """Everyone asked so far, in the order they were asked."""
        asked = [requirement.team for requirement in self.requirements]
        asked += [team for step in self.rungs[: rung + 1] for team in step.also]
        return tuple(dict.fromkeys(asked))


@dataclass(frozen=True, slots=True)
class Plan:
    """What the evaluation leads to.

    `pause` bounds the time that questions may stop the clock, over the request's whole life.
    `remind_at` are fractions of the current window. `owner_may_decide` is true for low risk only.
    `step_up` lets nobody approve who did not sign in just now.
    """

    risk: RiskLevel
    approval: Approval
    stages: tuple[Stage, ...] = ()
    pause: timedelta = timedelta(0)
    remind_at: tuple[float, ...] = (0.5, 0.9)
    grant_life: timedelta = timedelta(minutes=15)
    owner_may_decide: bool = False
    approve_reason_required: bool = False
    step_up: bool = False
    channels: tuple[str, ...] = ()

    @property
    def longest(self) -> timedelta:
        """From submission to the hard end: every window of every stage, and the whole pause."""
        windows = (rung.window for stage in self.stages for rung in stage.rungs)
        return sum(windows, self.pause)


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as stored and shown; spans are whole seconds."""
    return {
        "risk": plan.risk.value,
        "approval": plan.approval.value,
        "stages": [_stage_json(stage) for stage in plan.stages],
        "pause_seconds": int(plan.pause.total_seconds()),
        "remind_at": list(plan.remind_at),
        "grant_seconds": int(plan.grant_life.total_seconds()),
        "owner_may_decide": plan.owner_may_decide,
        "approve_reason_required": plan.approve_reason_required,
        "step_up": plan.step_up,
        "channels": list(plan.channels),
    }


def from_json(body: Mapping[str, Any]) -> Plan:
    """Read back what `to_json` wrote, also before it knew of `step_up`."""
    return Plan(
        risk=RiskLevel(body["risk"]),
        approval=Approval(body["approval"]),
        stages=tuple(_stage(stage) for stage in body["stages"]),
        pause=timedelta(seconds=body["pause_seconds"]),
        remind_at=tuple(body["remind_at"]),
        grant_life=timedelta(seconds=body["grant_seconds"]),
        owner_may_decide=body["owner_may_decide"],
        approve_reason_required=body["approve_reason_required"],
        step_up=body.get("step_up", False),
        channels=tuple(body["channels"]),
    )


def _stage_json(stage: Stage) -> dict[str, Any]:
    return {
        "requirements": [{"team": r.team, "quorum": r.quorum} for r in stage.requirements],
        "rungs": [
            {"seconds": int(rung.window.total_seconds()), "also": list(rung.also)}
            for rung in stage.rungs
        ],
        "on_timeout": stage.on_timeout.value,
    }


def _stage(body: Mapping[str, Any]) -> Stage:
    return Stage(
        requirements=tuple(Requirement(r["team"], r["quorum"]) for r in body["requirements"]),
        rungs=tuple(
            Rung(timedelta(seconds=rung["seconds"]), tuple(rung["also"])) for rung in body["rungs"]
        ),
        on_timeout=OnTimeout(body["on_timeout"]),
    )


def seated(seats: Sequence[frozenset[str]], people: Sequence[frozenset[str]]) -> int:
    """How many seats these people can fill at most, one seat each (bipartite matching).

    `seats` lists the teams allowed on each seat, `people` the teams of each person. Matching, not
    first come first served: whoever belongs to two teams takes the seat the others leave open.
    """
    taken: dict[int, int] = {}

    def place(person: int, tried: set[int]) -> bool:
        for seat, allowed in enumerate(seats):
            if seat in tried or not (allowed & people[person]):
                continue
            tried.add(seat)
            if seat not in taken or place(taken[seat], tried):
                taken[seat] = person
                return True
        return False

    return sum(place(person, set()) for person in range(len(people)))
