"""Who is away among those who are asked, who stands in for them, and for whom somebody decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Prefetch, Q
from django.db.models.functions import Now

from approvals.domain.state import RequestState
from approvals.domain.terms import EventKind
from approvals.models import Absence, ApprovalRequest, AuditEvent, Person, absences

_DECIDING = [
    kind.value
    for kind in (
        EventKind.SEAT_FILLED,
        EventKind.STAGE_PASSED,
        EventKind.APPROVED,
        EventKind.DENIED,
        EventKind.INVESTIGATING,
    )
]
_STOOD_IN = AuditEvent.objects.filter(
    Q(entry__contains='"standing_in_for":{') | Q(entry__contains='"asked_of":"'),
    type__in=_DECIDING,
).order_by("seq")
# For lists: one statement for all their requests.
WITH_STAND_INS = Prefetch("events", _STOOD_IN, "stood_in")


def away_among(people: Iterable[Person]) -> dict[int, Absence]:
    """Those of these people who are away now, by the database's clock, with their absences."""
    ids = [person.pk for person in people]
    if not ids:
        return {}
    found = absences.in_force(Now()).filter(person__in=ids)
    return {absence.person_id: absence for absence in found}


def standing_in(state: RequestState, members: Iterable[Person]) -> list[Absence]:
    """The absences of these people that leave their part to somebody who may decide this."""
    away = away_among(members)
    present = [
        absence
        for absence in away.values()
        if absence.stand_in is not None
        and absence.stand_in.is_active
        and not state.is_close(absence.person_id)
        and not state.is_close(absence.stand_in.pk)
    ]
    if not present:
        return []
    stand_ins = {absence.stand_in_id for absence in present}
    gone = set(
        absences.in_force(Now()).filter(person__in=stand_ins).values_list("person", flat=True)
    )
    concerned = stand_ins | {absence.person_id for absence in present}
    teams: dict[int, set[int]] = {}
    rows = absences.shared().filter(person__in=concerned)
    for person, team in rows.values_list("person", "team"):
        teams.setdefault(person, set()).add(team)
    return [
        absence
        for absence in present
        if absence.stand_in_id not in gone
        and teams.get(absence.person_id, set()) & teams.get(absence.stand_in_id or 0, set())
    ]


def stood_in_for(row: ApprovalRequest) -> dict[tuple[str, Any], Mapping[str, str]]:
    """The absent people behind a request's decisions, by the decider's address and the moment."""
    return absent_in(with_more(row))


def with_more(row: ApprovalRequest) -> Sequence[AuditEvent]:
    """The events of this request's decisions that tell more of them: for whom, or of whom, it was."""
    events: Sequence[AuditEvent] | None = getattr(row, "stood_in", None)
    return list(_STOOD_IN.filter(request=row)) if events is None else events


def absent_in(events: Iterable[AuditEvent]) -> dict[tuple[str, Any], Mapping[str, str]]:
    found: dict[tuple[str, Any], Mapping[str, str]] = {}
    for event in events:
        absent = (event.entry.get("detail") or {}).get("standing_in_for")
        if isinstance(absent, dict):
            found[(event.actor.partition(":")[2], event.at)] = absent
    return found
