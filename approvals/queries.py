"""Reads with names and an order. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from approvals.domain import cards, errors
from approvals.domain.cards import Card, Matter, Note, Said
from approvals.domain.plan import seated
from approvals.domain.state import RequestState
from approvals.domain.terms import OPEN, Status, Verdict
from approvals.models import (
    Agent,
    ApprovalRequest,
    AuditEvent,
    ChainHead,
    Decision,
    Delivery,
    Person,
    RequestMessage,
    Team,
    states,
)
from approvals.models.outbox import DeliveryState
from approvals.models.requests import REF_PREFIX, lookup

_OPEN = [status.value for status in OPEN]


_SLIM = ApprovalRequest.objects.only("number", "status", "closed_at", "joined").order_by("number")
_ON_THE_SAME_CARD = (
    Prefetch("joiners", _SLIM),
    Prefetch("joined", _SLIM),
    Prefetch("joined__joiners", _SLIM),
)


def _whole() -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.select_related(
        "agent", "agent__owner", "agent_key"
    ).prefetch_related(
        *_ON_THE_SAME_CARD,
        Prefetch("decisions", Decision.objects.select_related("person").order_by("id")),
        Prefetch("messages", RequestMessage.objects.select_related("person").order_by("id")),
    )


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


def beside(row: ApprovalRequest) -> list[str]:
    """The identical requests that share its card, or were decided with it, the oldest first."""
    leader = row.joined or row
    same = [leader, *leader.joiners.all()]
    return [
        other.ref
        for other in same
        if other.pk != row.pk and (other.status, other.closed_at) == (row.status, row.closed_at)
    ]


def team_inbox_for(person: Person) -> list[ApprovalRequest]:
    """What waits for any team this person belongs to, critical first, then least time left."""
    mine = states.approver(person).teams
    rows = [
        row
        for row in waiting()
        if mine & set(states.of(row, decisions=row.decisions.all()).teams_asked)
    ]
    return sorted(rows, key=lambda row: (row.risk != "critical", row.decide_by, row.number))


def approvers_of(state: RequestState) -> list[tuple[Team, list[Person]]]:
    """Who is asked now, team by team, without those the request is too close to."""
    names = list(state.teams_asked) if not state.status.is_final else []
    teams = {
        team.name: team for team in Team.objects.filter(name__in=names).prefetch_related("people")
    }
    return [
        (
            teams[name],
            [p for p in teams[name].people.all() if p.is_active and not _too_close(state, p)],
        )
        for name in names
        if name in teams
    ]


def _too_close(state: RequestState, person: Person) -> bool:
    return person.pk in state.conflicted and not state.plan.owner_may_decide


def nobody_can(state: RequestState) -> bool:
    """True when no set of people could fill the open seats now."""
    if state.status.is_final or not state.plan.stages:
        return False
    people: dict[int, set[str]] = {}
    for team, members in approvers_of(state):
        for person in members:
            people.setdefault(person.pk, set()).add(team.name)
    able = [frozenset(names) for names in people.values()]
    seats = state.current.seat_teams(state.rung)
    return seated(seats, able) < len(seats)


def card(row: ApprovalRequest) -> Card:
    """The card of a request as it stands now."""
    state = states.of(row, decisions=row.decisions.all())
    return cards.draw(
        Matter(
            ref=row.ref,
            public_id=str(row.public_id),
            state=state,
            agent=row.agent.name,
            owner=str(row.agent.owner or ""),
            submission=row.submission,
            because=row.because,
            checks=row.evaluation,
            teams=dict(Team.objects.values_list("name", "title")),
            url=f"{settings.PUBLIC_URL}/r/{row.ref}",
            created_at=row.created_at,
            said=[_said(decision) for decision in row.decisions.all()],
            notes=[_note(message) for message in row.messages.all()],
            nobody_can=nobody_can(state),
            beside=beside(row),
            leads=row.joined_id is None,
            effect=row.effect,
        )
    )


def _said(decision: Decision) -> Said:
    return Said(
        str(decision.person),
        Verdict(decision.verdict),
        decision.comment,
        decision.at,
        decision.channel,
    )


def _note(message: RequestMessage) -> Note:
    by = "the agent" if message.from_agent else str(message.person)
    return Note(by, message.from_agent, message.text, message.at)


def events_of(row: ApprovalRequest, *, after: int = -1) -> QuerySet[AuditEvent]:
    """A request's history in order, from behind a position."""
    return AuditEvent.objects.filter(request=row, seq__gt=after).order_by("seq")


def deliveries_of(row: ApprovalRequest) -> QuerySet[Delivery]:
    return Delivery.objects.filter(request=row).order_by("id")


def dead_deliveries() -> QuerySet[Delivery]:
    """Promises that were given up, newest first."""
    return (
        Delivery.objects.filter(state=DeliveryState.DEAD.value)
        .select_related("request")
        .order_by("-id")
    )


def events(filters: Mapping[str, Any]) -> QuerySet[AuditEvent]:
    """History by `request agent action target actor type session after before`, newest first."""
    found = AuditEvent.objects.select_related("request").order_by("-id")
    for name in ("agent", "action", "target", "actor", "type", "session"):
        if filters.get(name):
            found = found.filter(**{name: filters[name]})
    if filters.get("request"):
        found = found.filter(
            **{f"request__{key}": value for key, value in lookup(filters["request"]).items()}
        )
    if filters.get("after"):
        found = found.filter(at__gte=filters["after"])
    return found.filter(at__lt=filters["before"]) if filters.get("before") else found


def told(event: AuditEvent) -> dict[str, Any]:
    """One line of history as auditors read it: what was hashed, its hash, and what the request said.

    `entry` is exactly what was hashed. The fields beside it come from the request's first event, to
    which `parameters_sha256` binds them.
    """
    row = event.request
    submission: Mapping[str, Any] = row.submission if row else {}
    return {
        "timestamp": event.entry["timestamp"],
        "seq": event.seq,
        "type": event.type,
        "chain": event.chain,
        "request": str(row.public_id) if row else None,
        "ref": row.ref if row else None,
        "actor": event.actor,
        "agent": event.agent,
        "session": event.session,
        "action": event.action,
        "target": event.target,
        "parameters": submission.get("parameters"),
        "reasoning": submission.get("reasoning"),
        "context": submission.get("context"),
        "approval": _approval(event),
        "basis": event.entry.get("basis") or None,
        "reason_code": event.entry.get("reason_code") or None,
        "policy_version": event.entry.get("policy_version"),
        "outcome": event.entry.get("outcome"),
        "rollback_available": (submission.get("rollback") or {}).get("available"),
        "state_before": (submission.get("rollback") or {}).get("state_before"),
        "how_to_undo": (submission.get("rollback") or {}).get("how"),
        "detail": event.entry.get("detail"),
        "entry": event.entry,
        "prev": event.entry["prev"],
        "hash": event.hash,
    }


def _approval(event: AuditEvent) -> dict[str, Any] | None:
    """How the request was allowed, as far as this event knows."""
    entry = event.entry
    if not entry.get("status") or entry["status"] in _OPEN:
        return None
    kinds = {"policy": "auto_approved", "person": "approved", "timeout": "approved_by_timeout"}
    approved = entry["status"] == Status.APPROVED
    return {
        "type": kinds.get(entry["basis"], entry["basis"]) if approved else entry["status"],
        "policy": entry.get("reason_code"),
        "by": (entry.get("detail") or {}).get("by"),
    }


def chains() -> Iterable[tuple[str, str, int, QuerySet[AuditEvent]]]:
    """Every chain: its name, recorded head and length, and its events in order."""
    for head in ChainHead.objects.order_by("chain"):
        events_of_chain = AuditEvent.objects.filter(chain=head.chain).order_by("seq")
        yield head.chain, head.head, head.position, events_of_chain
    for row in (
        ApprovalRequest.objects.only("number", "chain_head", "position")
        .order_by("number")
        .iterator()
    ):
        yield (
            row.ref,
            row.chain_head,
            row.position,
            AuditEvent.objects.filter(chain=row.ref).order_by("seq"),
        )


def is_over(row: ApprovalRequest) -> bool:
    """True when nothing more can happen to a request that anybody would wait for."""
    return row.status not in _OPEN and (
        row.status != Status.APPROVED or row.outcome is not None or row.grant_lapsed
    )
