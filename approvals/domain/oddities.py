"""Say in one line what is odd about the texts of an agent, and in which of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from approvals.domain.display import Flag, Shown

MOST_PLACES = 3
MOST_FINDINGS = 2
LONGEST_PLACE = 60
Named = tuple[str, Shown]


def told(texts: Iterable[Named]) -> str:
    """`The agent's text holds: hidden characters (Reason), look alike (the target). “pаypal.com” mixes …`.

    Empty where nothing is odd. Of the agent's own words only single names stand in it, each quoted.
    """  # noqa: RUF002 - a look-alike is what it is about
    known = list(texts)
    flags = sorted({flag for _, shown in known for flag in shown.flags})
    if not flags:
        return ""
    said = ", ".join(f"{flag.value.replace('_', ' ')} ({_places(flag, known)})" for flag in flags)
    return " ".join([f"The agent's text holds: {said}.", *_findings(known)])


def _places(flag: Flag, texts: Iterable[Named]) -> str:
    """Where, each once; what is more is counted."""
    names = dict.fromkeys(_place(name) for name, shown in texts if flag in shown.flags)
    more = len(names) - MOST_PLACES
    return ", ".join(list(names)[:MOST_PLACES]) + (f" and {more} more" if more > 0 else "")


def _place(name: str) -> str:
    return name if len(name) <= LONGEST_PLACE else f"{name[:LONGEST_PLACE]}…"


def _findings(texts: Iterable[Named]) -> Iterable[str]:
    """What the names that are not what they seem really are."""
    notes = (note for _, shown in texts for note in shown.notes if note.startswith("“"))
    return islice(dict.fromkeys(notes), MOST_FINDINGS)
