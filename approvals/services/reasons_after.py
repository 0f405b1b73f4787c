"""Why a stage was lowered, said after it was: one step less needs no words at the moment.

The words are an event of their own that names the change; until they come, the change says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from approvals.domain import errors
from approvals.domain.terms import EventKind
from approvals.models import Agent, AgentStage, AuditEvent, Person
from approvals.services import actors, audit, stage_rows, stewards

MOST = 5
_BY_PEOPLE = "person:"


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A change of a stage that has no reason yet: `seq` names its event, and `by` who made it."""

    seq: int
    action_class: str
    stage: str
    at: datetime
    by: str
    actor: str


def of(agent: Agent) -> list[Unexplained]:
    """The newest changes of this agent that wait for their reason; one statement where none does."""
    rows = list(_wordless(agent).order_by("-since")[:MOST])
    if not rows:
        return []
    events = AuditEvent.objects.filter(
        chain=audit.SERVICE_CHAIN,
        type=EventKind.STAGE_CHANGED.value,
        agent=agent.name,
        actor__startswith=_BY_PEOPLE,
        at__in=[row.since for row in rows],
    )
    told = {(event.entry["detail"]["class"], event.at): event for event in events}
    return [
        Unexplained(event.seq, row.action_class, row.stage, row.since, row.changed_by, event.actor)
        for row in rows
        if (event := told.get((row.action_class, row.since))) is not None
    ]


def may_explain(by: Person, actor: str) -> bool:
    """Whoever made the change, or a manager or operator."""
    return by.is_active and (stewards.is_steward(by) or actor == str(actors.person(by)))


def explain(*, agent: Agent, seq: int, reason: str, by: Person, at: datetime) -> None:
    """Say why the change of this number was made.

    Raises NotAllowed, Invalid without words, NotFound for no such change of this agent, and Conflict
    for one that has its reason.
    """
    with transaction.atomic():
        stage_rows.hold_agent(agent)
        event = AuditEvent.objects.filter(
            chain=audit.SERVICE_CHAIN,
            seq=seq,
            type=EventKind.STAGE_CHANGED.value,
            agent=agent.name,
        ).first()
        if event is None:
            raise errors.NotFound("There is no such change of this agent. Nothing was recorded.")
        if not may_explain(by, event.actor):
            raise errors.NotAllowed(
                "Only who made this change, a manager or an operator can say why. "
                "Nothing was recorded."
            )
        stewards.refuse_wordless(reason)
        changed = event.entry["detail"]
        row = _wordless(agent).filter(action_class=changed["class"], since=event.at)
        # The row names who made the change: nobody's words may pass for theirs.
        is_own = event.actor == str(actors.person(by))
        told = reason.strip() if is_own else f"{reason.strip()} (said later by {by})"
        if not row.update(reason=told):
            raise errors.Conflict("This change has its reason already. Nothing was recorded.")
        detail = {
            "agent": agent.name,
            "class": changed["class"],
            "stage": changed["to"],
            "change": seq,
            "reason": reason.strip(),
        }
        who = actors.person(by)
        audit.append_service(EventKind.STAGE_EXPLAINED, actor=who, at=at, detail=detail)


def still_wordless(events: Iterable[AuditEvent]) -> frozenset[int]:
    """Which of these changes have no reason to this day; no statement where all came with one."""
    asked = {
        (event.agent, event.entry["detail"].get("class"), event.at): event.seq
        for event in events
        if event.type == EventKind.STAGE_CHANGED
        and event.actor.startswith(_BY_PEOPLE)
        and not event.entry["detail"].get("reason")
    }
    if not asked:
        return frozenset()
    moments = [at for _, _, at in asked]
    rows = AgentStage.objects.filter(reason="", since__in=moments)
    known = set(rows.values_list("agent__name", "action_class", "since"))
    return frozenset(seq for change, seq in asked.items() if change in known)


def said_of(event: AuditEvent) -> AuditEvent | None:
    """What was said later of a change that came without its reason."""
    detail = event.entry.get("detail") or {}
    if event.type != EventKind.STAGE_CHANGED or detail.get("reason"):
        return None
    later = AuditEvent.objects.filter(
        chain=audit.SERVICE_CHAIN,
        type=EventKind.STAGE_EXPLAINED.value,
        agent=event.agent,
        seq__gt=event.seq,
        entry__contains=f'"change":{event.seq}',  # those of 120 beside those of 12
    )
    return next((one for one in later.order_by("seq") if _names(one, event)), None)


def _names(later: AuditEvent, event: AuditEvent) -> bool:
    return bool(later.entry["detail"].get("change") == event.seq)


def _wordless(agent: Agent) -> QuerySet[AgentStage]:
    return AgentStage.objects.filter(agent=agent, reason="")
