"""One line of the queue or of history: a sentence of ours about each request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from approvals import queries
from approvals.domain import amounts, cards, display, sharing
from approvals.domain.cards import RISK_SHAPE
from approvals.domain.display import Flag
from approvals.domain.policy import seats
from approvals.domain.state import Approver, RequestState, clock
from approvals.domain.terms import Basis, RiskLevel, Status
from approvals.models import ApprovalRequest, Person, states
from approvals.queries import amounts as learnt
from approvals.queries.queue import Marks, Waiting
from approvals.web import moments, standing
from approvals.web.moments import Deadline
from approvals.web.verdicts import may_approve

UNSEARCHED = "long, so not all of it was searched"


@dataclass(frozen=True, slots=True)
class Row:
    """What a table shows of one request. `name` is what a screen reader hears for its link; `mark`
    changes whenever anything else in it does, but for the time.
    `fold` names the row it is folded under, and `folds` says how many are folded under this one. `name` of
    an open row ends in `left` and `after_left`, so that an open page can say anew how long is left."""

    ref: str
    public_id: str
    risk: RiskLevel
    shape: str
    headline: str
    agent: str
    flags: tuple[str, ...]
    filled: int
    seats: int
    needs_you: bool
    standing: str
    is_open: bool
    status_words: str
    status_class: str
    closing: str
    by: str
    took: str
    created_at: datetime
    deadline: Deadline | None
    name: str
    mark: str = ""
    notes: tuple[str, ...] = ()
    how_much: str = ""
    fold: str = ""
    folds: int = 0
    left: str = ""
    after_left: str = ""
    stage: str = ""


def draw(
    rows: Iterable[ApprovalRequest], *, person: Person, titles: dict[str, str], now: datetime
) -> list[Row]:
    """The rows in their order, as this person sees them now; with their submissions."""
    reader = states.approver(person)
    drawn = []
    for row in rows:
        state = states.of(row, decisions=row.decisions.all())
        is_counted = not state.status.is_final and row.joined_id is None
        requests = 1 + len(queries.beside(row)) if is_counted else 1
        card = Waiting(row, state, requests, frozenset())
        marks = Marks(tuple(sorted(sentence(row)[1])))
        needs_you = not state.status.is_final and may_approve(state, reader, now=now)
        drawn.append(
            one(
                card,
                marks,
                reader=reader,
                needs_you=needs_you,
                titles=titles,
                now=now,
                how_much=amounts.told(row.submission["parameters"]),
            )
        )
    return drawn


def one(
    card: Waiting,
    marks: Marks,
    *,
    reader: Approver,
    needs_you: bool,
    titles: Mapping[str, str],
    now: datetime,
    how_much: str | None = None,
    stage: str = "",
) -> Row:
    """One row, from columns alone; `how_much` is what was learnt of it unless it is given. `stage` is that
    of its agent for what it asks."""
    row, state = card.row, card.state
    is_open = not state.status.is_final
    badge = standing.of(state, is_yours=needs_you)
    headline = sharing.counted(
        cards.headline({"action": row.action, "target": row.target}), card.requests
    )
    how_much = learnt.known(row) if how_much is None else how_much
    left, after_left = _left(state, needs_you=needs_you, now=now) if is_open else ("", "")
    return Row(
        ref=row.ref,
        public_id=str(row.public_id),
        risk=state.plan.risk,
        shape=RISK_SHAPE[state.plan.risk],
        headline=headline,
        agent=display.show_identifier(row.agent.name, limit=80).text,
        flags=_flags(marks, is_open=is_open),
        filled=state.filled if state.plan.stages else 0,
        seats=state.current.seats if state.plan.stages else 0,
        needs_you=needs_you,
        standing=_asked(state, titles) if is_open else "",
        is_open=is_open,
        status_words=badge.words,
        status_class=badge.css,
        closing=closing(state),
        by=by(state),
        took=moments.span(state.closed_at - row.created_at) if state.closed_at else "",
        created_at=row.created_at,
        deadline=moments.deadline(state, now=now) if is_open else None,
        name=f"{_name(state, headline, how_much, badge.words)}{left}{after_left}",
        mark=mark(card, needs_you=needs_you, stage=stage),
        notes=_notes(card, marks, reader) if is_open else (),
        how_much=how_much,
        left=left,
        after_left=after_left,
        stage=stage if is_open else "",
    )


def mark(card: Waiting, *, needs_you: bool, stage: str) -> str:
    """Eight digits that differ when a row must be drawn anew."""
    row, state = card.row, card.state
    told = (
        row.status, row.version, row.stage, row.rung, len(state.approvals), needs_you,
        card.requests, row.decide_by, row.paused_at, sorted(card.assigned), row.outcome_at,
        stage,
    )  # fmt: skip
    return f"{crc32(repr(told).encode()):08x}"


def sentence(row: ApprovalRequest) -> tuple[str, frozenset[Flag]]:
    """The headline of a request, and what is odd about any text its agent sent to be run."""
    action = display.show_identifier(row.action, limit=cards.HEADLINE_LIMIT)
    target = display.show_identifier(row.target, limit=cards.HEADLINE_LIMIT)
    values = display.parameters(row.submission["parameters"])
    flags = action.flags.union(target.flags, *(value.shown.flags for value in values))
    return cards.headline(row.submission), flags


def _flags(marks: Marks, *, is_open: bool) -> tuple[str, ...]:
    found = [flag.value.replace("_", " ") for flag in marks.flags]
    if is_open and not marks.is_searched_whole:
        found.append(UNSEARCHED)
    if is_open and marks.has_changed:
        found.append("changed since you saw it")
    return tuple(found)


def _notes(card: Waiting, marks: Marks, reader: Approver) -> tuple[str, ...]:
    found = ["first time in 30 days"] if marks.is_first else []
    return (*found, "assigned to you") if reader.id in card.assigned else tuple(found)


def _asked(state: RequestState, titles: Mapping[str, str]) -> str:
    if state.status is Status.INVESTIGATING:
        return "question open"
    joined = " and ".join if not state.rung else " or ".join
    return joined(titles.get(name, seats.spoken(name)) for name in state.teams_asked)


def closing(state: RequestState) -> str:
    """Who closed it and when, in a few words."""
    if state.closed_at is None:
        return ""
    who = by(state)
    return f"{who}, {clock(state.closed_at)}" if who else clock(state.closed_at)


def by(state: RequestState) -> str:
    """Whoever decided; silence and policy are named as such."""
    if state.basis is Basis.POLICY:
        return "policy"
    if state.basis is Basis.TIMEOUT:
        return "nobody in time"
    return state.closed_by


def _name(state: RequestState, headline: str, how_much: str, badge: str) -> str:
    parts = [f"{state.plan.risk.capitalize()} risk", headline]
    parts += [how_much] if how_much else []
    parts.append(badge.split(" ", 1)[-1].lower())
    return ", ".join(parts)


def _left(state: RequestState, *, needs_you: bool, now: datetime) -> tuple[str, str]:
    """How long is left as it is spoken, and what stays true whenever that is heard."""
    is_paused = state.status is Status.INVESTIGATING
    left = "clock paused" if is_paused else moments.left_spoken(state.decide_by - now)
    by_when = "" if is_paused else f", decide by {state.decide_by:%H:%M} UTC"
    return f", {left}", f"{by_when}{', needs you' if needs_you else ''}"
