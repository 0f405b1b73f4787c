"""What the Slack of the tests keeps of what it was sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.fakes.knocks import Body


@dataclass(slots=True)
class Posted:
    """One message; `edits` counts how often it was changed."""

    channel: str
    ts: str
    content: Body
    edits: int = 0

    @property
    def text(self) -> str:
        return str(self.content.get("text", ""))

    @property
    def blocks(self) -> list[Body]:
        return list(self.content.get("blocks") or [])

    def button(self, action_id: str) -> Body | None:
        """The button with this action_id, if the message has it."""
        elements = [e for block in self.blocks for e in block.get("elements", ())]
        return next((e for e in elements if e.get("action_id") == action_id), None)


@dataclass(slots=True)
class Call:
    """One call of the Web API."""

    method: str
    body: Body
    answer: Body = field(default_factory=dict)
