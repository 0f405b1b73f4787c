"""The life of a request: every rule that moves it, without a clock and without a database.

Each verb takes the state and the moment, and returns the `Change` to write or raises a `Refusal`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from approvals.domain import errors, pausing, proving, running, standing_in
from approvals.domain.plan import Plan
from approvals.domain.policy.seats import spoken
from approvals.domain.state import Approver, Change, Click, Grant, RequestState, clock, close
from approvals.domain.terms import AskedOf, Basis, EventKind, Status, Verdict


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
    basis: Basis = Basis.POLICY,
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
        basis=basis,
        reason_code=reason_code,
        closed_at=at,
        closed_by=closed_by,
        grant=grant,
    )


def decide(state: RequestState, click: Click, *, at: datetime) -> Change:
    """Count one person's verdict.

    Raises AlreadyDecided, Expired, Changed, SelfApproval, OwnAgent, NotAnApprover, SamePerson, SeatTaken,
    PauseUsedUp, FreshSignInNeeded, or Invalid when words are required and missing.
    """
    refuse_closed(state, at=at)
    refuse_unseen(state, version=click.version, shown=click.shown)
    refuse_stranger(state, click.approver, at=at)
    click = standing_in.named(state, click, at=at)
    if click.verdict is Verdict.APPROVE:
        _refuse_second_seat(state, click.approver, at=at)
        return _approve(state, click, at=at)
    if not click.comment.strip():
        raise errors.Invalid(_WORDS_NEEDED[click.verdict], field="comment")
    if click.verdict is Verdict.DENY:
        return _deny(state, click, at=at)
    return pausing.ask(state, click, at=at)


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


def refuse_unseen(state: RequestState, *, version: int | None, shown: str | None) -> None:
    """Raise Changed for a click on another version or action than this; None where it is not known."""
    stale = version is not None and version != state.version
    other = shown is not None and shown != state.action_sha256
    if stale or other:
        raise errors.Changed(
            f"Not counted. The request changed after what you saw was drawn; it is at version "
            f"{state.version}. Read it again and decide.",
            version=state.version,
        )


def refuse_stranger(state: RequestState, approver: Approver, *, at: datetime) -> None:
    """Raise SelfApproval, OwnAgent or NotAnApprover for somebody who may not decide this now."""
    if state.is_conflicted(approver) and approver.id == state.asked_by:
        words = "You asked for this change, so somebody else must decide."
        raise errors.SelfApproval(f"Not counted. {words}")
    if state.is_conflicted(approver):
        raise errors.OwnAgent("Not counted. This agent is yours, so someone else must decide.")
    if not standing_in.may_decide(state, approver, at=at):
        asked = " or ".join(map(spoken, state.teams_asked))
        words = f"Not counted. This waits for {asked}, and you are not one of them."
        raise errors.NotAnApprover(words, teams=list(state.teams_asked))


def _refuse_second_seat(state: RequestState, approver: Approver, *, at: datetime) -> None:
    """One person fills one seat; but whoever said yes may still say no, or ask, while it is open."""
    standing_in.refuse_given_part(state, approver, at=at)
    for seat in state.approvals:
        if seat.approver.id == approver.id:
            raise errors.SamePerson(
                f"You already approved this at {clock(seat.at)}. A different person must approve next.",
                at=seat.at.isoformat(),
            )


def _approve(state: RequestState, click: Click, *, at: datetime) -> Change:
    proving.refuse_short(state, click)
    seats = state.current.seat_teams(state.rung)
    now = standing_in.seated_with(state, click, at=at)
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
    by = standing_in.all_names(now, click)
    return Change(EventKind.APPROVED, _approved(now, Basis.PERSON, by, at=at), click, progress)


def _approved(state: RequestState, basis: Basis, by: str, *, at: datetime) -> RequestState:
    closed = close(state, Status.APPROVED, basis, f"approved_by_{basis}", by, at=at)
    return replace(closed, grant=Grant(at + state.plan.grant_life))


def _next_stage(state: RequestState, *, at: datetime) -> RequestState:
    running = pausing.clock_on(state, at=at)
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
    closed = close(state, Status.DENIED, Basis.PERSON, "denied_by_person", click.by, at=at)
    return Change(EventKind.DENIED, closed, click)


def add_message(
    state: RequestState,
    *,
    by_agent: bool,
    go_on: bool,
    at: datetime,
    asked_of: AskedOf = AskedOf.BOTH,
) -> Change:
    """A question or an answer. An agent's answer to what it was asked, or a person's wish to go on, ends
    the pause; what an agent wishes does not."""
    refuse_closed(state, at=at)
    is_answer = asked_of.takes_agent if by_agent else go_on
    if state.status is Status.INVESTIGATING and is_answer:
        return pausing.resume(state, at=at, why="answered" if by_agent else "resumed")
    return Change(EventKind.MESSAGE_ADDED, replace(state, version=state.version + 1))


def overdue(state: RequestState, *, at: datetime) -> Change | None:
    """What time alone has already brought about by `at`, one step; None when nothing is due."""
    if state.grant and state.status is Status.APPROVED:
        return running.lapse(state, state.grant, at=at)
    if state.status.is_final:
        return None
    if state.paused_at and at >= state.paused_at + state.pause_left:
        return pausing.resume(state, at=state.paused_at + state.pause_left, why="pause_used_up")
    if at < state.decide_by:
        return None
    return _lapse(state, at=at)


def _lapse(state: RequestState, *, at: datetime) -> Change:
    if state.rung + 1 < len(state.current.rungs) and at < state.expires_at:
        return _escalate(state, at=at)
    if state.silence_consents:
        return _consented(state, at=at)
    reason = "no_decision_in_time"
    closed = close(state, Status.EXPIRED, Basis.TIMEOUT, reason, "nobody in time", at=at)
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


def remind(state: RequestState, *, at: datetime) -> Change | None:
    """Count a reminder; None when none is due, or nobody is left to remind."""
    moment = state.next_reminder
    if state.status is not Status.PENDING or moment is None or at < moment:
        return None
    fraction = state.plan.remind_at[state.reminded]
    after = replace(state, reminded=state.reminded + 1)
    return Change(EventKind.REMINDED, after, detail={"fraction": str(fraction)})


def cancel(state: RequestState, *, by: str, at: datetime, overtaken: bool = False) -> Change:
    """The asker takes the question back, or a later policy did. Raises AlreadyDecided or Expired."""
    refuse_closed(state, at=at)
    basis, why = (Basis.POLICY, "overtaken") if overtaken else (Basis.PERSON, "withdrawn")
    return Change(EventKind.CANCELLED, close(state, Status.CANCELLED, basis, why, by, at=at))
