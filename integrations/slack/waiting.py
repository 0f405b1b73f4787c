"""What waits for one person, as rows with a way in: on the app's tab, and where they ask for it."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from approvals.domain.cards import RISK_SHAPE, headline
from approvals.domain.showing import HEADLINE
from approvals.domain.state import clock as spoken
from approvals.domain.terms import RiskLevel
from approvals.models import ApprovalRequest
from approvals.models.workspaces import Shows
from approvals.ports import BEHIND
from approvals.queries import expired
from approvals.services import showing
from integrations.slack import elements as el
from integrations.slack.elements import Block
from integrations.slack.shortening import cut

ADAPTER = "slack"
MOST_WAITING = 20
ROW_LENGTH = 200


def drawn(rows: Sequence[ApprovalRequest]) -> list[Block]:
    """A title with how many wait, and the first of them; two statements."""
    blocks = [el.header(f"Waiting for you ({len(rows)})")]
    if not rows:
        return [*blocks, el.words("Nothing waits for you.")]
    listed = rows[:MOST_WAITING]
    hidden = _hidden(listed)
    blocks += [_row(row, hides=row.pk in hidden) for row in listed]
    if len(rows) > MOST_WAITING:
        more = f"and {len(rows) - MOST_WAITING} more, in the queue of the web dashboard"
        blocks.append(el.small(more))
    return blocks


def _hidden(rows: Sequence[ApprovalRequest]) -> frozenset[int]:
    """Those told in a channel that may not see what they are about: then Slack is not told here either."""
    told = expired.told_at(ADAPTER, [row.pk for row in rows])
    places = {
        number: {*addresses, *(address.partition(BEHIND)[0] for address in addresses)}
        for number, addresses in told.items()
    }
    shows = showing.strictest_of_each(adapter=ADAPTER, places=places)
    return frozenset(number for number, seen in shows.items() if seen is Shows.NOTHING)


def _row(row: ApprovalRequest, *, hides: bool) -> Block:
    """One line with its way in. Nothing is decided here: a row is too short to decide by."""
    risk = RiskLevel(row.risk)
    what = (
        HEADLINE
        if hides
        else cut(headline({"action": row.action, "target": row.target}), ROW_LENGTH)
    )
    whose = "" if hides else f" · {row.agent.name}"
    words = (
        f"{RISK_SHAPE[risk]} {risk.upper()} · {what}\n"
        f"{row.ref}{whose} · decide by {spoken(row.decide_by)}"
    )
    label = f"Open {row.ref} in the web dashboard"
    opening = el.button("open", "Open", label=label, url=f"{settings.PUBLIC_URL}/r/{row.ref}")
    return {**el.words(words), "accessory": opening}
