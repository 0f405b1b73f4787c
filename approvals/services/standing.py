"""Standing grants: made from an approval or a draft, used exactly as often as said, revoked at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from approvals.domain import errors
from approvals.domain import plan as plans
from approvals.domain.policy import standing as rules
from approvals.domain.state import clock
from approvals.domain.terms import EventKind, RiskLevel, Status, Verdict
from approvals.models import ApprovalRequest, Person, StandingGrant, states
from approvals.models.people import Role
from approvals.models.requests import lookup
from approvals.services import actors, agents, audit
from approvals.services.actors import Actor

REF_PREFIX = "SG-"
MAY_REVOKE = frozenset({Role.MANAGER, Role.OPERATOR})
Bounds = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A standing grant that nobody has approved yet. `bounds` as in `circumstances.Standing`;
    `surroundings` may say `impact`, `resource`, `recipients` and `data_classification`."""

    agent: str
    action: str
    target: str
    bounds: Bounds
    most_uses: int
    until: datetime
    surroundings: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.surroundings,
            "agent": self.agent,
            "action": self.action,
            "target": self.target,
            "bounds": {name: dict(bound) for name, bound in self.bounds.items()},
            "most_uses": self.most_uses,
            "until": self.until.isoformat(),
        }


def ref_of(grant: StandingGrant) -> str:
    """The reference people say aloud."""
    return f"{REF_PREFIX}{grant.pk}"


def make_from(
    *,
    ref: str,
    person: Person,
    until: datetime,
    most_uses: int,
    at: datetime,
    bounds: Bounds | None = None,
) -> StandingGrant:
    """Let a request one has approved stand for a while; never wider than that request.

    Every parameter stays as it was, unless `bounds` lets a number be smaller. Raises NotAnApprover
    for anybody who did not approve it, Conflict when it is not approved or several had to agree,
    Invalid for bounds, times or uses that are too wide or a risk that is too high.
    """
    with transaction.atomic():
        rows = ApprovalRequest.objects.select_for_update(of=("self",)).select_related("agent")
        row = rows.filter(**lookup(ref)).first()
        if row is None:
            raise errors.NoSuchRequest(ref)
        _refuse_stranger(row, person)
        _refuse_unfit(row)
        narrowed = _narrowed(row.submission["parameters"], bounds or {})
        refuse_wide(until=until, most_uses=most_uses, bounds=narrowed, at=at)
        grant = StandingGrant(
            agent=row.agent,
            action=row.action,
            target=row.target,
            bounds=narrowed,
            most_uses=most_uses,
            made_at=at,
            made_by=str(person),
            made_from=row.ref,
            expires_at=until,
        )
        return _made(grant, actor=actors.person(person), at=at)


def take_effect(row: ApprovalRequest, *, at: datetime) -> None:
    """Make the grant that people have just agreed to. Raises Conflict when it has no time left."""
    draft = row.submission["parameters"]
    until = datetime.fromisoformat(draft["until"])
    if until <= at:
        raise errors.Conflict(
            f"The standing grant would have ended at {clock(until)}. Nothing was decided; "
            "deny this request and ask for another."
        )
    approved = row.decisions.filter(verdict=Verdict.APPROVE.value).select_related("person")
    by = " and ".join(str(decision.person) for decision in approved.order_by("pk"))
    grant = StandingGrant(
        agent=agents.by_name(draft["agent"]),
        action=draft["action"],
        target=draft["target"],
        bounds=draft["bounds"],
        most_uses=draft["most_uses"],
        made_at=at,
        made_by=by[:240],
        made_from=row.ref,
        expires_at=until,
    )
    _made(grant, actor=Actor(actors.POLICY.kind, row.ref, by), at=at)


def revoke(*, ref: str, person: Person, at: datetime) -> StandingGrant:
    """End a grant at once; by whoever could have approved its request, the agent's owner, a manager
    or an operator. Raises NotFound, NotAnApprover, or Conflict when it has ended already."""
    grant = by_ref(ref)
    if not _may_revoke(grant, person):
        raise errors.NotAnApprover(
            "Only an approver of its request, the agent's owner, a manager or an operator can "
            "revoke this. Nothing was changed."
        )
    return end(grant, actor=actors.person(person), at=at)


def end(grant: StandingGrant, *, actor: Actor, at: datetime) -> StandingGrant:
    """Revoke without asking whether one may: an operator's act. Raises Conflict."""
    with transaction.atomic():
        ended = StandingGrant.objects.filter(pk=grant.pk, revoked_at=None).update(
            revoked_at=at, revoked_by=actor.title[:240]
        )
        grant.refresh_from_db()
        if not ended:
            raise errors.Conflict(
                f"{ref_of(grant)} was revoked by {grant.revoked_by} already. Nothing was changed."
            )
        detail = {"uses": grant.uses, "by": grant.revoked_by, **_facts(grant)}
        audit.append_service(EventKind.STANDING_GRANT_REVOKED, actor=actor, at=at, detail=detail)
    return grant


def by_ref(ref: str) -> StandingGrant:
    """One grant by `SG-12` or public id. Raises NotFound."""
    text = ref.strip()
    digits = text[len(REF_PREFIX) :] if text.upper().startswith(REF_PREFIX) else ""
    found = StandingGrant.objects.select_related("agent", "agent__owner")
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        grant = found.filter(pk=int(digits)).first()
    else:
        try:
            grant = found.filter(**lookup(text)).first() if text[:4].upper() != "REQ-" else None
        except errors.NoSuchRequest:
            grant = None
    if grant is None:
        raise errors.NotFound(f"There is no standing grant {text[:60]!r}.")
    return grant


def grants(*, agent: str = "", in_force_at: datetime | None = None) -> QuerySet[StandingGrant]:
    """Standing grants, newest first; all of them, or an agent's, or those that could be used now."""
    rows = StandingGrant.objects.select_related("agent").order_by("-pk")
    if agent:
        rows = rows.filter(agent__name=agent)
    return rows if in_force_at is None else usable(rows, at=in_force_at)


def usable(rows: QuerySet[StandingGrant], *, at: datetime) -> QuerySet[StandingGrant]:
    """Those that are neither over, nor used up, nor revoked."""
    return rows.filter(revoked_at=None, expires_at__gt=at, uses__lt=F("most_uses"))


def refuse_wide(*, until: datetime, most_uses: int, bounds: Bounds, at: datetime) -> None:
    """Raises Invalid for what no standing grant may have."""
    if not at < until <= at + rules.LONGEST:
        words = f"A standing grant ends within {rules.LONGEST.days} days from now."
        raise errors.Invalid(f"{words} Nothing was granted.", field="until")
    if not 1 <= most_uses <= rules.MOST_USES:
        words = f"A standing grant has 1 to {rules.MOST_USES} uses. Nothing was granted."
        raise errors.Invalid(words, field="most_uses")
    for name, bound in bounds.items():
        _refuse_loose(name, bound)


def _refuse_loose(name: str, bound: Mapping[str, Any]) -> None:
    """A bound is one value, or a range of numbers with both ends."""
    ends = [bound.get("least"), bound.get("most")]
    ranged = set(bound) == {"least", "most"} and all(map(rules.is_number, ends))
    if set(bound) != {"equals"} and not (ranged and bound["least"] <= bound["most"]):
        words = "must be {'equals': value} or {'least': number, 'most': number}"
        raise errors.Invalid(f"The bound of {name} {words}. Nothing was granted.", field="bounds")


def _refuse_stranger(row: ApprovalRequest, person: Person) -> None:
    approved = row.decisions.filter(person=person, verdict=Verdict.APPROVE.value)
    if not approved.exists() or not person.is_active:
        raise errors.NotAnApprover(
            f"Only whoever approved {row.ref} can let it stand. Nothing was granted."
        )


def _refuse_unfit(row: ApprovalRequest) -> None:
    if row.status != Status.APPROVED:
        raise errors.NotApproved(f"{row.ref} is {row.status}, not approved. Nothing was granted.")
    if row.effect or RiskLevel(row.risk).rank > rules.UP_TO.rank:
        raise errors.Invalid(
            f"{row.ref} is of risk {row.risk}; only up to {rules.UP_TO} may stand. "
            "Nothing was granted.",
            field="ref",
        )
    plan = plans.from_json(row.plan)
    if sum(stage.seats for stage in plan.stages) > 1:
        raise errors.Conflict(
            f"{row.ref} took several people. Propose a standing grant, so that several agree to "
            "that too. Nothing was granted."
        )


def _narrowed(parameters: Mapping[str, Any], bounds: Bounds) -> dict[str, Any]:
    """Each parameter as it was, or the smaller numbers that were named instead."""
    for name in bounds:
        if name not in parameters:
            words = f"The request has no parameter {name!r}. Nothing was granted."
            raise errors.Invalid(words, field="bounds")
    return {
        name: _bound(name, value, bounds[name]) if name in bounds else {"equals": value}
        for name, value in parameters.items()
    }


def _bound(name: str, approved: Any, bound: Mapping[str, Any]) -> dict[str, Any]:
    if "equals" in bound and len(bound) == 1 and rules.same(bound["equals"], approved):
        return dict(bound)
    most: Any = bound.get("most")
    least: Any = bound.get("least", 0)
    numbers = all(map(rules.is_number, (approved, most, least)))
    if not numbers or not most <= approved or least < min(0, approved):
        raise errors.Invalid(
            f"{name} was approved as {str(approved)[:60]}; a grant may only keep that, or name "
            "{'most': number} up to it, and no {'least': number} below it and 0. Nothing was granted.",
            field="bounds",
        )
    # Below nothing lies another kind of action: a limit from above alone would let it pass.
    return {"least": bound.get("least", min(0, most)), **bound}


def _made(grant: StandingGrant, *, actor: Actor, at: datetime) -> StandingGrant:
    grant.save(force_insert=True)
    audit.append_service(EventKind.STANDING_GRANT_MADE, actor=actor, at=at, detail=_facts(grant))
    return grant


def _facts(grant: StandingGrant) -> dict[str, Any]:
    return {
        "grant": ref_of(grant),
        "agent": grant.agent.name,
        "action": grant.action,
        "target": grant.target,
        "bounds": grant.bounds,
        "most_uses": grant.most_uses,
        "expires_at": audit.stamp(grant.expires_at),
        "made_from": grant.made_from,
    }


def _may_revoke(grant: StandingGrant, person: Person) -> bool:
    if not person.is_active:
        return False
    if person.pk == grant.agent.owner_id or Role(person.role) in MAY_REVOKE:
        return True
    row = ApprovalRequest.objects.get(**lookup(grant.made_from))
    stages = plans.from_json(row.plan).stages
    asked = {team for stage in stages for team in stage.teams(len(stage.rungs))}
    return bool(states.approver(person).teams & asked)
