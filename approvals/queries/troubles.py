"""What keeps a request from being seen: messages that did not arrive, each as a sentence with its mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.domain import channels
from approvals.domain.channels import when
from approvals.models import ApprovalRequest, Delivery
from approvals.models.outbox import DeliveryState
from approvals.ports import MessageKind

MOST = 200
SLOW = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One address that was not told. `number` names the delivery where it was given up, to send again."""

    words: str
    fix: str
    since: datetime
    adapter: str
    number: int | None = None

    @property
    def label(self) -> str:
        """What the button that sends it again is called."""
        return f"Send again to {channels.title(self.adapter)}"


def of(row: ApprovalRequest, *, now: datetime) -> list[Trouble]:
    """The present troubles of a request, oldest first, but what a later card mended. One statement."""
    open_or_sent = [DeliveryState.WAITING.value, DeliveryState.DEAD.value, DeliveryState.SENT.value]
    rows = Delivery.objects.filter(request=row, state__in=open_or_sent).order_by("-id")[:MOST]
    return _told(list(rows), now=now)


def _told(rows: Iterable[Delivery], *, now: datetime) -> list[Trouble]:
    """Newest first they come: what arrived later than a failure has mended it, where it was a card."""
    shown: set[tuple[str, str]] = set()
    found: dict[tuple[str, str, str], Trouble] = {}
    for delivery in rows:
        lane = (delivery.adapter, delivery.address)
        is_card = delivery.kind == MessageKind.CARD
        if delivery.state == DeliveryState.SENT:
            if is_card:
                shown.add(lane)
            continue
        if is_card and lane in shown:
            continue
        trouble = _trouble(delivery, now=now)
        if trouble is not None:
            found[(*lane, delivery.state)] = trouble
    return sorted(found.values(), key=lambda trouble: trouble.since)


def _trouble(delivery: Delivery, *, now: datetime) -> Trouble | None:
    adapter, to = delivery.adapter, _place(delivery)
    why = channels.reason(delivery.last_error)
    fix = channels.fix(adapter, delivery.last_error, delivery.address)
    since = delivery.created_at
    if delivery.state == DeliveryState.DEAD:
        times = "once" if delivery.attempts == 1 else f"{delivery.attempts} times"
        words = f"Given up: {to} was tried {times}. {why}"
        return Trouble(words, fix, since, adapter, delivery.pk)
    if delivery.last_error:
        words = f"Not delivered to {to} since {when(since, now)}: {why} {_next(delivery, now)}"
        return Trouble(words, fix, since, adapter)
    if delivery.attempts == 0 and now - delivery.due_at > SLOW:
        words = f"Not delivered to {to} since {when(since, now)}: no worker has taken it yet."
        return Trouble(words, "Start a worker, or look at /settings.", since, adapter)
    return None


def _next(delivery: Delivery, now: datetime) -> str:
    return (
        f"Next try {when(delivery.due_at, now)}."
        if delivery.due_at > now
        else "It is tried again now."
    )


def _place(delivery: Delivery) -> str:
    """The channel and the address; of a callback the agent's own word for it."""
    title, to = channels.title(delivery.adapter), channels.place(delivery.address)
    if delivery.adapter == "webhook":
        return f"the agent's callback {to}"
    return to if to.startswith("#") else f"{title} {to}"
