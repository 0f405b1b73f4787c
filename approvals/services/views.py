"""Named addresses of a page's list, which people keep for themselves or share."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from approvals.domain import errors
from approvals.models import Person, SavedView

LONGEST_NAME = 80
LONGEST_QUERY = 2_000
MOST_VIEWS = 50


def of(person: Person, page: str) -> list[SavedView]:
    """This person's views of a page, and those that others share, by name."""
    mine_or_shared = Q(person=person) | Q(is_shared=True)
    found = SavedView.objects.filter(mine_or_shared, page=page).select_related("person")
    return list(found.order_by("name", "pk")[: 2 * MOST_VIEWS])


def save(
    *, person: Person, page: str, name: str, query: str, at: datetime, is_shared: bool = False
) -> SavedView:
    """Keep an address under a name; the same name again changes where it leads. Raises Invalid."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise errors.Invalid(
            f"Not saved: a view has a name of 1 to {LONGEST_NAME} characters. Type one, and save again."
        )
    if len(query) > LONGEST_QUERY:
        raise errors.Invalid("Not saved: this search is too long to keep. Take a few tokens out.")
    views = SavedView.objects.filter(person=person, page=page)
    if views.exclude(name=name).count() >= MOST_VIEWS:
        raise errors.Invalid(
            f"Not saved: you keep {MOST_VIEWS} views of this page. Delete one first."
        )
    view, _ = SavedView.objects.update_or_create(
        person=person,
        page=page,
        name=name,
        defaults={"query": query, "is_shared": is_shared, "created_at": at},
    )
    return view


def delete(*, person: Person, key: int) -> None:
    """Forget a view of one's own. Raises NotFound."""
    gone, _ = SavedView.objects.filter(person=person, pk=key).delete()
    if not gone:
        raise errors.NotFound("You keep no such view. Nothing was deleted.")
