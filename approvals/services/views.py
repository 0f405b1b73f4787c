"""Keep, rename, share and delete named addresses of a page's list."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from django.db import transaction

from approvals.domain import errors
from approvals.models import Person
from approvals.models.desk import SavedView

PAGES = ("queue", "history")
LONGEST_NAME = 80
LONGEST_QUERY = 2_000
MOST_EACH = 50
# Where a page began to show, and in what form, belongs to no view.
NOT_KEPT = frozenset({"after", "older", "cursor", "format"})


def save(
    *, person: Person, page: str, name: str, query: str, at: datetime, is_shared: bool = False
) -> SavedView:
    """Keep an address under a name; the same name again replaces what it meant. Raises Invalid."""
    name = _named(name)
    if page not in PAGES or len(query) > LONGEST_QUERY:
        raise errors.Invalid("This address cannot be saved as a view.", field="query")
    kept = urlencode([pair for pair in parse_qsl(query) if pair[0] not in NOT_KEPT])
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        mine = SavedView.objects.filter(person=person, page=page)
        if mine.exclude(name=name).count() >= MOST_EACH:
            raise errors.Invalid(
                f"You keep {MOST_EACH} views of this page already. Delete one first; nothing was saved.",
                field="name",
            )
        view, _ = mine.update_or_create(
            person=person,
            page=page,
            name=name,
            defaults={"query": kept, "is_shared": is_shared, "created_at": at},
        )
    return view


def change(*, person: Person, number: int, name: str, is_shared: bool) -> SavedView:
    """Call a view of one's own something else, and show it to everybody or to nobody. Raises Invalid."""
    name = _named(name)
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        view = _own(person, number)
        others = SavedView.objects.filter(person=person, page=view.page, name=name)
        if others.exclude(pk=view.pk).exists():
            raise errors.Invalid(
                "Another view of yours has this name. Nothing was changed.", field="name"
            )
        view.name, view.is_shared = name, is_shared
        view.save(update_fields=["name", "is_shared"])
    return view


def delete(*, person: Person, number: int) -> SavedView:
    """Forget a view of one's own; another's is not found."""
    view = _own(person, number)
    view.delete()
    return view


def share(*, person: Person, number: int, is_shared: bool) -> SavedView:
    """Let everybody see a view of one's own, or nobody else any more."""
    view = _own(person, number)
    view.is_shared = is_shared
    view.save(update_fields=["is_shared"])
    return view


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        raise errors.Invalid(
            f"A view needs a name of at most {LONGEST_NAME} characters. Nothing was saved.",
            field="name",
        )
    return name


def _own(person: Person, number: int) -> SavedView:
    view = SavedView.objects.filter(person=person, pk=number).first()
    if view is None:
        raise errors.NotFound("You have no such view. Nothing was changed.")
    return view
