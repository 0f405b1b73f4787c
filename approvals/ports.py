"""What the core asks of the outside: adapters that carry messages, and a bell that wakes listeners.

The core knows adapters by dotted path in `settings.ADAPTERS` only. Adding one is one file, one test
file and one settings line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from approvals.domain.cards import Card
from approvals.domain.terms import AskedOf, EventKind, RiskLevel

OURS = "countersign/"
# How the words begin of a receiver that wants to be called no more: its address rests until somebody
# sends again by hand and that arrives.
GONE = "The receiver answered 410: it is gone for good."
# Between an address and one of those behind it: `security > ben@example.com`.
BEHIND = " > "
# What an adapter puts under this name into a receipt is kept with the delivery, not with the receipt.
DOUBT = "doubt"
MAYBE_TWICE = "It may stand there twice"


class MessageKind(StrEnum):
    """`card` shows the present and replaces what was shown before; `note` draws attention once,
    beside the card (a reminder, an escalation); `event` tells the past exactly as it was; `digest`
    lists several requests at once, with nothing to decide by."""

    CARD = "card"
    NOTE = "note"
    EVENT = "event"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Message:
    """One promise to tell somebody something.

    `id` is stable over retries (receivers drop repeats by it). `address` is what the adapter itself
    named in `addresses`. `receipt` is what the adapter returned for the card of the same request and
    address, empty the first time. `words` is the text of a note. `event` is the frozen body of an
    event, or of the event a note tells of: `{type, timestamp, data}`. `secrets` are the signing
    secrets of the receiving agent. `listed` are the cards of a digest, the first of `of` that wait.
    """

    id: str
    kind: MessageKind
    address: str
    card: Card | None
    at: datetime
    attempt: int = 1
    receipt: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    event: Mapping[str, Any] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    listed: Sequence[Card] = ()
    of: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """What an adapter may look at to name its addresses: facts of one transition, no database.

    `at` is the moment of the transition, and `decide_by` the deadline after it. `asked_of` says whose
    answer a question waits for. `labels` came with the
    request. Those whose names begin with `OURS` only a door of this service can have set; an adapter may
    find its own door's addresses in them.
    """

    kind: EventKind
    channels: tuple[str, ...]
    callback_url: str
    opened: bool
    risk: RiskLevel = RiskLevel.MEDIUM
    labels: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    decide_by: datetime | None = None
    asked_of: AskedOf = AskedOf.BOTH


class DeliveryError(Exception):
    """The message did not arrive, or it is not known whether it did.

    `permanent`: trying again cannot help. `retry_after`: the receiver named a time. `unknown`: it may
    have arrived (the connection broke after sending); the adapter is asked to `deliver` again with a
    higher `attempt` and must then avoid a second copy where its vendor lets it.
    """

    def __init__(
        self,
        words: str,
        *,
        permanent: bool = False,
        retry_after: timedelta | None = None,
        unknown: bool = False,
    ) -> None:
        super().__init__(words)
        self.words = words
        self.permanent = permanent
        self.retry_after = retry_after
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Left:
    """One of those behind an address whom a message did not reach: their own `address`, told apart from
    the whole by `BEHIND`, and why. `permanent` as in DeliveryError."""

    address: str
    words: str
    permanent: bool = False


class Partly(Exception):
    """The message reached some of those behind its address, and `left` not.

    `receipt` is what `deliver` would have returned. Each of `left` is told alone from now on, at their
    own address, and whoever has it is not told again.
    """

    def __init__(self, receipt: Mapping[str, Any], left: Sequence[Left]) -> None:
        super().__init__(f"{len(left)} of those behind the address were not reached.")
        self.receipt = receipt
        self.left = tuple(left)


class Adapter(Protocol):
    """One way to reach people or programs. Constructed once per process, without arguments."""

    name: str

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """Who must hear of this transition. Pure: called inside the writing transaction."""
        ...

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Carry one message and return the receipt (a small JSON object) to edit it by later.

        Raises `DeliveryError`, and `Partly` where several stand behind one address. Called outside any
        transaction; may be slow, must have a time limit.
        """
        ...


@runtime_checkable
class Looker(Protocol):
    """An adapter that also has something to look for from time to time, where its vendor tells us
    nothing by itself, or may forget to."""

    def look(self, *, at: datetime, since: datetime | None) -> None:
        """Look once; called about once a minute, never twice at the same time.

        `since` is when the last look that ended well began, None when none did lately. Must end
        within a minute, and raises `DeliveryError` unless everything could be looked at.
        """
        ...


@runtime_checkable
class Grouping(Protocol):
    """An adapter whose addresses may lead to one machine: when that fails, all of them do.

    After five deliveries in a row failed at one endpoint, its others rest, and others' go on.
    """

    name: str

    def endpoint(self, address: str) -> str:
        """The beginning that all addresses of one endpoint share, such as scheme, host and port."""
        ...


@runtime_checkable
class Calling(Protocol):
    """An adapter that also shows the card to people themselves, where a transition calls for them."""

    name: str

    def direct(self, account: str) -> str:
        """The address of somebody's own conversation, by the external id of their identity of the
        adapter's name; empty where nothing can be written there."""
        ...


@runtime_checkable
class Conversing(Protocol):
    """An adapter that carries questions and answers, also to whoever must answer and whoever asked.

    `accounts` is the kind of identity whose external ids `privately` takes, and for whom it names the
    address of their own conversation; empty where nothing can be written there.
    """

    name: str
    accounts: str

    def privately(self, account: str) -> str: ...


@runtime_checkable
class Undoing(Protocol):
    """An adapter whose cards show what was decided and can still be undone, with the way back.

    Its cards are drawn anew when that begins, and when it ends without having counted.
    """

    name: str
    shows_pending: bool


@runtime_checkable
class Gathering(Protocol):
    """An adapter that puts some things off, so that many small ones can be told together."""

    name: str

    def later(self, notice: Notice) -> Sequence[tuple[MessageKind, str, datetime]]:
        """What to tell later because of this transition, and when. Pure, as `addresses` is."""
        ...

    def again(self, *, decide_by: datetime, at: datetime) -> datetime | None:
        """When to list a request once more that a digest just listed and that still waits."""
        ...


class Bell(Protocol):
    """Wakes whoever waits for a change. Losing a ring costs a second, never a decision."""

    def ring(self, public_ids: Sequence[str]) -> None: ...


def event_body(kind: EventKind, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a webhook event, the same on every channel that carries events."""
    return {"type": kind.value, "timestamp": at.isoformat(), "data": dict(data)}
