"""Deliveries as operators look at them, and another chance for those that were given up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from approvals.domain import channels, errors
from approvals.domain.terms import EventKind
from approvals.models import Delivery, Person
from approvals.models.outbox import DeliveryState
from approvals.models.people import Role
from approvals.models.requests import REF_PREFIX
from approvals.services import audit, deliveries, ledger
from approvals.services.actors import Actor

LARGEST = 2**63 - 1  # no number of ours is larger, and no database compares one that is
RESENDERS = (Role.MANAGER.value, Role.OPERATOR.value)


class NoSuchDelivery(errors.NotFound):
    """No delivery has this number."""


class NotDead(errors.Conflict):
    """Only what was given up can be sent again; everything else is sent anyway, or was."""

    code = "not_dead"


class MayNotResend(errors.NotAllowed):
    """Managers and operators send again."""


def matching(
    *, states: Sequence[str] | None = None, adapter: str | None = None
) -> QuerySet[Delivery]:
    """The deliveries that fit every filter given, newest first; a channel's with those of its parts."""
    rows = Delivery.objects.select_related("request", "event").order_by("-pk")
    if states is not None:
        rows = rows.filter(state__in=states)
    return rows if adapter is None else rows.filter(adapter__in=channels.parts(adapter))


def refuse_unless_resender(person: Person) -> None:
    """Raises MayNotResend."""
    if person.role not in RESENDERS:
        raise MayNotResend(
            "Managers and operators send again; your role is neither. Nothing was sent."
        )


def resend(*, number: int, by: Actor, at: datetime) -> Delivery:
    """Let a dead delivery try again from the start, with the same id, and write down who wanted it.

    Raises NoSuchDelivery or NotDead.
    """
    with transaction.atomic():
        known = Delivery.objects.filter(pk=number).first() if number <= LARGEST else None
        if known is None:
            raise NoSuchDelivery(f"There is no delivery {number}. Nothing was sent.")
        row = ledger.locked(f"{REF_PREFIX}{known.request_id}")
        delivery = matching().get(pk=number)
        if delivery.state != DeliveryState.DEAD:
            raise NotDead(
                f"Delivery {number} is {delivery.state}, not dead. Nothing was changed.",
                state=delivery.state,
            )
        deliveries.resend(number, at=at)
        detail = {
            "adapter": delivery.adapter,
            "delivery": number,
            "error": delivery.last_error[:500],
        }
        ledger.note(row, EventKind.DELIVERY_RESENT, actor=by, at=at, detail=detail)
    return matching().get(pk=number)


def told(delivery: Delivery) -> dict[str, Any]:
    """One delivery as programs read it. Of an address what follows a `?` is the receiver's secret."""
    return {
        "id": delivery.pk,
        "message_id": str(delivery.message_id),
        "request": delivery.request.ref,
        "adapter": delivery.adapter,
        "address": _without_query(delivery.address),
        "kind": delivery.kind,
        "event": delivery.event.type if delivery.event else None,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "last_error": delivery.last_error or None,
        "due_at": audit.stamp(delivery.due_at),
        "created_at": audit.stamp(delivery.created_at),
        "finished_at": audit.stamp(delivery.finished_at) if delivery.finished_at else None,
    }


def _without_query(address: str) -> str:
    place, mark, _ = address.partition("?")
    return f"{place}?…" if mark else place
