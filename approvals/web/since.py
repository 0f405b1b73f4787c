"""What people should read because it came after the version they know; what would run never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent, RequestMessage
from approvals.queries import request_page
from approvals.web import timeline

AGENT_SAYS = "The agent says · not checked"


@dataclass(frozen=True, slots=True)
class News:
    """One change: in our words, and what somebody wrote with it."""

    at: datetime
    words: str
    quote: str = ""
    from_agent: bool = False


@dataclass(frozen=True, slots=True)
class Since:
    """Everything that raised the version after `version`, oldest first."""

    version: int
    news: tuple[News, ...]

    @property
    def at(self) -> datetime:
        return self.news[0].at


def of(
    row: ApprovalRequest,
    events: Sequence[AuditEvent],
    messages: Sequence[RequestMessage],
    *,
    version: int | None,
) -> Since | None:
    """None when the reader knows the present version, or there is none to compare with."""
    if version is None or not 1 <= version < row.version:
        return None
    found = request_page.raised_since(events, version)
    written = {message.at: message for message in messages}
    news = tuple(_news(event, row, written.get(event.at)) for event in found)
    return Since(version, news) if news else None


def _news(event: AuditEvent, row: ApprovalRequest, message: RequestMessage | None) -> News:
    line = timeline.told(event, row)
    if message is None or event.type not in {EventKind.MESSAGE_ADDED, EventKind.RESUMED}:
        return News(event.at, line.words, line.quote)
    by = "The agent answered." if message.from_agent else f"{message.person} wrote."
    quote = timeline.quoted(message.text)
    return News(event.at, by, quote, message.from_agent)
