"""What waits, as one person sees it; read anew whenever somebody may know of something newer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from approvals.domain import trial
from approvals.domain.state import Approver
from approvals.models import Person, states
from approvals.queries import alarms, queue
from approvals.queries import board as reads
from approvals.queries.alarms import Alarm
from approvals.queries.board import Board
from approvals.queries.queue import Marks, Waiting
from approvals.web import rows
from approvals.web.rows import Row
from approvals.web.verdicts import may_approve

# Clocks of one machine agree; this covers a moment told in milliseconds.
MARGIN_SECONDS = 0.005


@dataclass(slots=True)
class Shared:
    """One reading of the board, for everybody in this process who need not know of anything newer.

    `verdicts` remembers what the rules say to people whom nothing but their teams sets apart; orders
    and the teams asked are remembered too, since every page wants them.
    """

    board: Board
    _alarms: list[tuple[Alarm, ...]] = field(default_factory=list)
    verdicts: dict[tuple[object, ...], bool] = field(default_factory=dict)
    _orders: dict[str, list[Waiting]] = field(default_factory=dict)
    _kinds: dict[int, Hashable] = field(default_factory=dict)
    _asked: dict[tuple[int, int, int], frozenset[str]] = field(default_factory=dict)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What is wrong for everybody, asked for once for all who read this board."""
        if not self._alarms:
            self._alarms.append(alarms.of_everybody(self.board.cards))
        return self._alarms[0]

    def in_order(self, name: str, key: Callable[[Waiting], Any]) -> list[Waiting]:
        """All cards in the order of this name, which `key` makes."""
        if name not in self._orders:
            self._orders[name] = sorted(self.board.cards, key=key)
        return self._orders[name]

    def kind(self, card: Waiting) -> Hashable:
        """What sets cards apart in whatever the rules say to somebody who is not named by them: requests
        of one plan that stand at the same point with the same approvals are alike."""
        if card.row.pk not in self._kinds:
            state = card.state
            same: Hashable = card.row.pk  # what was lent counts by the moment it was used at
            if not any(seat.approver.lent for seat in state.approvals):
                same = tuple(
                    (seat.approver.id, seat.approver.teams, seat.stage) for seat in state.approvals
                )
            kind = (id(state.plan), same, state.stage, state.rung, state.status)
            self._kinds[card.row.pk] = kind
        return self._kinds[card.row.pk]

    def teams_asked(self, card: Waiting) -> frozenset[str]:
        state = card.state
        kind = (id(state.plan), state.stage, state.rung)
        if kind not in self._asked:
            self._asked[kind] = frozenset(state.teams_asked)
        return self._asked[kind]


_lock = threading.Lock()
_newest: list[Shared] = []


def shared(*, heard: float | None = None) -> Shared:
    """A board that began to be read after `heard`, in seconds of this machine's clock: after this
    very call, unless somebody says otherwise. Whoever asks at the same time gets the same one."""
    wanted = time.time() if heard is None else heard + MARGIN_SECONDS
    with _lock:
        if not _newest or _newest[0].board.began < wanted:
            before = _newest[0].board if _newest else None
            _newest[:] = [Shared(reads.board(before))]
        return _newest[0]


def heard(text: str, *, oldest: float) -> float | None:
    """The moment a page says it heard of, for `shared`: never more than `oldest` seconds ago, whatever it
    says, and None for nonsense."""
    try:
        moment = float(text)
    except ValueError:
        return None
    return max(moment, time.time() - oldest) if 0 < moment < 10**12 else None


@dataclass(frozen=True, slots=True)
class Reader:
    """One person before one board."""

    person: Person
    approver: Approver
    shared: Shared
    now: datetime

    @property
    def board(self) -> Board:
        return self.shared.board

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What stands above the queue because something is wrong."""
        return (*self.shared.alarms, *alarms.of_reader(self.person, at=self.now))

    def is_asked(self, card: Waiting) -> bool:
        """Whether a team of this person, or of somebody they stand in for, is asked now."""
        return not self.approver.rights(at=self.now).isdisjoint(self.shared.teams_asked(card))

    def is_hidden(self, card: Waiting) -> bool:
        """Whether it is somebody else's test of a channel: they ask themselves alone."""
        is_test = card.row.effect == trial.EFFECT
        return is_test and trial.seat(self.person.pk) not in card.state.teams_asked

    def is_needed(self, card: Waiting) -> bool:
        """Whether this person's approval would count now."""
        state, who = card.state, self.approver
        if state.status.is_final or not self.is_asked(card):
            return False
        is_apart = who.id in state.conflicted or who.id in {state.asked_by, state.investigator}
        if who.lent or is_apart or any(seat.approver.id == who.id for seat in state.approvals):
            return may_approve(state, who, now=self.now)
        if self.now >= state.decide_by:
            return False
        key = (self.shared.kind(card), who.teams)
        if key not in self.shared.verdicts:
            self.shared.verdicts[key] = may_approve(state, who, now=self.now)
        return self.shared.verdicts[key]

    def drawn(self, cards: Iterable[Waiting]) -> list[Row]:
        """The rows of these cards, in their order; two statements at most."""
        shown = list(cards)
        marks = queue.marks([card.row for card in shown], person=self.person)
        return [self.row(card, marks.get(card.row.pk, Marks())) for card in shown]

    def row(self, card: Waiting, marks: Marks) -> Row:
        """One row as this person sees it."""
        return rows.one(
            card,
            marks,
            reader=self.approver,
            needs_you=self.is_needed(card),
            titles=self.board.titles,
            now=self.now,
            stage=self._stage(card),
        )

    def mark(self, card: Waiting) -> str:
        """What `Row.mark` would be, without drawing the row."""
        return rows.mark(card, needs_you=self.is_needed(card), stage=self._stage(card))

    def _stage(self, card: Waiting) -> str:
        return str(self.board.stage(card.row, at=self.now) or "")


def reader(person: Person, *, now: datetime, heard: float | None = None) -> Reader:
    return Reader(person, states.approver(person), shared(heard=heard), now)
