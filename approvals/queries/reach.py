"""Whom and what messages reach: addresses used lately, people a channel does not know, the last sign-in."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max

from approvals.models import Delivery, Identity, Person
from approvals.queries.channel_rows import NEWEST


def addresses() -> list[tuple[str, str, datetime]]:
    """Where something was sent lately: adapter, address, and when last; each once, newest first."""
    rows = Delivery.objects.order_by("-pk").values_list("adapter", "address", "created_at")[:NEWEST]
    found: dict[tuple[str, str], datetime] = {}
    for adapter, address, at in rows:
        found.setdefault((adapter, address), at)
    return [(adapter, address, at) for (adapter, address), at in found.items()]


def people_without(kind: str, *, most: int = 20) -> list[str]:
    """Names of people whom a channel does not know, alphabetically."""
    linked = Identity.objects.filter(kind=kind).values("person")
    rows = Person.objects.filter(is_active=True).exclude(pk__in=linked).order_by("name", "pk")
    return [str(person) for person in rows[:most]]


def last_sign_in() -> datetime | None:
    found: datetime | None = Person.objects.aggregate(last=Max("last_login"))["last"]
    return found
