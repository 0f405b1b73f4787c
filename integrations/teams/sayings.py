"""What people read where a click changed nothing, or nobody knows yet: of a decision, and of an undo."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.teams.actions import UNDO
from integrations.teams.presses import Click

UNKNOWN = "We do not know who you are yet. Link your Teams account, then click again."


@dataclass(frozen=True, slots=True)
class Words:
    """`fault` and `later` take a `code` that stands in our log, too."""

    in_short: str
    unknown_in_public: str
    fault: str
    later: str
    given_up: str


DECIDING = Words(
    in_short="Not counted.",
    unknown_in_public=(
        "A click was not counted: we do not know whose Teams account made it. Nothing was decided. "
        "Open the request to decide."
    ),
    fault=(
        "We could not record your decision. Nothing was approved. Try again or open the request. "
        "Error {code}."
    ),
    later=(
        "Your decision is not recorded yet. We keep trying, and the message changes once it counts. "
        "Error {code}."
    ),
    given_up=(
        "Not counted. We could not record your click in time, and stopped trying. Nothing was "
        "decided by it. Open the request to decide."
    ),
)
UNDOING = Words(
    in_short="Not undone.",
    unknown_in_public=(
        "An Undo was not counted: we do not know whose Teams account made it. Nothing was changed. "
        "Open the request to see where it stands."
    ),
    fault=(
        "We could not undo your decision. Nothing was changed: it counts at its time. Try again or "
        "open the request. Error {code}."
    ),
    later=(
        "Your Undo is not recorded yet. We keep trying, but your decision may count before. Open the "
        "request to see where it stands. Error {code}."
    ),
    given_up=(
        "Not undone. We could not record your click in time, and stopped trying. Your decision "
        "counted at its time, unless you took it back otherwise. Open the request."
    ),
)


def of(click: Click) -> Words:
    """The words for what this click tried."""
    return UNDOING if click.verb == UNDO else DECIDING
