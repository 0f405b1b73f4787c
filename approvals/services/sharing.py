"""Find and lock the requests that share a card; what is written about them is the ledger's.

Whoever locks a joiner holds its leader first, and joiners in the order of their numbers. So nobody
waits in a circle, and the leader's lock is the lock of the whole card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from approvals.domain import errors, sharing
from approvals.domain.policy import attention as rules
from approvals.domain.policy.documents import PolicySet
from approvals.domain.sharing import MOST_ON_A_CARD, Joined
from approvals.domain.state import RequestState
from approvals.domain.terms import OPEN, EventKind, Status
from approvals.models import Agent, ApprovalRequest, AuditEvent, states
from approvals.models.requests import lookup
from approvals.services import attention

_OPEN = [status.value for status in OPEN]


def locked(ref: str) -> ApprovalRequest:
    """The row, locked until the transaction ends, behind its leader's lock. Raises NotFound.

    What never joined never will, so nearly every row is found at once.
    """
    row = _rows().filter(**lookup(ref), joined=None).first()
    if row is not None:
        return row
    known = ApprovalRequest.objects.filter(**lookup(ref)).values_list("number", "joined").first()
    if known is None:
        raise errors.NoSuchRequest(ref)
    number, leader = known
    while leader is not None:
        _rows().get(pk=leader)
        now = ApprovalRequest.objects.values_list("joined", flat=True).get(pk=number)
        if now == leader:
            break
        leader = now  # its leader closed meanwhile; the next one has a higher number
    return _rows().get(pk=number)


def beside(row: ApprovalRequest) -> list[ApprovalRequest]:
    """The other open requests on the card, oldest first, locked. The caller holds the leader."""
    # Nearly every request has its card alone, and looking costs less than reading whole rows to lock them.
    if row.joined_id is None and not row.joiners.filter(status__in=_OPEN).exists():
        return []
    leader = row.joined_id or row.pk
    others = _rows().filter(Q(pk=leader) | Q(joined=leader), status__in=_OPEN)
    return list(others.exclude(pk=row.pk).order_by("pk"))


def joiners_of(leaders: Iterable[ApprovalRequest]) -> dict[int, list[ApprovalRequest]]:
    """The open joiners of each leader, oldest first, locked. The caller holds the leaders."""
    found: dict[int, list[ApprovalRequest]] = {row.pk: [] for row in leaders}
    open_ones = _rows().filter(joined__in=list(found), status__in=_OPEN)
    for row in open_ones.prefetch_related("decisions__person").order_by("pk"):
        found[int(row.joined_id or 0)].append(row)
    return found


def leader_for(
    row: ApprovalRequest, state: RequestState, policy: PolicySet, *, at: datetime
) -> ApprovalRequest | None:
    """The request, locked, whose card a new one may join; None when it needs a card of its own.

    A leader that somebody holds is being decided or is due: it is not waited for.
    """
    if not rules.shares_cards(attention.rules_for(row.agent.name, policy)):
        return None
    _take_turns(row.agent, row.action_sha256)
    found = (
        _rows(skip_locked=True)
        .filter(agent=row.agent, action_sha256=row.action_sha256, joined=None, effect="")
        .filter(status=Status.PENDING.value, stage=0, rung=0, decide_by__gt=at)
        .order_by("-number")
        .first()
    )
    if found is None or not sharing.are_alike(found.submission, row.submission):
        return None
    leader = states.of(found)
    if leader.plan != state.plan or not sharing.may_be_joined(leader, at=at):
        return None
    if found.decisions.exists() or found.joiners.count() + 1 >= MOST_ON_A_CARD:
        return None
    return found


def unseen(row: ApprovalRequest, seen: int | None) -> frozenset[str] | None:
    """Which requests on this card somebody who read version `seen` has not been shown.

    None when something else changed since. Whose door cannot know the version saw one request only.
    """
    if seen is None:
        return frozenset(other.ref for other in row.joiners.only("number"))
    if seen == row.version:
        return frozenset()
    return sharing.unseen(seen, row.version, _history(row))


def joined_after(row: ApprovalRequest, seen: int) -> frozenset[str]:
    """The requests that came onto this card after version `seen`, whatever else changed since."""
    return frozenset(ref for each in _history(row) if each.version > seen for ref in each.refs)


def _history(row: ApprovalRequest) -> Sequence[Joined]:
    """What came onto this card, as its history tells; at most as much as a card holds."""
    events = AuditEvent.objects.filter(request=row, type=EventKind.CARD_SHARED.value)
    details: list[dict[str, Any]] = [event.entry["detail"] for event in events.order_by("seq")]
    return [
        Joined(detail["version"], tuple(detail["joined"]))
        for detail in details
        if detail.get("joined")
    ]


def _rows(*, skip_locked: bool = False) -> QuerySet[ApprovalRequest]:
    rows = ApprovalRequest.objects.select_for_update(of=("self",), skip_locked=skip_locked)
    return rows.select_related("agent", "agent_key")


def _take_turns(agent: Agent, action_sha256: str) -> None:
    """Let identical submissions look for a card one after another; SQLite writes in turn anyway."""
    if connection.vendor != "postgresql":
        return
    digest = hashlib.sha256(f"{agent.pk} {action_sha256}".encode()).digest()
    with connection.cursor() as cursor:
        number = int.from_bytes(digest[:8], "big", signed=True)
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
