"""Draw again what this service wrote, to hold a message against it word by word.

Only when a seal does not fit what Slack gave back: mostly nothing is wrong, and Slack waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from approvals import queries
from approvals.models import ApprovalRequest
from approvals.models.workspaces import Shows
from approvals.services import showing
from integrations.slack import blocks, configuration, likeness, plain, spoken
from integrations.slack.elements import Block

CARDS = "slack"


def readings(row: ApprovalRequest, *, address: str, asks: bool) -> list[str]:
    """What the request's messages at an address read like now, the likeliest first; of the questions
    in its thread if it `asks`."""
    whole = queries.request(str(row.public_id))
    drawn = _questions(whole, address) if asks else _cards(whole, address)
    return list(dict.fromkeys(likeness.read(each) for each in drawn))


def _cards(row: ApprovalRequest, address: str) -> Iterator[list[Block]]:
    known = configuration.current()
    card = showing.reduce(queries.card(row), adapter=CARDS, address=address)
    called: Sequence[str] = tuple(dict(known.groups).values())
    for groups in ((), called) if called else ((),):
        for draw in (blocks.draw, plain.draw):
            on_web = known.critical_on_web
            yield draw(card, value="", critical_on_web=on_web, groups=groups).blocks
        yield plain.barely(card, value="", groups=groups).blocks


def _questions(row: ApprovalRequest, address: str) -> Iterator[list[Block]]:
    shows: Shows = showing.of(adapter=CARDS, address=address)
    for turn in reversed(spoken.turns(row)):
        if turn.kind == spoken.QUESTION:
            yield spoken.draw(row, turn, value="", shows=shows, address=address)
