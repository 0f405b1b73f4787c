"""People as a form may name them."""

from __future__ import annotations

from approvals.models import Person

MOST_NAMED = 500


def who_can_be_asked() -> tuple[list[Person], bool]:
    """Who may decide anything: active people of any team, by name; and whether more are left out."""
    found = Person.objects.filter(is_active=True, memberships__isnull=False)
    people = list(found.distinct().order_by("name", "pk")[: MOST_NAMED + 1])
    return people[:MOST_NAMED], len(people) > MOST_NAMED


def somebody(number: str) -> Person | None:
    """Who a form means; None for nonsense, and for whoever cannot be asked."""
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    found = Person.objects.filter(pk=int(number), is_active=True, memberships__isnull=False)
    return found.distinct().first()
