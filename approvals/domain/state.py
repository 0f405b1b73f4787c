"""What the rules need to know about one request, and what they answer with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from approvals.domain.absence import Lent
from approvals.domain.plan import Plan, Stage, seated
from approvals.domain.terms import (
    AskedOf,
    Basis,
    EventKind,
    OnTimeout,
    Status,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Approver:
    """A person at the moment of their click: who they are and which teams they belong to now.

    `lent` are the parts that absent people put into their hands, whenever that holds.
    """

    id: int
    name: str
    teams: frozenset[str]
    lent: tuple[Lent, ...] = ()

    def rights(self, *, at: datetime) -> frozenset[str]:
        """The teams whose part this person may give at a moment: their own, and those of the absent."""
        return self.teams.union(*(part.teams for part in self.lent if part.holds(at)))


@dataclass(frozen=True, slots=True)
class Seat:
    """An approval that was given, with the teams its giver belongs to now (none when disabled)."""

    approver: Approver
    stage: int
    at: datetime


def spoken(name: str, absent: Lent | None) -> str:
    """A person as history and messages name them, with whom they stand in for."""
    return name if absent is None else f"{name}, standing in for {absent.name}"


@dataclass(frozen=True, slots=True)
class Click:
    """One person's verdict and the circumstances it was given in.

    `version` and `shown` are what the person looked at: the request's version and the digest of the
    action. None means the door cannot know. `is_fresh` says that their door saw them sign in just now,
    and `by_session` that it knows them by a browser's session.
    `standing_in_for` is found by the rules: no door says it. `asked_of` is for a question alone.
    """

    approver: Approver
    verdict: Verdict
    comment: str = ""
    version: int | None = None
    shown: str | None = None
    channel: str = "api"
    authenticated_by: str = ""
    is_fresh: bool = False
    by_session: bool = False
    standing_in_for: Lent | None = None
    asked_of: AskedOf = AskedOf.BOTH

    @property
    def by(self) -> str:
        """Who decided, as people read it."""
        return spoken(self.approver.name, self.standing_in_for)


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to run once. `lapsed` when its life ended unused."""

    expires_at: datetime
    consumed_at: datetime | None = None
    consumed_key: str = ""
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class RequestState:
    """All the rules need to know about one request, and nothing else.

    `decide_by` is the current deadline and, while a question is open, already holds the rest of the
    pause; `expires_at` never moves. `conflicted` are the people this request is too close to; `asked_by`
    is the one of them who asked the service for the change, where the request is its own.
    """

    status: Status
    plan: Plan
    action_sha256: str
    version: int
    window_opened_at: datetime
    decide_by: datetime
    expires_at: datetime
    pause_left: timedelta
    stage: int = 0
    rung: int = 0
    reminded: int = 0
    paused_at: datetime | None = None
    investigator: int | None = None
    approvals: tuple[Seat, ...] = ()
    conflicted: frozenset[int] = frozenset()
    asked_by: int | None = None
    basis: Basis | None = None
    reason_code: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    grant: Grant | None = None
    outcome: Mapping[str, object] | None = None
    outcome_at: datetime | None = None

    @property
    def current(self) -> Stage:
        return self.plan.stages[self.stage]

    @property
    def teams_asked(self) -> tuple[str, ...]:
        return self.current.teams(self.rung) if self.plan.stages else ()

    @property
    def pause_open(self) -> timedelta:
        """How long a question may stop the clock now: never past the hard end."""
        return min(self.pause_left, self.expires_at - self.decide_by)

    @property
    def silence_consents(self) -> bool:
        """Only after the whole window: an agent that gives up earlier must not gain by its hurry."""
        waited = self.decide_by - self.window_opened_at
        window = self.current.rungs[self.rung].window
        return self.current.on_timeout is OnTimeout.APPROVE and waited >= window

    @property
    def counted(self) -> tuple[Seat, ...]:
        """This stage's approvals that still count: the giver is still allowed to give them."""
        return tuple(seat for seat, _ in self._given())

    @property
    def filled(self) -> int:
        return seated(self.current.seat_teams(self.rung), [teams for _, teams in self._given()])

    @property
    def next_reminder(self) -> datetime | None:
        """When to remind next within this window; None when that was done."""
        if self.reminded >= len(self.plan.remind_at):
            return None
        window = self.decide_by - self.window_opened_at
        return self.window_opened_at + window * self.plan.remind_at[self.reminded]

    def _given(self) -> list[tuple[Seat, frozenset[str]]]:
        """The approvals of this stage that count, each with the teams whose part it gives."""
        asked = frozenset(self.teams_asked)
        return [
            (seat, teams)
            for seat, teams in self._parts()
            if seat.stage == self.stage and not self.is_conflicted(seat.approver) and teams & asked
        ]

    def _parts(self) -> list[tuple[Seat, frozenset[str]]]:
        """Every approval with the teams whose part it gives. The part of an absent person is given once:
        by themselves if they did, else by the first who stood in for them."""
        given = {seat.approver.id for seat in self.approvals}
        found = []
        for seat in self.approvals:
            own, asked = seat.approver.teams, self.asked_in(seat.stage)
            lent = [part for part in self.lends(seat) if part.id not in given]
            given.update(part.id for part in lent if (part.teams - own) & asked)
            found.append((seat, own.union(*(part.teams for part in lent))))
        return found

    def asked_in(self, stage: int) -> frozenset[str]:
        """Everybody a stage could ever ask."""
        asked = self.plan.stages[stage]
        return frozenset(asked.teams(len(asked.rungs)))

    def lends(self, seat: Seat) -> tuple[Lent, ...]:
        """The parts lent to somebody at the moment of their approval; who is too close lends nothing."""
        return tuple(
            part
            for part in seat.approver.lent
            if part.holds(seat.at) and not self.is_close(part.id)
        )

    def is_conflicted(self, approver: Approver) -> bool:
        """Too close to the request to decide it: the agent's owner, or whoever made its key."""
        return self.is_close(approver.id)

    def is_close(self, person: int) -> bool:
        return person in self.conflicted and not self.plan.owner_may_decide


@dataclass(frozen=True, slots=True)
class Change:
    """What to write: the event, the state after it, the click behind it, and facts for history."""

    kind: EventKind
    after: RequestState
    click: Click | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


def close(
    state: RequestState, status: Status, basis: Basis, reason: str, by: str, *, at: datetime
) -> RequestState:
    """The same request in a final state; `by` is who people are told closed it."""
    return replace(
        state,
        status=status,
        basis=basis,
        reason_code=reason,
        closed_at=at,
        closed_by=by,
        paused_at=None,
        investigator=None,
    )


def clock(moment: datetime) -> str:
    """A moment as people read it in a sentence; always UTC."""
    return f"{moment:%H:%M:%S} UTC on {moment:%d %b %Y}".replace(" on 0", " on ")
