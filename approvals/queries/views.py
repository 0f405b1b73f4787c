"""Named addresses of a page's list: one's own, and those that others share."""

from __future__ import annotations

from django.db.models import Case, Q, When

from approvals.models import Person
from approvals.models.desk import SavedView

MOST_LISTED = 100


def views_of(person: Person, page: str) -> tuple[list[SavedView], bool]:
    """One's own first, then what others share, each by name; and whether more are left out. One statement.

    One person may keep fewer than are listed, so none of one's own is ever left out.
    """
    wanted = SavedView.objects.filter(Q(person=person) | Q(is_shared=True), page=page)
    own_first = Case(When(person=person, then=0), default=1)
    rows = wanted.select_related("person").order_by(own_first, "name", "pk")
    found = list(rows[: MOST_LISTED + 1])
    return found[:MOST_LISTED], len(found) > MOST_LISTED
