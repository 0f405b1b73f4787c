"""How much of a request each channel may see; what nobody limited may see everything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from django.db import transaction

from approvals.domain import errors, showing
from approvals.domain.cards import Card
from approvals.domain.terms import EventKind
from approvals.models import Person
from approvals.models.people import Role
from approvals.models.workspaces import ChannelShowing, Shows
from approvals.ports import BEHIND
from approvals.services import audit
from approvals.services.actors import Actor

CHANGERS = (Role.MANAGER.value, Role.OPERATOR.value)
LONGEST_ADDRESS = 400
_REDUCED: dict[Shows, Callable[[Card], Card]] = {
    Shows.NAMES: showing.only_names,
    Shows.NOTHING: showing.only_that_it_waits,
}


def of(*, adapter: str, address: str) -> Shows:
    """What this address of an adapter may see."""
    limited = ChannelShowing.objects.filter(adapter=adapter, address=address)
    found = limited.values_list("shows", flat=True).first()
    return Shows(found) if found else Shows.VALUES


def limited() -> list[ChannelShowing]:
    """Every channel that may see less than everything."""
    return list(ChannelShowing.objects.order_by("adapter", "address"))


def reduce(card: Card, *, adapter: str, address: str) -> Card:
    """The card as this address may see it: whoever stands behind one sees no more than it does."""
    return as_read(card, adapter=adapter, addresses={address, address.partition(BEHIND)[0]})


def strictest(*, adapter: str, addresses: Collection[str]) -> Shows:
    """What may be seen at every one of these addresses."""
    return strictest_of_each(adapter=adapter, places={0: addresses})[0]


def strictest_of_each(*, adapter: str, places: Mapping[int, Collection[str]]) -> dict[int, Shows]:
    """What may be seen at every address of each, by its number; one statement."""
    everywhere = {address for addresses in places.values() for address in addresses}
    here = ChannelShowing.objects.filter(adapter=adapter, address__in=everywhere)
    shown = dict(here.values_list("address", "shows"))
    found = {number: {shown.get(one) for one in addresses} for number, addresses in places.items()}
    return {
        number: next(
            (least for least in (Shows.NOTHING, Shows.NAMES) if least in seen), Shows.VALUES
        )
        for number, seen in found.items()
    }


def as_read(card: Card, *, adapter: str, addresses: Collection[str]) -> Card:
    """The card as it may be read at all of these addresses: for doors that draw or judge a card by
    themselves, with the addresses it stands at."""
    reduced = _REDUCED.get(strictest(adapter=adapter, addresses=addresses))
    return reduced(card) if reduced else card


def may_change(person: Person) -> bool:
    """Managers and operators say what channels see."""
    return person.is_active and person.role in CHANGERS


def change(*, adapter: str, address: str, shows: Shows, actor: Actor, at: datetime) -> bool:
    """Say what an address may see from its next message or edit on; False when it was so already.

    Raises Invalid for an address nothing can be sent to.
    """
    address = address.strip()
    if not 0 < len(address) <= LONGEST_ADDRESS:
        raise errors.Invalid(
            f"An address has 1 to {LONGEST_ADDRESS} characters. Nothing was changed.",
            field="address",
        )
    with transaction.atomic():
        audit.hold_service()
        before = of(adapter=adapter, address=address)
        if before is shows:
            return False
        _write(adapter, address, shows, actor=actor, at=at)
        audit.append_service(
            EventKind.SHOWING_CHANGED,
            actor=actor,
            at=at,
            detail={
                "channel": adapter,
                "address": address,
                "shows": shows.value,
                "instead_of": before.value,
            },
        )
    return True


def _write(adapter: str, address: str, shows: Shows, *, actor: Actor, at: datetime) -> None:
    ours = ChannelShowing.objects.filter(adapter=adapter, address=address)
    if shows is Shows.VALUES:
        ours.delete()
        return
    ChannelShowing.objects.update_or_create(
        adapter=adapter,
        address=address,
        defaults={"shows": shows.value, "changed_by": str(actor)[:240], "changed_at": at},
    )
