"""What stands around every page: how its reader wants it, and whether they are away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now

from approvals.models import Person
from approvals.models.duty import Absence


@dataclass(frozen=True, slots=True)
class Around:
    """`chosen` are stored preferences; `away_until` is None for whoever is here, and `absence` 0."""

    chosen: Mapping[str, Any]
    away_until: datetime | None
    absence: int


def around(person: Person) -> Around:
    """One statement, whatever the page."""
    away = Absence.objects.filter(
        person=OuterRef("pk"), ended_at=None, starts_at__lte=Now(), ends_at__gt=Now()
    ).order_by("-ends_at")
    row = (
        Person.objects.filter(pk=person.pk)
        .annotate(
            away_until=Subquery(away.values("ends_at")[:1]), absence=Subquery(away.values("pk")[:1])
        )
        .values_list("preferences__chosen", "away_until", "absence")
        .first()
    )
    return Around(row[0] or {}, row[1], row[2] or 0) if row else Around({}, None, 0)
