"""Remember where vendors let our bots in, and whom they met there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from approvals.models import Place

# More would make the row large; whoever is missing sees the same card, only not a view of their own.
MOST_MEMBERS = 500


def remember(
    *, adapter: str, external_id: str, handle: Mapping[str, Any], at: datetime, name: str = ""
) -> Place:
    """Keep a place as its vendor describes it now; an empty name leaves the known one."""
    with transaction.atomic():
        defaults = {"name": name, "handle": dict(handle), "seen_at": at}
        place, is_new = Place.objects.select_for_update().get_or_create(
            adapter=adapter, external_id=external_id, defaults=defaults
        )
        if not is_new:
            place.name, place.handle = name or place.name, dict(handle)
            place.seen_at, place.left_at = at, None
            place.save(update_fields=["name", "handle", "seen_at", "left_at"])
    return place


def leave(*, adapter: str, external_id: str, at: datetime) -> None:
    """The bot was sent away; nothing can be written there until it is let in again."""
    Place.objects.filter(adapter=adapter, external_id=external_id).update(left_at=at)


def meet(*, adapter: str, external_id: str, members: Mapping[str, str]) -> None:
    """Keep how the vendor addresses people seen in a known place; those known cost one look."""
    there = Place.objects.filter(adapter=adapter, external_id=external_id)
    known = there.values_list("members", flat=True).first()
    if known is None or members.items() <= known.items():
        return
    with transaction.atomic():
        place = _locked(adapter, external_id)
        if place is None:
            return
        others = [item for item in place.members.items() if item[0] not in members]
        place.members = dict([*members.items(), *others][:MOST_MEMBERS])
        place.save(update_fields=["members"])


def part(*, adapter: str, external_id: str, addresses: frozenset[str]) -> None:
    """Forget people who left a place, by how the vendor addresses them."""
    with transaction.atomic():
        place = _locked(adapter, external_id)
        if place is not None:
            place.members = {who: to for who, to in place.members.items() if to not in addresses}
            place.save(update_fields=["members"])


def called(*, adapter: str, name: str) -> list[Place]:
    """The places of this id or name where the bot is let in; an id beats every name."""
    there = Place.objects.filter(adapter=adapter, left_at=None)
    found = list(there.filter(Q(external_id=name) | Q(name__iexact=name)).order_by("pk"))
    return [place for place in found if place.external_id == name] or found


def of(*, adapter: str) -> list[Place]:
    """Every place of an adapter, the ones it was sent away from too."""
    return list(Place.objects.filter(adapter=adapter).order_by("name", "external_id"))


def _locked(adapter: str, external_id: str) -> Place | None:
    return (
        Place.objects.select_for_update().filter(adapter=adapter, external_id=external_id).first()
    )
