"""The queue's tabs, filters, order and folds: what of the board one address shows, and where it ends."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.http import QueryDict

from approvals.domain import display
from approvals.domain.terms import RiskLevel, Status
from approvals.queries import queue_filters
from approvals.queries.queue import Waiting
from approvals.queries.queue_filters import Findable
from approvals.web import paging
from approvals.web.boards import Reader
from approvals.web.paging import PER_PAGE, Place
from approvals.web.rows import Row

TITLES = {"mine": "For you", "teams": "My teams", "all": "All waiting", "questions": "Questions"}
SORTS = {"left": "Time left", "newest": "Newest first", "risk": "Risk"}
HALF = "half"
LEFT = {
    "5": "Under 5 minutes",
    "15": "Under 15 minutes",
    "60": "Under an hour",
    "1440": "Under a day",
    HALF: "Past half of their time",
}
FILTERS = {
    "risk": "Risk",
    "agent": "Agent",
    "team": "Team",
    "policy": "Policy",
    "rule": "Rule",
    "namespace": "Namespace",
    "left": "Time left",
}
LONGEST_WORD = 200
LONGEST_SHOWN = 80
# A fold spares attention only where it hides several.
FEWEST_FOLDED = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What an address of the queue asks for; what it says that nobody understands is left out."""

    tab: str = "mine"
    risk: str = ""
    agent: str = ""
    team: str = ""
    policy: str = ""
    rule: str = ""
    namespace: str = ""
    left: str = ""
    sort: str = "left"
    after: str = ""

    @property
    def filters(self) -> dict[str, str]:
        named = {name: str(getattr(self, name)) for name in FILTERS}
        return {name: value for name, value in named.items() if value}

    @property
    def query(self) -> str:
        """The address without the page: tab, filters and order, only where they say something."""
        return self.with_(after="")

    @property
    def chips(self) -> list[tuple[str, str]]:
        """What narrows the list, in words, each with the address without it."""
        found = []
        for name, value in self.filters.items():
            told = LEFT[value] if name == "left" else shown_word(value)
            found.append((f"{FILTERS[name]}: {told}", self.with_(**{name: "", "after": ""})))
        if self.sort != "left":
            found.append((f"Order: {SORTS[self.sort]}", self.with_(sort="left", after="")))
        return found

    def with_(self, **changes: str) -> str:
        wish = replace(self, **changes)
        order = {} if wish.sort == "left" else {"sort": wish.sort}
        after = {"after": wish.after} if wish.after else {}
        return urlencode({"tab": wish.tab} | wish.filters | order | after)


def wish(given: QueryDict) -> Wish:
    """Read an address."""

    def one_of(name: str, words: Iterable[str], usual: str = "") -> str:
        return given.get(name, "") if given.get(name, "") in words else usual

    def word(name: str) -> str:
        return given.get(name, "").strip()[:LONGEST_WORD]

    cursor = given.get("after", "")
    return Wish(
        tab=one_of("tab", TITLES, "mine"),
        risk=one_of("risk", list(RiskLevel)),
        agent=word("agent"),
        team=word("team"),
        policy=word("policy"),
        rule=word("rule"),
        namespace=word("namespace"),
        left=one_of("left", LEFT),
        sort=one_of("sort", SORTS, "left"),
        after=cursor if paging.from_text(cursor) else "",
    )


def shown_word(value: str) -> str:
    """What somebody looks for, which may come with a link, so that nothing in it can be hidden."""
    return display.show_identifier(value, limit=LONGEST_SHOWN).text


@dataclass(frozen=True, slots=True)
class Shown:
    """The cards of one address. `whole` is the tab as filtered, `page` what this page holds of it."""

    counts: dict[str, int]
    whole: Sequence[Waiting]
    page: Sequence[Waiting]
    next_cursor: str
    is_filtered_out: bool


def shown(reader: Reader, wanted: Wish) -> Shown:
    """The page an address asks for, and how many cards each tab holds without filters."""

    def order(card: Waiting) -> Place:
        return place(card, wanted.sort)

    tabs = _tabs(reader, reader.shared.in_order(wanted.sort, order))
    fitting = _filtered(reader, tabs[wanted.tab], wanted)
    after = paging.from_text(wanted.after)
    first = bisect_right(fitting, after, key=order) if after else 0
    page, has_more = fitting[first : first + PER_PAGE], len(fitting) > first + PER_PAGE
    cursor = paging.to_text(order(page[-1])) if has_more else ""
    counts = {name: len(cards) for name, cards in tabs.items()}
    return Shown(counts, fitting, page, cursor, bool(tabs[wanted.tab]) and not fitting)


def place(card: Waiting, sort: str) -> Place:
    """Where a card stands in an order."""
    row = card.row
    if sort == "newest":
        return Place(0, paging.EPOCH, paging.LAST - row.number)
    if sort == "risk":
        return Place(len(RiskLevel) - RiskLevel(row.risk).rank, row.decide_by, row.number)
    return paging.place(row)


def folded(rows: Sequence[Row]) -> list[Row]:
    """Repeats of one agent below the first of them, as one fold; critical and odd rows stand alone."""
    alike: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        kind = row.headline.split(" · ", 1)[0]
        alike.setdefault((row.agent, kind, row.risk), []).append(row)
    found, taken = [], set()
    for row in rows:
        if row.ref in taken:
            continue
        kind = row.headline.split(" · ", 1)[0]
        followers = [
            other
            for other in alike[row.agent, kind, row.risk]
            if other.ref != row.ref and not other.flags and other.ref not in taken
        ]
        found.append(row)
        taken.add(row.ref)
        if row.flags or row.risk is RiskLevel.CRITICAL or len(followers) < FEWEST_FOLDED:
            continue
        found[-1] = replace(row, folds=len(followers))
        found += [replace(other, fold=row.ref) for other in followers]
        taken |= {other.ref for other in followers}
    return found


def _tabs(reader: Reader, ordered: Iterable[Waiting]) -> dict[str, list[Waiting]]:
    cards = [card for card in ordered if not reader.is_hidden(card)]
    return {
        "mine": [card for card in cards if reader.is_needed(card)],
        "teams": [card for card in cards if reader.is_asked(card)],
        "all": cards,
        "questions": [card for card in cards if card.state.status is Status.INVESTIGATING],
    }


def _filtered(reader: Reader, cards: Sequence[Waiting], wanted: Wish) -> list[Waiting]:
    if not wanted.filters:
        return list(cards)
    fitting = [
        card
        for card in cards
        if wanted.risk in ("", card.row.risk)
        and wanted.agent in ("", card.row.agent.name)
        and (not wanted.team or wanted.team in card.state.teams_asked)
        and (not wanted.left or _is_late(card, wanted.left, now=reader.now))
    ]
    if not (wanted.policy or wanted.rule or wanted.namespace):
        return fitting
    known = queue_filters.of(card.row for card in fitting)
    return [card for card in fitting if _is_found(known[card.row.pk], wanted)]


def _is_late(card: Waiting, left: str, *, now: datetime) -> bool:
    row = card.row
    if left == HALF:
        return now - row.created_at > (row.expires_at - row.created_at) / 2
    return row.decide_by < now + timedelta(minutes=int(left))


def _is_found(known: Findable, wanted: Wish) -> bool:
    return (
        (not wanted.policy or known.is_asked_by(wanted.policy))
        and (not wanted.rule or wanted.rule in known.judging)
        and (not wanted.namespace or known.names(wanted.namespace))
    )
