"""Everything that waits at one moment: read once, then only what changed since."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.policy.classes import class_of
from approvals.domain.state import Seat
from approvals.domain.terms import OPEN, Stage
from approvals.models import AgentStage, ApprovalRequest, Team, stages, states
from approvals.queries import queue
from approvals.queries.queue import MOST_WAITING, Waiting

_OPEN = [status.value for status in OPEN]
_ON_CARDS = Q(request__status__in=_OPEN, request__joined=None)
# What differs whenever a row of the queue does: every change is a link of the request's own chain, and
# an agent's name and owner are its own.
_HEAD = ("chain_head", "decide_by", "agent__name", "agent__owner")


_TRUST = ("agent_id", "action_class", "stage", "falls_to", "ends_at", "until")


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that waits at one moment, critical first and then the least time left.

    `began` is this machine's clock just before the first statement, in seconds; `titles` is what
    people call each team; `is_cut` says that more waits than was read; `heads` is what each card was
    read at; `trust` is the rows of stages by agent and class of action, whether or not they ended since.
    """

    cards: tuple[Waiting, ...]
    titles: dict[str, str]
    began: float
    is_cut: bool
    heads: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    trust: dict[tuple[UUID, str], AgentStage] = field(default_factory=dict)

    def stage(self, row: ApprovalRequest, *, at: datetime) -> Stage | None:
        """How far the agent is trusted at a moment with what it asks here; None where no stage is set."""
        own = self.trust.get((row.agent_id, class_of(row.action)))
        found = own or self.trust.get((row.agent_id, EVERY_CLASS))
        return stages.stage_at(found, at=at) if found else None


def board(before: Board | None = None) -> Board:
    """What waits now. Of what `before` shows too, only what changed since is read; the number of
    statements is the same however much waits."""
    began = time.time()
    titles = dict(Team.objects.values_list("name", "title"))
    heads = _heads()
    shown = dict(heads[:MOST_WAITING])
    kept = {card.row.pk: card for card in _unchanged(before, shown)}
    anew = _read(shown.keys() - kept.keys())
    cards = kept | anew
    # What closes meanwhile keeps its approvals: nobody sees it without them while it is taken down.
    concerned = _ON_CARDS | Q(request__in=list(anew))
    beside, seats, assigned = _beside(), queue.seats_of(concerned), queue.assigned_to(concerned)
    waiting = [
        _with(
            cards[pk],
            requests=1 + beside.get(pk, 0),
            seats=seats.get(pk, cards[pk].state.approvals),
            assigned=assigned.get(pk, frozenset()),
        )
        for pk in shown
        if pk in cards
    ]
    waiting.sort(key=lambda card: card.row.risk != "critical")
    trust = _trust({card.row.agent_id for card in waiting})
    return Board(tuple(waiting), titles, began, len(heads) > MOST_WAITING, shown, trust)


def _trust(agents: Iterable[UUID]) -> dict[tuple[UUID, str], AgentStage]:
    rows = AgentStage.objects.filter(agent__in=list(agents), until=None)
    return {(row.agent_id, row.action_class): row for row in rows.only(*_TRUST)}


def _heads() -> list[tuple[int, tuple[Any, ...]]]:
    """What waits, the least time left first, and one more than is shown."""
    found = ApprovalRequest.objects.filter(status__in=_OPEN, joined=None)
    rows = found.order_by("decide_by", "number").values_list("pk", *_HEAD)
    return [(row[0], row[1:]) for row in rows[: MOST_WAITING + 1]]


def _unchanged(before: Board | None, heads: dict[int, tuple[Any, ...]]) -> list[Waiting]:
    """The cards that stand as they were. What the service asks for itself hangs on other rows too."""
    if before is None:
        return []
    return [
        card
        for card in before.cards
        if not card.row.effect and heads.get(card.row.pk) == before.heads[card.row.pk]
    ]


def _read(numbers: Iterable[int]) -> dict[int, Waiting]:
    """These cards, unless they closed just now."""
    rows = queue.slim().filter(pk__in=list(numbers), status__in=_OPEN)
    return {row.pk: Waiting(row, states.of(row, decisions=()), 1, frozenset()) for row in rows}


def _beside() -> dict[int, int]:
    """How many open requests share each card with the first of them."""
    joined = ApprovalRequest.objects.filter(status__in=_OPEN, joined__isnull=False)
    counted = joined.order_by().values("joined").annotate(count=Count("pk"))
    return {row["joined"]: row["count"] for row in counted if row["joined"]}


def _with(
    card: Waiting, *, requests: int, seats: tuple[Seat, ...], assigned: frozenset[int]
) -> Waiting:
    """The card with what stands in other rows; itself where that is as before."""
    told = (card.requests, card.state.approvals, card.assigned)
    if told == (requests, seats, assigned):
        return card
    state = replace(card.state, approvals=seats)
    return Waiting(card.row, state, requests, assigned)
