"""What a search can be narrowed by: each value with its count, and the link that toggles its token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from approvals.domain import display, search
from approvals.domain.search import Search
from approvals.queries.history import Facet, Found
from approvals.web.history_rows import DOORS
from approvals.web.history_views import address

MOST = 1_000
TITLES = {"outcome": "Outcome", "risk": "Risk", "agent": "Agent", "by": "Decided by",
          "channel": "Decided in", "basis": "Decided how"}  # fmt: skip
WORDS = {
    "outcome": {
        "pending": "Waiting", "investigating": "Question open", "approved": "Approved",
        "denied": "Denied", "expired": "Not decided in time", "cancelled": "Withdrawn",
        "revoked": "Revoked before use",
    },
    "basis": {
        "policy": "By policy", "person": "By people", "timeout": "By silence",
        "standing_grant": "By a standing grant", "break_glass": "By break-glass",
    },
    "channel": DOORS,
}  # fmt: skip
# The few fixed words stay offered while one of them is chosen, so that a second can be added.
OFFERED = ("outcome", "risk", "basis")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value; `count` is empty where nothing was counted."""

    words: str
    count: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    choices: tuple[Choice, ...]


def draw(found: Found, wanted: Search, shows: str) -> list[Group]:
    """The groups that have something to choose."""
    groups = [
        Group(TITLES[facet.key], tuple(_choices(facet, wanted, shows))) for facet in found.facets
    ]
    return [group for group in groups if group.choices]


def _choices(facet: Facet, wanted: Search, shows: str) -> Iterable[Choice]:
    counted = dict(facet.counts)
    chosen = wanted.values(facet.key)
    named = [*counted, *(value for value in chosen if value not in counted)]
    if chosen and facet.key in OFFERED:
        named += [value for value in search.LISTS[facet.key] if value not in named]
    for value in named:
        yield Choice(
            words=_words(facet.key, value),
            count=_spoken(counted.get(value)),
            address=address(str(wanted.toggled(facet.key, value)), shows),
            is_chosen=value in chosen,
        )


def _words(key: str, value: str) -> str:
    known = WORDS.get(key, {}).get(value)
    if known:
        return known
    return value.capitalize() if key == "risk" else display.show_identifier(value, limit=60).text


def _spoken(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count:,}" if count <= MOST else f"{MOST:,}+"
