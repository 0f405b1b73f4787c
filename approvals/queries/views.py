"""Named addresses of a page's list: one's own, and those that others share."""

from __future__ import annotations

from django.db.models import Q

from approvals.models import Person
from approvals.models.desk import SavedView

MOST_LISTED = 100


def views_of(person: Person, page: str) -> list[SavedView]:
    """One's own first, then what others share, by name; one statement."""
    wanted = SavedView.objects.filter(Q(person=person) | Q(is_shared=True), page=page)
    found = wanted.select_related("person").order_by("name", "pk")[:MOST_LISTED]
    return sorted(found, key=lambda view: view.person_id != person.pk)
