"""The life of a request: every rule that moves it, without a clock and without a database.

Each verb takes the state and the moment, and returns the `Change` to write or raises a `Refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from approvals.domain import errors
from approvals.domain.plan import Plan, Stage, seated
from approvals.domain.terms import Basis, EventKind, OnTimeout, OutcomeStatus, Status, Verdict


@dataclass(frozen=True, slots=True)
class Approver:
    """A person at the moment of their click: who they are and which teams they belong to now."""

    id: int
    name: str
    teams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seat:
    """An approval that was given, with the teams its giver belongs to now (none when disabled)."""

    approver: Approver
    stage: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Click:
    """One person's verdict and the circumstances it was given in.

    `version` and `shown` are what the person looked at: the request's version and the digest of the
    action. None means the door cannot know. `standing_in_for` names the absent person, if any.
    """

    approver: Approver
    verdict: Verdict
    comment: str = ""
    version: int | None = None
    shown: str | None = None
    channel: str = "api"
    authenticated_by: str = ""


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
    pause; `expires_at` never moves. `conflicted` are the people this request is too close to.
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
    basis: Basis | None = None
    reason_code: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    grant: Grant | None = None
    outcome: Mapping[str, object] | None = None

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
        return tuple(
            seat for seat in self.approvals if seat.stage == self.stage and self._holds(seat)
        )

    @property
    def filled(self) -> int:
        return seated(self.current.seat_teams(self.rung), [s.approver.teams for s in self.counted])

    @property
    def next_reminder(self) -> datetime | None:
        """When to remind next within this window; None when that was done."""
        if self.reminded >= len(self.plan.remind_at):
            return None
        window = self.decide_by - self.window_opened_at
        return self.window_opened_at + window * self.plan.remind_at[self.reminded]

    def _holds(self, seat: Seat) -> bool:
        return not self._is_conflicted(seat.approver) and bool(
            seat.approver.teams & frozenset(self.teams_asked)
        )

    def _is_conflicted(self, approver: Approver) -> bool:
        return approver.id in self.conflicted and not self.plan.owner_may_decide


@dataclass(frozen=True, slots=True)
class Change:
    """What to write: the event, the state after it, the click behind it, and facts for history."""

    kind: EventKind
    after: RequestState
    click: Click | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


def opened(
    plan: Plan, *, action_sha256: str, at: datetime, limit: timedelta | None = None
) -> RequestState:
    """A request that waits for people. `limit` is the agent's own wish to give up earlier."""
    expires_at = at + (plan.longest if limit is None else min(limit, plan.longest))
    return RequestState(
        status=Status.PENDING,
        plan=plan,
        action_sha256=action_sha256,
        version=1,
        window_opened_at=at,
        decide_by=min(at + plan.stages[0].rungs[0].window, expires_at),
        expires_at=expires_at,
        pause_left=plan.pause,
    )


def settled(
    plan: Plan,
    status: Status,
    *,
    action_sha256: str,
    reason_code: str,
    at: datetime,
    closed_by: str = "policy",
) -> RequestState:
    """A request that policy decided at once."""
    grant = Grant(at + plan.grant_life) if status is Status.APPROVED else None
    return RequestState(
        status=status,
        plan=plan,
        action_sha256=action_sha256,
        version=1,
        window_opened_at=at,
        decide_by=at,
        expires_at=at,
        pause_left=timedelta(0),
        basis=Basis.POLICY,
        reason_code=reason_code,
        closed_at=at,
        closed_by=closed_by,
        grant=grant,
    )


def decide(state: RequestState, click: Click, *, at: datetime) -> Change:
    """Count one person's verdict.

    Raises AlreadyDecided, Expired, Changed, OwnAgent, NotAnApprover, SamePerson, SeatTaken,
    PauseUsedUp, or Invalid when words are required and missing.
    """
    refuse_closed(state, at=at)
    _refuse_unseen(state, click)
    _refuse_stranger(state, click.approver)
    if click.verdict is Verdict.APPROVE:
        _refuse_second_seat(state, click.approver)
        return _approve(state, click, at=at)
    if not click.comment.strip():
        raise errors.Invalid(_WORDS_NEEDED[click.verdict], field="comment")
    if click.verdict is Verdict.DENY:
        return _deny(state, click, at=at)
    return _investigate(state, click, at=at)


_WORDS_NEEDED = {
    Verdict.DENY: "A denial needs a reason; the agent and its owner will see it. Nothing was decided.",
    Verdict.INVESTIGATE: "To investigate, write the question. Nothing was decided.",
}


def refuse_closed(state: RequestState, *, at: datetime) -> None:
    """Raise when the request no longer waits: AlreadyDecided with who and when, or Expired."""
    if state.status is Status.EXPIRED or (not state.status.is_final and at >= state.decide_by):
        moment = state.closed_at or state.decide_by
        raise errors.Expired(
            f"Too late. Nobody decided by {clock(moment)}, so the request expired. Nothing ran.",
            at=moment.isoformat(),
        )
    if state.status.is_final and state.closed_at:
        raise errors.AlreadyDecided(
            f"Already {state.status}: {state.closed_by} at {clock(state.closed_at)}. "
            "Your click changed nothing.",
            status=state.status.value,
            by=state.closed_by,
            at=state.closed_at.isoformat(),
        )


def _refuse_unseen(state: RequestState, click: Click) -> None:
    stale = click.version is not None and click.version != state.version
    other = click.shown is not None and click.shown != state.action_sha256
    if stale or other:
        raise errors.Changed(
            f"Not counted. The request changed after what you saw was drawn; it is at version "
            f"{state.version}. Read it again and decide.",
            version=state.version,
        )


def _refuse_stranger(state: RequestState, approver: Approver) -> None:
    if state._is_conflicted(approver):  # same module, same idea
        raise errors.OwnAgent("Not counted. This agent is yours, so someone else must decide.")
    if not approver.teams & frozenset(state.teams_asked):
        asked = " or ".join(state.teams_asked)
        raise errors.NotAnApprover(
            f"Not counted. This waits for {asked}, and you are not one of them.",
            teams=list(state.teams_asked),
        )


def _refuse_second_seat(state: RequestState, approver: Approver) -> None:
    """One person fills one seat; but whoever said yes may still say no, or ask, while it is open."""
    for seat in state.approvals:
        if seat.approver.id == approver.id:
            raise errors.SamePerson(
                f"You already approved this at {clock(seat.at)}. A different person must approve next.",
                at=seat.at.isoformat(),
            )


def _approve(state: RequestState, click: Click, *, at: datetime) -> Change:
    if state.plan.approve_reason_required and not click.comment.strip():
        raise errors.Invalid(
            "This risk needs a reason to approve. Nothing was decided.", field="comment"
        )
    seats = state.current.seat_teams(state.rung)
    now = replace(state, approvals=(*state.approvals, Seat(click.approver, state.stage, at)))
    # All seats can be filled already when somebody returned to a team; then any click closes them.
    if now.filled == state.filled < len(seats):
        raise errors.SeatTaken(
            "Not counted. Your team's part is already given; someone of another team must decide.",
            teams=list(state.teams_asked),
        )
    progress = {"filled": now.filled, "seats": len(seats), "stage": state.stage}
    if now.filled < len(seats):
        return Change(EventKind.SEAT_FILLED, now, click, progress)
    if state.stage + 1 < len(state.plan.stages):
        return Change(EventKind.STAGE_PASSED, _next_stage(now, at=at), click, progress)
    by = " and ".join(seat.approver.name for seat in now.approvals)
    return Change(EventKind.APPROVED, _approved(now, Basis.PERSON, by, at=at), click, progress)


def _approved(state: RequestState, basis: Basis, by: str, *, at: datetime) -> RequestState:
    closed = _closed(state, Status.APPROVED, basis, f"approved_by_{basis}", by, at=at)
    return replace(closed, grant=Grant(at + state.plan.grant_life))


def _next_stage(state: RequestState, *, at: datetime) -> RequestState:
    running = _clock_on(state, at=at)
    window = state.plan.stages[state.stage + 1].rungs[0].window
    return replace(
        running,
        version=state.version + 1,
        stage=state.stage + 1,
        rung=0,
        reminded=0,
        window_opened_at=at,
        decide_by=min(at + window, state.expires_at),
    )


def _deny(state: RequestState, click: Click, *, at: datetime) -> Change:
    closed = _closed(
        state, Status.DENIED, Basis.PERSON, "denied_by_person", click.approver.name, at=at
    )
    return Change(EventKind.DENIED, closed, click)


def _investigate(state: RequestState, click: Click, *, at: datetime) -> Change:
    if state.status is Status.INVESTIGATING:
        raise errors.Conflict("A question is already open. Add to it as a message, or decide.")
    if state.pause_open <= timedelta(0):
        raise errors.PauseUsedUp(
            f"The time for questions is used up and the clock runs: decide by {clock(state.decide_by)}."
        )
    asked = replace(
        state,
        status=Status.INVESTIGATING,
        version=state.version + 1,
        paused_at=at,
        investigator=click.approver.id,
        pause_left=state.pause_open,
        decide_by=state.decide_by + state.pause_open,
    )
    return Change(EventKind.INVESTIGATING, asked, click, {"question": click.comment})


def _clock_on(state: RequestState, *, at: datetime) -> RequestState:
    """End a pause: give back the part of it that was not used."""
    if state.paused_at is None:
        return replace(state, status=Status.PENDING)
    used = max(at - state.paused_at, timedelta(0))  # a click may have been read before the question
    unused = max(state.pause_left - used, timedelta(0))
    return replace(
        state,
        status=Status.PENDING,
        paused_at=None,
        investigator=None,
        pause_left=unused,
        decide_by=state.decide_by - unused,
    )


def resume(state: RequestState, *, at: datetime, why: str) -> Change:
    """Let the clock run again. Raises NotInvestigating when it already does."""
    if state.status is not Status.INVESTIGATING:
        raise errors.NotInvestigating("No question is open, so there is nothing to resume.")
    running = replace(_clock_on(state, at=at), version=state.version + 1)
    return Change(EventKind.RESUMED, running, detail={"why": why})


def add_message(state: RequestState, *, by_agent: bool, go_on: bool, at: datetime) -> Change:
    """A question or an answer. An agent's answer, or a person's wish to go on, ends the pause."""
    refuse_closed(state, at=at)
    if state.status is Status.INVESTIGATING and (by_agent or go_on):
        return resume(state, at=at, why="answered" if by_agent else "resumed")
    return Change(EventKind.MESSAGE_ADDED, replace(state, version=state.version + 1))


def overdue(state: RequestState, *, at: datetime) -> Change | None:
    """What time alone has already brought about by `at`, one step; None when nothing is due."""
    if state.grant and state.status is Status.APPROVED:
        return _grant_lapse(state, state.grant, at=at)
    if state.status.is_final:
        return None
    if state.paused_at and at >= state.paused_at + state.pause_left:
        return resume(state, at=state.paused_at + state.pause_left, why="pause_used_up")
    if at < state.decide_by:
        return None
    return _lapse(state, at=at)


def _lapse(state: RequestState, *, at: datetime) -> Change:
    if state.rung + 1 < len(state.current.rungs) and at < state.expires_at:
        return _escalate(state, at=at)
    if state.silence_consents:
        return _consented(state, at=at)
    reason = "no_decision_in_time"
    closed = _closed(state, Status.EXPIRED, Basis.TIMEOUT, reason, "nobody in time", at=at)
    return Change(EventKind.EXPIRED, closed)


def _consented(state: RequestState, *, at: datetime) -> Change:
    """Silence speaks for its own stage; the people of the next are still asked."""
    if state.stage + 1 < len(state.plan.stages):
        return Change(
            EventKind.STAGE_PASSED, _next_stage(state, at=at), detail={"basis": Basis.TIMEOUT.value}
        )
    return Change(EventKind.APPROVED, _approved(state, Basis.TIMEOUT, "nobody in time", at=at))


def _escalate(state: RequestState, *, at: datetime) -> Change:
    step = state.current.rungs[state.rung + 1]
    higher = replace(
        state,
        rung=state.rung + 1,
        reminded=0,
        window_opened_at=at,
        decide_by=min(at + step.window, state.expires_at),
    )
    return Change(
        EventKind.ESCALATED, higher, detail={"also": list(step.also), "rung": higher.rung}
    )


def _grant_lapse(state: RequestState, grant: Grant, *, at: datetime) -> Change | None:
    if grant.consumed_at or grant.lapsed or at < grant.expires_at:
        return None
    lapsed = replace(state, grant=replace(grant, lapsed=True), reason_code="grant_expired")
    return Change(EventKind.GRANT_EXPIRED, lapsed)


def remind(state: RequestState, *, at: datetime) -> Change | None:
    """Count a reminder; None when none is due, or nobody is left to remind."""
    moment = state.next_reminder
    if state.status is not Status.PENDING or moment is None or at < moment:
        return None
    fraction = state.plan.remind_at[state.reminded]
    after = replace(state, reminded=state.reminded + 1)
    return Change(EventKind.REMINDED, after, detail={"fraction": str(fraction)})


def cancel(state: RequestState, *, by: str, at: datetime) -> Change:
    """The asker takes the question back. Raises AlreadyDecided or Expired."""
    refuse_closed(state, at=at)
    return Change(
        EventKind.CANCELLED, _closed(state, Status.CANCELLED, Basis.PERSON, "withdrawn", by, at=at)
    )


def revoke(state: RequestState, *, by: str, at: datetime) -> Change:
    """Take an approval back before it is used. Raises NotApproved or AlreadyConsumed."""
    if state.status is not Status.APPROVED or state.grant is None:
        raise errors.NotApproved(
            f"Only an approved request can be revoked; this one is {state.status}."
        )
    if state.grant.consumed_at:
        raise errors.AlreadyConsumed(
            f"Too late: the agent used this approval at {clock(state.grant.consumed_at)}."
        )
    return Change(
        EventKind.REVOKED,
        _closed(state, Status.REVOKED, Basis.PERSON, "revoked_before_use", by, at=at),
    )


def consume(
    state: RequestState, *, key: str, shown: str | None, expected: str, at: datetime
) -> Change | None:
    """Use the approval, once. None when the same `key` used it already: the same answer again.

    `shown` is the digest of the parameters about to run, `expected` of those approved. Raises
    NotApproved, ParametersChanged, AlreadyConsumed or GrantExpired.
    """
    if state.status is not Status.APPROVED or state.grant is None:
        raise errors.NotApproved(f"The request is {state.status}, not approved. Do not run it.")
    if shown is not None and shown != expected:
        raise errors.ParametersChanged(
            "These are not the parameters that were approved. Do not run them; submit a new request.",
            approved=expected,
            received=shown,
        )
    if state.grant.consumed_at:
        if key and key == state.grant.consumed_key:
            return None
        raise errors.AlreadyConsumed(
            f"This approval was used at {clock(state.grant.consumed_at)}; it works once. Do not run it again."
        )
    if state.grant.lapsed or at >= state.grant.expires_at:
        raise errors.GrantExpired(
            f"The approval ended unused at {clock(state.grant.expires_at)}. Do not run it; submit it again."
        )
    used = replace(state, grant=replace(state.grant, consumed_at=at, consumed_key=key))
    return Change(EventKind.CONSUMED, used)


def report_outcome(
    state: RequestState,
    outcome: Mapping[str, object],
    *,
    at: datetime,  # noqa: ARG001  # every verb takes the moment
) -> Change | None:
    """Write down how it went, once; a success may later be rolled back.

    None when the same outcome was reported before. Raises NotConsumed or OutcomeConflict.
    """
    if state.grant is None or state.grant.consumed_at is None:
        raise errors.NotConsumed("Nothing ran under this request: its approval was not consumed.")
    if state.outcome == outcome:
        return None
    if state.outcome is not None and not _rolls_back(state.outcome, outcome):
        raise errors.OutcomeConflict(f"The outcome {state.outcome['status']} was already reported.")
    return Change(
        EventKind.OUTCOME_REPORTED, replace(state, outcome=dict(outcome)), detail=dict(outcome)
    )


def _rolls_back(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    return (
        before["status"] != OutcomeStatus.ROLLED_BACK
        and after["status"] == OutcomeStatus.ROLLED_BACK
    )


def _closed(
    state: RequestState, status: Status, basis: Basis, reason: str, by: str, *, at: datetime
) -> RequestState:
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
