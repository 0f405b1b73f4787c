"""List what has low risk a few times a day, rather than post each by itself.

A list has nothing to decide by. What has too little time left to wait for one is posted at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from approvals.domain.cards import Card
from approvals.domain.state import clock
from approvals.domain.terms import EventKind, RiskLevel
from approvals.ports import MessageKind, Notice
from integrations.slack import elements as el
from integrations.slack.blocks import Drawn
from integrations.slack.shortening import cut, escape

# With less time left than this, a request is posted by itself.
LEAD = timedelta(minutes=30)
HELD_BACK = frozenset({EventKind.SUBMITTED, EventKind.REMINDED})
MOVES_THE_DEADLINE = frozenset(
    {EventKind.SUBMITTED, EventKind.ESCALATED, EventKind.RESUMED, EventKind.STAGE_PASSED}
)
NO_APPROVAL = "Open each to decide. Nothing can be approved from this list."


def holds_back(notice: Notice, times: Sequence[time]) -> bool:
    """Say whether nothing is told now of this transition, because a digest will tell it."""
    return (
        _is_gathered(notice, times)
        and notice.kind in HELD_BACK
        and notice.decide_by is not None
        and notice.at is not None
        and notice.decide_by - notice.at > LEAD
    )


def is_held_back(card: Card, times: Sequence[time], *, at: datetime) -> bool:
    """Say whether a card that stands nowhere yet need not be posted now, or ever."""
    if not times or card.risk is not RiskLevel.LOW:
        return False
    return not card.is_open or card.decide_by - at > LEAD


def later(
    notice: Notice, times: Sequence[time], zone: tzinfo
) -> list[tuple[MessageKind, datetime]]:
    """When to list what was held back, and when to post it after all."""
    at, decide_by = notice.at, notice.decide_by
    if at is None or decide_by is None or not _is_gathered(notice, times):
        return []
    if notice.kind not in MOVES_THE_DEADLINE or decide_by - at <= LEAD:
        return []
    posted = (MessageKind.CARD, decide_by - LEAD)
    listed = again(times, zone, decide_by=decide_by, at=at)
    if notice.kind is not EventKind.SUBMITTED or listed is None:
        return [posted]
    return [(MessageKind.DIGEST, listed), posted]


def again(
    times: Sequence[time], zone: tzinfo, *, decide_by: datetime, at: datetime
) -> datetime | None:
    """The next digest, where it comes before the request would be posted by itself."""
    today = at.astimezone(zone).date()
    moments = (
        datetime.combine(today + timedelta(days=days), each, tzinfo=zone).astimezone(UTC)
        for days in (0, 1)
        for each in times
    )
    following = next((moment for moment in moments if moment > at), None)
    return following if following is not None and following < decide_by - LEAD else None


def draw(listed: Sequence[Card], *, of: int, queue: str) -> Drawn:
    """Count, list and links."""
    waits = "request waits" if of == 1 else "requests wait"
    title = f"○ LOW RISK · {of} {waits} for a decision"
    lines = [_line(card) for card in listed]
    more = of - len(listed)
    body: list[dict[str, Any]] = [{"type": "rich_text_list", "style": "bullet", "elements": lines}]
    if more > 0:
        body.append(el.line(el.text(f"and {more} more, in the queue")))
    button = el.button("open", "Open the queue", label="Open the queue", url=queue)
    blocks = [
        el.header(title),
        el.rich(*body),
        {"type": "actions", "elements": [button]},
        el.small(NO_APPROVAL),
    ]
    refs = ", ".join(card.ref for card in listed)
    return Drawn(escape(f"{title}: {refs}{' and more' if more > 0 else ''}."), blocks)


def _line(card: Card) -> dict[str, Any]:
    words = f" · {cut(card.headline, 120)} · decide by {clock(card.decide_by)}"
    return el.line(el.link(card.url, card.ref), el.text(words))


def _is_gathered(notice: Notice, times: Sequence[time]) -> bool:
    return bool(times) and notice.risk is RiskLevel.LOW
