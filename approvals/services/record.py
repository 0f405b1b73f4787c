"""An agent's record: what it asked, what people said, how it ended; read for evidence and summaries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from approvals.domain.autonomy import Answer, Evidence, Record, weigh
from approvals.domain.policy.autonomy import EVERY_CLASS, SHADOW_MODE
from approvals.domain.terms import (
    OPEN,
    Basis,
    EventKind,
    OutcomeStatus,
    Stage,
    Status,
    Verdict,
)
from approvals.models import (
    Agent,
    AgentStage,
    ApprovalRequest,
    AuditEvent,
    BreakerTrip,
    Decision,
    SuggestionMark,
)
from approvals.services import audit

MOST = 2_000
CHUNK = 200  # submissions can be large
MOST_ACTIONS = 20
_WRONG = (OutcomeStatus.FAILURE.value, OutcomeStatus.ROLLED_BACK.value)

_READ = (
    "number", "created_at", "asked", "reason_code", "submission", "basis", "status", "outcome_status",
    "outcome_at", "cost",
)  # fmt: skip
_BY_ITSELF = (Basis.POLICY.value, Basis.STANDING_GRANT.value)


def evidence(
    agent: Agent, action_class: str, *, stage: AgentStage | None, at: datetime
) -> Evidence:
    """The figures since this stage began (None: ever), over at most the last 2,000 requests."""
    rows = of_class(agent, action_class, since=stage.since if stage else None)
    numbers = list(rows.order_by("-number").values_list("number", flat=True)[:MOST])
    escalated = AuditEvent.objects.filter(request=OuterRef("pk"), type=EventKind.ESCALATED.value)
    final = Decision.objects.filter(request__in=numbers, is_final=True).select_related("person")
    said = {decision.request_id: decision for decision in final}
    marks: defaultdict[int, list[bool]] = defaultdict(list)
    for mark in SuggestionMark.objects.filter(request__in=numbers):
        marks[mark.request_id].append(mark.is_right)
    found = ApprovalRequest.objects.filter(number__in=numbers).order_by("-number").only(*_READ)
    questions = Decision.objects.filter(request=OuterRef("pk"), verdict=Verdict.INVESTIGATE.value)
    known = found.annotate(escalated=Exists(escalated), questioned=Exists(questions))
    read = known.iterator(chunk_size=CHUNK)
    return weigh(
        [_record(row, said.get(row.number), marks[row.number]) for row in read],
        stage=Stage(stage.stage) if stage else None,
        since=stage.since if stage else None,
        until=at,
    )


def of_class(
    agent: Agent, action_class: str, *, since: datetime | None
) -> QuerySet[ApprovalRequest]:
    """Requests that count in a class; `*` holds those of every class that has no stage of its own."""
    rows = ApprovalRequest.objects.filter(agent=agent)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if action_class != EVERY_CLASS:
        return rows.filter(action_class=action_class)
    own = AgentStage.objects.filter(agent=agent, until=None).exclude(action_class=EVERY_CLASS)
    return rows.exclude(action_class__in=own.values("action_class"))


def answers(agent: Agent, action_class: str, *, since: datetime, most: int) -> list[bool]:
    """What people finally said of the last requests: whether they agreed, newest first."""
    rows = of_class(agent, action_class, since=since)
    decided = rows.filter(basis=Basis.PERSON.value, closed_at__isnull=False)
    statuses = decided.order_by("-closed_at").values_list("status", flat=True)[:most]
    return [status != Status.DENIED for status in statuses]


def went_wrong_since(agent: Agent, action_class: str, *, since: datetime) -> str:
    """What happened after a moment that evidence from before it does not show; empty for nothing."""
    rows = of_class(agent, action_class, since=None)
    denied = rows.filter(
        status=Status.DENIED.value, basis=Basis.PERSON.value, closed_at__gt=since
    ).count()
    failed = rows.filter(outcome_status__in=_WRONG, outcome_at__gt=since).count()
    wrong = SuggestionMark.objects.filter(request__in=rows, is_right=False, at__gt=since).count()
    opened = BreakerTrip.objects.filter(agent=agent, opened_at__gt=since).count()
    counted = (
        (denied, "denied by people"),
        (failed, "reported as failed or rolled back"),
        (wrong, "marked wrong"),
    )
    said = [f"{count} of its requests were {words}" for count, words in counted if count]
    if opened:
        said.append("a circuit breaker opened")
    said += _told_since(agent, action_class, since=since)
    return " and ".join(said)


def _told_since(agent: Agent, action_class: str, *, since: datetime) -> list[str]:
    """What people did about the agent after a moment that costs it trust, though no request tells."""
    told = AuditEvent.objects.filter(agent=agent.name, request=None, at__gt=since)
    stops = told.filter(type=EventKind.AGENT_STOPPED.value)
    said = ["the agent was stopped"] if stops.exists() else []
    reports = told.filter(type=EventKind.INCIDENT_REPORTED.value).values_list("entry", flat=True)
    named = {entry["detail"]["class"] for entry in reports}
    if named and named & _sharing_a_stage(agent, action_class, named):
        said.append("an incident was reported")
    return said


def _sharing_a_stage(agent: Agent, action_class: str, named: set[str]) -> set[str]:
    """Of these classes the ones an incident in which counts against a class: itself, those that stand
    under the same stage for every class, and the report of no class in particular."""
    rows = AgentStage.objects.filter(agent=agent, until=None).exclude(action_class=EVERY_CLASS)
    own = set(rows.values_list("action_class", flat=True))
    meant = {action_class, ""}
    if action_class == EVERY_CLASS:
        meant |= named - own
    elif action_class not in own:
        meant.add(EVERY_CLASS)
    return meant


def incidents(row: ApprovalRequest) -> list[str]:
    """The incidents a request names."""
    named = (row.submission.get("context") or {}).get("related_incidents") or []
    return [str(name) for name in named]


def digest(agent: Agent, *, since: datetime, at: datetime) -> dict[str, Any]:
    """What an agent did between two moments, in counts, for people who read summaries."""
    rows = ApprovalRequest.objects.filter(agent=agent, created_at__gte=since, created_at__lt=at)
    policy = Q(basis=Basis.POLICY.value)
    approved, denied = Q(status=Status.APPROVED.value), Q(status=Status.DENIED.value)
    person = Q(basis=Basis.PERSON.value)
    counts = rows.aggregate(
        requests=Count("pk"),
        automatic=Count("pk", filter=approved & policy),
        by_standing_grant=Count("pk", filter=approved & Q(basis=Basis.STANDING_GRANT.value)),
        asked=Count("pk", filter=Q(asked=True)),
        approved_by_people=Count("pk", filter=approved & person),
        denied_by_people=Count("pk", filter=denied & person),
        refused_by_policy=Count("pk", filter=denied & policy),
        expired=Count("pk", filter=Q(status=Status.EXPIRED.value)),
        waiting=Count("pk", filter=Q(status__in=[status.value for status in OPEN])),
        cost=Sum("cost"),
    )
    refused = rows.filter(denied & policy).values_list("reason_code", flat=True)
    return {
        "agent": agent.name,
        "since": audit.stamp(since),
        "until": audit.stamp(at),
        **counts,
        "refused_because": dict(Counter(refused)),
        "outcomes": _by(rows.exclude(outcome_status=""), "outcome_status"),
        "actions": _by(rows, "action"),
        "stage_changes": list(_changes(agent, since, at)),
    }


def _by(rows: QuerySet[ApprovalRequest], column: str) -> dict[str, int]:
    counted = rows.values_list(column).annotate(count=Count("pk")).order_by("-count", column)
    return dict(counted[:MOST_ACTIONS])


def _changes(agent: Agent, since: datetime, at: datetime) -> Iterable[dict[str, str]]:
    changed = AgentStage.objects.filter(agent=agent, since__gte=since, since__lt=at)
    for row in changed.order_by("since", "pk"):
        yield {
            "class": row.action_class,
            "stage": row.stage,
            "at": audit.stamp(row.since),
            "by": row.changed_by,
            "reason": row.reason,
        }


def _record(row: Any, said: Decision | None, marks: Sequence[bool]) -> Record:
    """`row` knows whether it `escalated` and was `questioned`; with what people finally said of it."""
    users = (row.submission.get("impact") or {}).get("users")
    return Record(
        ref=row.ref,
        at=row.created_at,
        asked=row.asked,
        shadow=row.reason_code == SHADOW_MODE,
        mark=all(marks) if marks else None,
        answer=_answer(row, said) if said else None,
        escalated=row.escalated,
        questioned=row.questioned,
        withdrawn=row.status == Status.CANCELLED,
        by_itself=row.basis in _BY_ITSELF and row.status == Status.APPROVED,
        revoked=row.status == Status.REVOKED,
        open=row.status in OPEN,
        outcome=OutcomeStatus(row.outcome_status) if row.outcome_status else None,
        outcome_after=row.outcome_at - row.created_at if row.outcome_at else None,
        cost=row.cost,
        incidents=tuple(incidents(row)),
        users=users,
    )


def _answer(row: ApprovalRequest, decision: Decision) -> Answer:
    return Answer(
        agreed=decision.verdict == Verdict.APPROVE,
        by=str(decision.person),
        reason=decision.comment,
        after=decision.at - row.created_at,
    )
