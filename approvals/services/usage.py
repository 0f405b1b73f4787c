"""Count what rates limit: requests let through or waiting, whom they named, and what failed lately.

At most three queries, each along an index, and only those a rate that counts the action needs. Windows
have no upper end: a request whose moment is a little later, since it was asked elsewhere, counts too.
A request asked exactly an hour (or a day) ago no longer counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count as Number
from django.db.models import Max, Min, Q

from approvals.domain.policy.circumstances import Count, Reported, Sent
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.rates import DAY, HOUR, Rate, address, covering
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import OPEN, OutcomeStatus, Status
from approvals.models import Agent, ApprovalRequest, Recipient

COUNTED = (*(status.value for status in OPEN), Status.APPROVED.value)
WENT_WRONG = (OutcomeStatus.FAILURE.value, OutcomeStatus.ROLLED_BACK.value)
LONGEST = 500


def of(agent: Agent, subject: Subject, policy: PolicySet, *, at: datetime) -> dict[str, Any]:
    """The parts of `Circumstances` that rates look at: `passed`, `sent` and `reported`.

    Only what the rates of this action need is counted; a day's counts only when one limits days.
    """
    mine = [rate for each in policy.concerning(agent.name) for rate in each.rates]
    found = covering(mine, subject.action)
    return {
        "passed": _passed(agent, found, at=at),
        "sent": _sent(agent, found, subject, at=at),
        "reported": _reported(agent, found, at=at),
    }


def remember(row: ApprovalRequest, subject: Subject, *, at: datetime) -> None:
    """Write whom the request names, once each. Needs the transaction that wrote the request."""
    if row.status not in COUNTED:
        return
    names = sorted({stored(name) for name in subject.recipients})
    Recipient.objects.bulk_create(
        Recipient(request=row, agent=row.agent, address=name, at=at) for name in names
    )


def stored(recipient: str) -> str:
    """An address as it is kept: what is too long for its column ends in a digest of all of it."""
    name = address(recipient)
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 65]}:{hashlib.sha256(name.encode()).hexdigest()}"


def _passed(agent: Agent, found: Sequence[Rate], *, at: datetime) -> Mapping[str, Count]:
    daily = any(rate.per_day is not None for rate in found)
    if not daily and not any(rate.per_hour is not None for rate in found):
        return {}
    hour = Q(created_at__gt=at - HOUR)
    rows = (
        ApprovalRequest.objects.filter(
            agent=agent, created_at__gt=at - (DAY if daily else HOUR), status__in=COUNTED
        )
        .order_by()
        .values("action")
        .annotate(
            by_hour=Number("pk", filter=hour),
            by_day=Number("pk"),
            hour_since=Min("created_at", filter=hour),
            day_since=Min("created_at"),
        )
    )
    return {
        row["action"]: Count(row["by_hour"], row["by_day"], row["hour_since"], row["day_since"])
        for row in rows
    }


def _sent(
    agent: Agent, found: Sequence[Rate], subject: Subject, *, at: datetime
) -> tuple[Sent, ...]:
    if not subject.recipients or not any(rate.per_recipient is not None for rate in found):
        return ()
    names = {stored(name): address(name) for name in subject.recipients}
    rows = (
        Recipient.objects.filter(
            agent=agent, address__in=names, at__gt=at - DAY, request__status__in=COUNTED
        )
        .order_by()
        .values("request__action", "address")
        .annotate(number=Number("pk"), since=Min("at"))
    )
    return tuple(
        Sent(row["request__action"], names[row["address"]], row["number"], row["since"])
        for row in rows
    )


def _reported(agent: Agent, found: Sequence[Rate], *, at: datetime) -> tuple[Reported, ...]:
    rest = max((rate.cooldown for rate in found if rate.cooldown), default=timedelta())
    if not rest:
        return ()
    rows = (
        ApprovalRequest.objects.filter(
            agent=agent, outcome_at__gt=at - rest, outcome_status__in=WENT_WRONG
        )
        .order_by()
        .values("action", "outcome_status")
        .annotate(last=Max("outcome_at"))
    )
    return tuple(
        Reported(row["action"], OutcomeStatus(row["outcome_status"]), row["last"]) for row in rows
    )
