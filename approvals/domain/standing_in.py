"""Deciding for somebody who is away: whose part a click gives, and that it is given once.

The stand-in decides what the absent person could, in their own name and never twice. Nothing is lent by
whoever is too close to the request, and nothing after the absence has ended.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from approvals.domain import errors
from approvals.domain.absence import Lent
from approvals.domain.state import Approver, Click, RequestState, Seat, clock, spoken
from approvals.domain.terms import Verdict


def may_decide(state: RequestState, approver: Approver, *, at: datetime) -> bool:
    """Whether anybody asked now is this person, or somebody they stand in for at this moment.

    Raises OwnAgent when they could only decide for somebody who is too close to the request.
    """
    asked = frozenset(state.teams_asked)
    if approver.teams & asked or _lent(state, approver, at=at):
        return True
    for part in approver.lent:
        if part.holds(at) and part.teams & asked:
            raise errors.OwnAgent(
                f"Not counted. You stand in for {part.name}, who is too close to this request to decide it."
            )
    return False


def refuse_given_part(state: RequestState, approver: Approver, *, at: datetime) -> None:
    """Raise SamePerson when all this person could give is what the absent gave themselves."""
    if approver.teams & frozenset(state.teams_asked):
        return
    given = {seat.approver.id: seat for seat in state.approvals}
    parts = _lent(state, approver, at=at)
    if parts and all(part.id in given for part in parts):
        seat = given[parts[0].id]
        raise errors.SamePerson(
            f"{parts[0].name}, for whom you stand in, approved this at {clock(seat.at)}. "
            "A different person must approve next.",
            at=seat.at.isoformat(),
        )


def named(state: RequestState, click: Click, *, at: datetime) -> Click:
    """The click with the absent person behind it, if there is one: somebody who could have decided this."""
    parts = list(_lent(state, click.approver, at=at))
    if click.verdict is Verdict.APPROVE:
        given = {seat.approver.id for seat in state.approvals}
        parts = [part for part in parts if part.id not in given]
        parts.sort(key=lambda part: not _fills_one(state, click.approver, part, at=at))
    return replace(click, standing_in_for=next(iter(parts), None))


def seated_with(state: RequestState, click: Click, *, at: datetime) -> RequestState:
    """The state with this approval among the others."""
    return replace(state, approvals=(*state.approvals, Seat(click.approver, state.stage, at)))


def all_names(state: RequestState, click: Click) -> str:
    """Who approved, with whom they stood in for; `click` is the last of them."""
    names = [_spoken(state, seat) for seat in state.approvals[:-1]] + [click.by]
    return ("; and " if any("," in name for name in names) else " and ").join(names)


def _lent(state: RequestState, approver: Approver, *, at: datetime) -> tuple[Lent, ...]:
    asked = frozenset(state.teams_asked)
    return tuple(
        part for part in state.lends(Seat(approver, state.stage, at)) if part.teams & asked
    )


def _fills_one(state: RequestState, approver: Approver, part: Lent, *, at: datetime) -> bool:
    alone = Seat(replace(approver, lent=(part,)), state.stage, at)
    return replace(state, approvals=(*state.approvals, alone)).filled > state.filled


def _spoken(state: RequestState, seat: Seat) -> str:
    """An earlier approval by name; whoever approved themselves was stood in for by nobody."""
    given = {each.approver.id for each in state.approvals}
    asked = state.asked_in(seat.stage)
    parts = (p for p in state.lends(seat) if p.teams & asked and p.id not in given)
    return spoken(seat.approver.name, next(parts, None))
