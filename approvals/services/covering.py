"""Which standing grants answer a request, and the exact count of their uses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db.models import F

from approvals.domain.policy.circumstances import Circumstances, Standing
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import DataClass
from approvals.models import Agent, ApprovalRequest, StandingGrant
from approvals.models.requests import lookup
from approvals.services import standing


def in_force(agent: Agent, subject: Subject, *, at: datetime) -> tuple[Standing, ...]:
    """The grants that may answer what a request of this agent asks."""
    rows = StandingGrant.objects.filter(agent=agent, action=subject.action, target=subject.target)
    found = list(standing.usable(rows, at=at))
    if not found:
        return ()
    numbers = [lookup(grant.made_from)["number"] for grant in found]
    seen = ApprovalRequest.objects.filter(pk__in=numbers).in_bulk()
    return tuple(
        _as_seen(grant, seen[number]) for grant, number in zip(found, numbers, strict=True)
    )


def settle(
    policy: PolicySet, subject: Subject, known: Circumstances, *, at: datetime
) -> tuple[Evaluation, StandingGrant | None]:
    """Judge, and count the use of the standing grant that answered. Needs a transaction.

    A grant whose last use went to another submission, or that was revoked meanwhile, answers nothing:
    the request is judged again without it.
    """
    while True:
        evaluation = evaluate(policy, subject, known)
        if not evaluation.standing:
            return evaluation, None
        number = int(evaluation.standing.removeprefix(standing.REF_PREFIX))
        last_look = standing.usable(StandingGrant.objects.filter(pk=number), at=at)
        if last_look.update(uses=F("uses") + 1):
            return evaluation, StandingGrant.objects.get(pk=number)
        rest = tuple(each for each in known.standing if each.ref != evaluation.standing)
        known = replace(known, standing=rest)


def _as_seen(grant: StandingGrant, row: ApprovalRequest) -> Standing:
    """The grant with what people saw when they gave it: the request it was made from, or its draft."""
    seen = row.submission["parameters"] if row.effect else row.submission
    resource = seen.get("resource") or {}
    data = seen.get("data_classification")
    return Standing(
        ref=standing.ref_of(grant),
        action=grant.action,
        target=grant.target,
        bounds=grant.bounds,
        uses_left=grant.most_uses - grant.uses,
        expires_at=grant.expires_at,
        given_by=grant.made_by,
        most_uses=grant.most_uses,
        impact=seen.get("impact") or {},
        namespace=resource.get("namespace") or "",
        resource_type=resource.get("type") or "",
        data_class=DataClass(data) if data else None,
        recipients=tuple(seen.get("recipients") or ()),
    )
