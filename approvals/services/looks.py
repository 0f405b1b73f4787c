"""Remember who looked at a request, when first and when last, and which version they saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.models import ApprovalRequest, Person, RequestLook

NOW_IS = timedelta(seconds=60)  # whoever looked within this time is said to be looking now
WRITTEN_EVERY = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The last time somebody looked before this one, and the version they saw then."""

    version: int
    at: datetime


def open_page(row: ApprovalRequest, person: Person, *, at: datetime) -> Earlier | None:
    """Somebody opens the page and sees the present version; returns when they looked before."""
    before = RequestLook.objects.filter(request=row, person=person).first()
    if before is None:
        look = RequestLook(request=row, person=person, version=row.version, first_at=at, last_at=at)
        RequestLook.objects.bulk_create([look], ignore_conflicts=True)
        return None
    if before.version != row.version or at - before.last_at >= WRITTEN_EVERY:
        RequestLook.objects.filter(pk=before.pk).update(version=row.version, last_at=at)
    return Earlier(before.version, before.last_at)


def stay(row: ApprovalRequest, person: Person, *, at: datetime) -> None:
    """A page that is open asked for what changed: its reader is still there."""
    RequestLook.objects.filter(request=row, person=person, last_at__lte=at - WRITTEN_EVERY).update(
        last_at=at
    )
