"""People as a form may name them."""

from __future__ import annotations

from approvals.models import Person

MOST_NAMED = 500


def who_can_be_asked() -> list[Person]:
    """Everybody who may decide anything: active people of any team, by name."""
    found = Person.objects.filter(is_active=True, memberships__isnull=False)
    return list(found.distinct().order_by("name", "pk")[:MOST_NAMED])


def somebody(number: str) -> Person | None:
    """Who a form means; None for nonsense, and for whoever cannot be asked."""
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    found = Person.objects.filter(pk=int(number), is_active=True, memberships__isnull=False)
    return found.distinct().first()
