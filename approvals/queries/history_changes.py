"""What people changed about the service itself: the events of its own chain, and what they changed."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from approvals.domain.terms import EventKind
from approvals.models import AuditEvent, Person, PolicyVersion

CHAIN = "service"
KINDS: dict[str, tuple[EventKind, ...]] = {
    "policies": (EventKind.POLICY_APPLIED, EventKind.POLICY_PROPOSED),
    "stages": (
        EventKind.STAGE_CHANGED, EventKind.STAGE_PLANNED, EventKind.STAGE_DROPPED,
        EventKind.STAGE_EXPLAINED, EventKind.INCIDENT_REPORTED,
        EventKind.STANDING_GRANT_MADE, EventKind.STANDING_GRANT_REVOKED, EventKind.SUGGESTION_MARKED,
    ),
    "agents": (
        EventKind.AGENT_ADDED, EventKind.AGENT_KEY_ISSUED, EventKind.AGENT_KEY_REVOKED,
        EventKind.AGENT_ZONE_CHANGED,
        EventKind.AGENT_SECRET_ROTATED, EventKind.AGENT_STOPPED, EventKind.AGENT_STARTED,
    ),
    "people": (
        EventKind.PERSON_ADDED, EventKind.PERSON_CHANGED, EventKind.PERSON_LINKED,
        EventKind.PERSON_TOKEN_ISSUED, EventKind.SIGN_IN_CHANGED,
    ),
    "absences": (EventKind.PERSON_AWAY, EventKind.PERSON_BACK, EventKind.SHIFT_CHANGED),
    "guardrails": (
        EventKind.BREAKER_OPENED, EventKind.BREAKER_TRIED, EventKind.BREAKER_CLOSED,
        EventKind.ALERT_RAISED, EventKind.ALERT_TAKEN, EventKind.ALERT_MUTED, EventKind.ALERT_CLOSED,
        EventKind.ALERT_SCOPE_ASKED,
    ),
    "settings": (
        EventKind.SHOWING_CHANGED, EventKind.CHANNEL_TRIED, EventKind.WORKSPACE_INSTALLED,
        EventKind.WORKSPACE_REVOKED,
    ),
    "exports": (EventKind.AUDIT_EXPORTED,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of changes, newest first. `older` is the position the next page begins below."""

    events: list[AuditEvent]
    older: int | None


def page(*, kind: str, by: str, below: int | None, limit: int) -> Changes:
    """The newest changes of a kind, by whoever fits `by`; empty words mean everything. Two statements."""
    found = _of(kind, by)
    if below is not None:
        found = found.filter(seq__lt=below)
    events = list(found.order_by("-seq")[: limit + 1])
    return Changes(events[:limit], events[limit - 1].seq if len(events) > limit else None)


def one(seq: int) -> AuditEvent | None:
    return AuditEvent.objects.filter(chain=CHAIN, seq=seq).first()


def beside(event: AuditEvent) -> tuple[int | None, int | None]:
    """The positions of the change before and the one after, of the same kind."""
    same = AuditEvent.objects.filter(chain=CHAIN, type=event.type).values_list("seq", flat=True)
    before = same.filter(seq__lt=event.seq).order_by("-seq").first()
    after = same.filter(seq__gt=event.seq).order_by("seq").first()
    return before, after


def policy_files(number: int) -> tuple[dict[str, str], dict[str, str]]:
    """The files of the version before, and of this one."""
    found = PolicyVersion.objects.in_bulk([number - 1, number])
    before, after = found.get(number - 1), found.get(number)
    return dict(before.files) if before else {}, dict(after.files) if after else {}


def _of(kind: str, by: str) -> QuerySet[AuditEvent]:
    found = AuditEvent.objects.filter(chain=CHAIN)
    if kind in KINDS:
        found = found.filter(type__in=[each.value for each in KINDS[kind]])
    return found.filter(actor__in=_actors(by)) if by else found


def _actors(by: str) -> list[str]:
    """A person by address or part of the name; an operator by name; or an actor as history writes it."""
    alike = Q(email__iexact=by) | Q(email__istartswith=f"{by}@") | Q(name__icontains=by)
    emails = Person.objects.filter(alike).values_list("email", flat=True)
    return [by, f"operator:{by}", f"agent:{by}", *(f"person:{email}" for email in emails)]
