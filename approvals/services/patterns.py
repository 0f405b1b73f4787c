"""Notice what is not like an agent's own past, and what it keeps trying. Nothing here decides anything.

Every look is bounded: a few hundred rows of the agent's own, by index. What is noticed becomes an
alert, told at most once an hour for each agent and kind, and worded as a question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from statistics import median
from types import UnionType
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.evaluate import Evaluation
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import AlertKind, Approval, Basis, Status
from approvals.models import ApprovalRequest
from approvals.models.requests import REF_PREFIX
from approvals.services import alerts

HOUR = timedelta(hours=1)
OUT_OF_SCOPE = frozenset({"out_of_scope", "excluded", "read_only"})
PATTERNS = ("rate", "first_time_target", "new_parameter_shape")
NEAR_LIMIT = 0.8
DENIALS = 3  # by people, of one agent, within an hour
HISTORY = 20  # an agent that asked less often has no habits yet
HABIT = 10  # among the last 20: with more different ones than this, a new one is nothing new
REACH = 500  # how many of the agent's last requests "never before" is said of
SHAPES = 20  # the same for shapes, among requests of one action
BASELINE = timedelta(days=7)
SAMPLE = 5_000  # the newest requests the usual hour is told from
LONGEST = 300  # of a shape, as an alert shows it
TIMES_USUAL = 3
AT_LEAST_AN_HOUR = 30


def look(row: ApprovalRequest, subject: Subject, evaluation: Evaluation, *, at: datetime) -> None:
    """Look at a request just written. Needs its transaction; the service's own are not looked at."""
    if row.effect:
        return
    _near_limits(row, evaluation, at=at)
    if evaluation.reason_code in OUT_OF_SCOPE:
        _scope(row, subject, evaluation, at=at)
    elif _before(row)[HISTORY - 1 : HISTORY].exists():
        _faster(row, at)
        if not _same_again(row).exists():
            _elsewhere(row, subject, at)
            _differently(row, subject, at)


def denied(row: ApprovalRequest, *, at: datetime) -> None:
    """Look after a person's final denial, already written. Needs its transaction.

    Requests that shared another's card were not denied on their own, so they do not count.
    """
    if row.effect:
        return
    theirs = ApprovalRequest.objects.filter(
        agent=row.agent_id,
        created_at__gte=at - BASELINE,
        status=Status.DENIED.value,
        basis=Basis.PERSON.value,
        closed_at__gt=at - HOUR,
        joined=None,
    )
    # Numbers alone: hundreds of rows made into objects would cost as much as the whole decision.
    numbers = list(theirs.order_by("-number").values_list("number", flat=True)[:REACH])
    if len(numbers) < DENIALS:
        return
    alerts.raise_once(
        kind=AlertKind.REPEATED_DENIALS,
        key=alerts.hourly(row.agent, at=at),
        agent=row.agent,
        words=(
            f"People denied {len(numbers)} requests of {row.agent.name} within an hour. "
            "Does it keep asking after a no?"
        ),
        at=at,
        values={
            "denials": len(numbers),
            "limit": DENIALS,
            "requests": [f"{REF_PREFIX}{number}" for number in numbers[:SHAPES]],
        },
        request=row,
    )


def _scope(row: ApprovalRequest, subject: Subject, evaluation: Evaluation, *, at: datetime) -> None:
    refused = next(each for each in evaluation.checks if each.leads_to is Approval.FORBIDDEN)
    alerts.raise_once(
        kind=AlertKind.SCOPE_VIOLATION,
        key=alerts.hourly(row.agent, at=at),
        agent=row.agent,
        words=(
            f"{row.agent.name} asked for more than it may touch and was denied. {refused.words}"
        ),
        at=at,
        values={
            "reason": evaluation.reason_code,
            "action": subject.action,
            "target": subject.target,
            "namespace": subject.namespace,
            "resource_type": subject.resource_type,
            "rule": refused.rule,
            **refused.values,
        },
        request=row,
    )


def _near_limits(row: ApprovalRequest, evaluation: Evaluation, *, at: datetime) -> None:
    for check in evaluation.checks:
        used = _used(check, admitted=evaluation.verdict is not Approval.FORBIDDEN)
        if used is None or used[0] < NEAR_LIMIT * used[1]:
            continue
        alerts.raise_once(
            kind=AlertKind.RATE_APPROACHED,
            key=alerts.hourly(row.agent, check.rule, at=at),
            agent=row.agent,
            words=f"{row.agent.name} has used {used[0]} of {used[1]}: {check.rule}.",
            at=at,
            values={**check.values, "used": used[0], "limit": used[1], "rule": check.rule},
            request=row,
        )


def _used(check: Check, *, admitted: bool) -> tuple[int, int] | None:
    """How much of a rate is used once this request is counted; None for any other check."""
    used, limit = check.values.get("used"), check.values.get("limit")
    if check.name is not Layer.RATE or not isinstance(used, int) or not isinstance(limit, int):
        return None
    return (used + admitted, limit) if limit > 1 else None


def _before(row: ApprovalRequest) -> QuerySet[ApprovalRequest]:
    """The agent's requests before this one, newest first."""
    earlier = ApprovalRequest.objects.filter(agent=row.agent_id, number__lt=row.number)
    return earlier.order_by("-number")


def _faster(row: ApprovalRequest, at: datetime) -> None:
    """More in this hour of the clock than a multiple of what is usual in the hours it works."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    usual = _usual_hour(row.agent_id, hour)
    if usual is None:
        return
    limit = max(AT_LEAST_AN_HOUR, int(TIMES_USUAL * usual))
    asked = ApprovalRequest.objects.filter(agent=row.agent_id, created_at__gte=hour)
    now = asked.order_by()[: limit + 1].count()
    if now <= limit:
        return
    _unusual(
        row,
        "rate",
        f"{row.agent.name} usually asks {usual:g} times an hour, now more than {limit} times "
        f"since {hour:%H:%M} UTC. Is that meant?",
        at=at,
        usual=usual,
        now=now,
        limit=limit,
    )


@lru_cache(maxsize=4096)
def _usual_hour(agent: UUID, hour: datetime) -> float | None:
    """The median of the hours in which the agent asked anything, of the last seven days.

    Hours that are over do not change, so each process reads them once an hour.
    """
    rows = ApprovalRequest.objects.filter(
        agent=agent, created_at__gte=hour - BASELINE, created_at__lt=hour
    )
    moments = list(rows.order_by("-created_at").values_list("created_at", flat=True)[:SAMPLE])
    counts = Counter(moment.replace(minute=0, second=0, microsecond=0) for moment in moments)
    if len(moments) == SAMPLE and len(counts) > 1:
        counts.pop(min(counts))  # the sample ends somewhere within it
    return float(median(counts.values())) if counts else None


def _elsewhere(row: ApprovalRequest, subject: Subject, at: datetime) -> None:
    """A target it never named, when it is one that keeps to few."""
    habit = list(_before(row).values_list("target", flat=True)[:HISTORY])
    if row.target in habit or len(set(habit)) > HABIT:
        return
    if row.target in set(_before(row).values_list("target", flat=True)[HISTORY:REACH]):
        return
    _unusual(
        row,
        "first_time_target",
        f"{row.agent.name} never named {subject.target} before. Is that meant?",
        at=at,
        target=subject.target,
        usual=sorted(set(habit)),
        of=HISTORY,
    )


def _differently(row: ApprovalRequest, subject: Subject, at: datetime) -> None:
    """Parameters of a shape never sent with this action, when it is one that keeps to few."""
    now, seen = shape(subject.parameters), set[str]()
    for submission in _submissions(row):
        seen.add(shape(submission["parameters"]))
        if now in seen or len(seen) > HABIT:
            return
    if not seen:
        return
    _unusual(
        row,
        "new_parameter_shape",
        f"{row.agent.name} sent {subject.action} with parameters unlike all before. Is that meant?",
        at=at,
        action=subject.action,
        shape=now[:LONGEST],
        usual=sorted(each[:LONGEST] for each in seen),
    )


def shape(parameters: Mapping[str, Any]) -> str:
    """The names of the parameters with the kinds of their values: `from_replicas: number, …`."""
    return ", ".join(f"{name}: {_kind(parameters[name])}" for name in sorted(parameters))


KINDS: Sequence[tuple[type | UnionType, str]] = (
    (bool, "truth"),  # before numbers: to Python a truth is one
    (int | float, "number"),
    (str, "text"),
    (list, "list"),
    (type(None), "null"),
    (dict, "object"),
)


def _kind(value: object) -> str:
    return next(word for kind, word in KINDS if isinstance(value, kind))


def _same_again(row: ApprovalRequest) -> QuerySet[ApprovalRequest]:
    """Exactly this action, on this target with these parameters, asked before."""
    return ApprovalRequest.objects.filter(
        agent=row.agent_id, action_sha256=row.action_sha256, number__lt=row.number
    )


def _submissions(row: ApprovalRequest) -> Iterator[Mapping[str, Any]]:
    """The last bodies of this action, those lately first: one of them nearly always has the same shape."""
    for reach in (slice(0, SHAPES), slice(SHAPES, REACH)):
        numbers = _before(row).values("number")[reach]
        earlier = ApprovalRequest.objects.filter(number__in=numbers, action=row.action)
        yield from earlier.order_by("-number").values_list("submission", flat=True)[:SHAPES]


def _unusual(
    row: ApprovalRequest, pattern: str, words: str, *, at: datetime, **values: Any
) -> None:
    alerts.raise_once(
        kind=AlertKind.UNUSUAL_PATTERN,
        key=alerts.hourly(row.agent, pattern, at=at),
        agent=row.agent,
        words=words,
        at=at,
        values={"pattern": pattern, **values},
        request=row,
    )
