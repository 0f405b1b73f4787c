"""What a click is answered with, in the shapes Teams documents for `adaptiveCard/action`.

The HTTP status is 200 for all of them; what became of the click stands in the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Reply = dict[str, Any]
CARD = "application/vnd.microsoft.card.adaptive"
MESSAGE = "application/vnd.microsoft.activity.message"
ERROR = "application/vnd.microsoft.error"
BAD, FAULT = 400, 500
RECORDED = "It is recorded."
CODES = {BAD: "BadRequest", FAULT: "InternalServerError"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a click: `words` when it changed nothing, `card` as its reader now sees it.

    `status` is 400 for what is none of ours, 500 when we could not record it. `link` is for the
    clicker alone; `in_public` are the words where an answer cannot be, and `in_short` what a
    notification says of them.
    """

    words: str = ""
    card: Mapping[str, Any] | None = None
    status: int = 200
    in_public: str = ""
    link: str = ""
    in_short: str = "Not counted."


def told(outcome: Outcome) -> Reply:
    """The body of the answer. Words that may hold somebody's name stand on a card only."""
    if outcome.status != 200:
        return error(outcome.status, outcome.words)
    if outcome.card is not None:
        return {"statusCode": 200, "type": CARD, "value": dict(outcome.card)}
    return {"statusCode": 200, "type": MESSAGE, "value": outcome.words or RECORDED}


def error(status: int, words: str) -> Reply:
    """A refusal as Teams shows it to the clicker."""
    return {
        "statusCode": status,
        "type": ERROR,
        "value": {"code": CODES[status], "message": words},
    }
