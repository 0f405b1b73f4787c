"""A channel that lives: it remembers what it was told, and fails when told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from approvals.ports import Message, MessageKind, Notice

Reaction = Callable[[Message], None]


class FakeAdapter:
    """Shows a card of every change to `#approvals`, and sends agents their events.

    `will` gives the next messages a reaction each: an exception to raise, or something to call.
    """

    name = "fake"

    def __init__(self) -> None:
        self.told: list[Message] = []
        self.notices: list[Notice] = []
        self._next: deque[Exception | Reaction] = deque()

    def will(self, *reactions: Exception | Reaction) -> None:
        self._next.extend(reactions)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        self.notices.append(notice)
        found = [(MessageKind.CARD, "#approvals")] if notice.opened else []
        if notice.kind in {"request.reminded", "request.escalated"}:
            found.append((MessageKind.NOTE, "#approvals"))
        if notice.callback_url:
            found.append((MessageKind.EVENT, notice.callback_url))
        return found

    def deliver(self, message: Message) -> Mapping[str, Any]:
        self.told.append(message)
        reaction = self._next.popleft() if self._next else None
        if isinstance(reaction, Exception):
            raise reaction
        if reaction is not None:
            reaction(message)
        return {"card": len(self.told)}

    def kinds(self) -> list[str]:
        return [message.kind.value for message in self.told]


class SecondAdapter(FakeAdapter):
    """Another channel beside the first."""

    name = "second"
