"""Requests found by name, by filters, and by whom they wait for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from approvals.domain import errors
from approvals.domain.terms import OPEN
from approvals.models import Agent, ApprovalRequest, Decision, Person, RequestMessage, states
from approvals.models.requests import REF_PREFIX, lookup
from approvals.queries.queue import slim
from approvals.queries.stand_ins import WITH_STAND_INS

_OPEN = [status.value for status in OPEN]


_SLIM = ApprovalRequest.objects.only("number", "status", "closed_at", "joined").order_by("number")
# What is told of a request beside its own row: who shares its card, and what people said.
TOLD_WITH = (
    Prefetch("joiners", _SLIM),
    Prefetch("joined", _SLIM),
    Prefetch("joined__joiners", _SLIM),
    Prefetch("decisions", Decision.objects.select_related("person").order_by("id")),
    Prefetch("messages", RequestMessage.objects.select_related("person").order_by("id")),
)


def _whole() -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.select_related(
        "agent", "agent__owner", "agent_key"
    ).prefetch_related(*TOLD_WITH, WITH_STAND_INS)


def request(ref: str) -> ApprovalRequest:
    """One request by `REQ-12` or public id, with decisions and messages. Raises NotFound."""
    row = _whole().filter(**lookup(ref)).first()
    if row is None:
        raise errors.NoSuchRequest(ref)
    return row


def whole_request(number: int) -> ApprovalRequest:
    return _whole().get(pk=number)


def request_of(agent: Agent, ref: str) -> ApprovalRequest:
    """One request of this agent; another agent's is not found. Raises NotFound."""
    row = request(ref)
    if row.agent_id != agent.pk:
        raise errors.NoSuchRequest(ref)
    return row


def requests() -> QuerySet[ApprovalRequest]:
    """All requests, newest first, with what lists show."""
    return _whole().order_by("-number")


def requests_matching(
    filters: Mapping[str, Any], *, rows: QuerySet[ApprovalRequest] | None = None
) -> QuerySet[ApprovalRequest]:
    """Requests by `status agent action target risk session decided_by created_after created_before q`."""
    found = requests() if rows is None else rows
    exact = {"status": "status", "agent": "agent__name", "action": "action", "target": "target",
             "risk": "risk", "session": "session"}  # fmt: skip
    for name, column in exact.items():
        if filters.get(name):
            found = found.filter(**{column: filters[name]})
    if filters.get("created_after"):
        found = found.filter(created_at__gte=filters["created_after"])
    if filters.get("created_before"):
        found = found.filter(created_at__lt=filters["created_before"])
    if filters.get("decided_by"):
        decided = Decision.objects.filter(
            request=OuterRef("pk"), person__email=filters["decided_by"].lower()
        )
        found = found.filter(Exists(decided))
    return _containing(found, filters["q"]) if filters.get("q") else found


def _containing(rows: QuerySet[ApprovalRequest], text: str) -> QuerySet[ApprovalRequest]:
    wanted = Q(action__icontains=text) | Q(target__icontains=text) | Q(agent__name__icontains=text)
    digits = text.upper().removeprefix(REF_PREFIX)
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        wanted |= Q(number=int(digits))
    return rows.filter(wanted)


def waiting() -> QuerySet[ApprovalRequest]:
    """Every card that waits for people, most urgent first; a joiner stands on its leader's."""
    return _whole().filter(status__in=_OPEN, joined=None).order_by("decide_by", "number")


def team_inbox_for(person: Person, *, at: datetime | None = None) -> list[ApprovalRequest]:
    """What waits for any team this person belongs to, critical first, then least time left; with a
    moment, also for the teams of those they stand in for then. Only what a row shows is read."""
    approver = states.approver(person)
    mine = approver.teams if at is None else approver.rights(at=at)
    rows = [
        row
        for row in slim().filter(status__in=_OPEN, joined=None)
        if mine & set(states.of(row, decisions=()).teams_asked)
    ]
    return sorted(rows, key=lambda row: (row.risk != "critical", row.decide_by, row.number))
