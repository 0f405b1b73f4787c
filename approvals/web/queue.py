"""The queue: what waits for you, for your teams, and for anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from approvals.domain.errors import NotFound
from approvals.domain.terms import RiskLevel
from approvals.models import Person
from approvals.models.requests import lookup
from approvals.queries import amounts
from approvals.queries import queue as reads
from approvals.queries.views import views_of
from approvals.services import clock
from approvals.web import boards, first_steps, queue_known, queue_lists
from approvals.web.access import signed_in
from approvals.web.boards import Reader
from approvals.web.queue_lists import LEFT, SORTS, TITLES, Shown, Wish, folded

MOST_KNOWN = 200
# What a page hears of is in what it asks for; the rest may wait this long beside its half minute.
OLDEST_SECONDS = 5.0
EMPTY = {
    "mine": "Nothing waits for you",
    "teams": "Nothing waits for your teams",
    "all": "Nothing waits",
    "questions": "No question is open",
}


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    title: str
    count: str
    href: str
    is_current: bool


def home(request: HttpRequest) -> HttpResponse:
    del request
    return HttpResponseRedirect("/queue")


@gzip_page
@require_safe
@signed_in
def queue(request: HttpRequest, person: Person) -> HttpResponse:
    """The whole page."""
    wanted = queue_lists.wish(request.GET)
    reader = boards.reader(person, now=clock.now())
    found = queue_lists.shown(reader, wanted)
    if wanted.after and not found.page:
        return HttpResponseRedirect(f"/queue?{wanted.query}")
    amounts.learn([card.row for card in found.page])
    drawn = folded(reader.drawn(found.page))
    views, views_cut = views_of(person, "queue")
    facts = _around(reader, wanted, found) | {
        "rows": drawn,
        "newest": max((card.row.pk for card in reader.board.cards), default=0),
        "views": views,
        "views_cut": views_cut,
        "alarms": reader.alarms,
    }
    if wanted.policy or wanted.namespace:
        facts["known"] = queue_known.known(reader)
    if found.is_filtered_out:
        facts["missing"] = queue_known.missing(reader, wanted)
    if not drawn:
        steps = first_steps.of(person, now=reader.now)
        facts |= {"empty": EMPTY[wanted.tab], "steps": steps}
        if wanted.tab == "mine" and not steps.steps:
            facts["shift"] = first_steps.shift(person, reader.approver.teams, now=reader.now)
    return render(request, "queue.html", facts)


@gzip_page
@require_safe
@signed_in
def queue_rows(request: HttpRequest, person: Person) -> HttpResponse:
    """What changed for a page that shows the rows named in `known`: those rows, and the new ones.

    A row is named with its mark, and comes back only where that has changed. `heard` is when the page
    last heard of a change or asked; whatever was read since then will do, if it is not old.
    """
    wanted = queue_lists.wish(request.GET)
    heard = boards.heard(request.GET.get("heard", ""), oldest=OLDEST_SECONDS)
    reader = boards.reader(person, now=clock.now(), heard=heard)
    found = queue_lists.shown(reader, wanted)
    marks = dict(part.partition("~")[::2] for part in _names(request, "known"))
    known = marks.keys() | set(_names(request, "closed"))
    changed = _changed(reader, marks)
    amounts.learn([card.row for card in changed])
    facts = {
        "tabs": _tabs(reader, wanted, found),
        "known": reader.drawn(changed),
        "fresh": [card.row.ref for card in found.page if card.row.ref not in known],
        "read": f"{reader.board.began:.3f}",
        "alarms": reader.alarms,
    }
    response = render(request, "queue_rows.html", facts)
    response.headers["X-Server-Time"] = reader.now.isoformat()
    return response


def _around(reader: Reader, wanted: Wish, found: Shown) -> dict[str, Any]:
    """Everything on the page but its rows."""
    cards = reader.board.cards
    return {
        "section": "queue",
        "now": reader.now,
        "title": TITLES[wanted.tab],
        "wish": wanted,
        "chips": wanted.chips,
        "tabs": _tabs(reader, wanted, found),
        "mine_count": found.counts["mine"],
        "next_page": wanted.with_(after=found.next_cursor) if found.next_cursor else "",
        "is_filtered_out": found.is_filtered_out,
        "found": len(found.whole),
        "is_cut": reader.board.is_cut,
        "risks": [level.value for level in RiskLevel],
        "agents": sorted({card.row.agent.name for card in cards} | _one(wanted.agent)),
        "teams": sorted(
            {name for card in cards for name in card.state.teams_asked} | _one(wanted.team)
        ),
        "lefts": LEFT,
        "sorts": SORTS,
    }


def _one(word: str) -> set[str]:
    return {word} if word else set()


def _tabs(reader: Reader, wanted: Wish, found: Shown) -> list[Tab]:
    more = "+" if reader.board.is_cut else ""
    return [
        Tab(
            key,
            title,
            f"{found.counts[key]}{more if key == 'all' else ''}",
            f"/queue?{wanted.with_(tab=key, after='')}",
            key == wanted.tab,
        )
        for key, title in TITLES.items()
    ]


def _changed(reader: Reader, marks: dict[str, str]) -> list[reads.Waiting]:
    """The cards among these that must be drawn anew: changed, or no longer waiting."""
    waiting = {card.row.ref: card for card in reader.board.cards}
    gone = [ref for ref in marks if ref not in waiting]
    changed = [
        waiting[ref]
        for ref, mark in marks.items()
        if ref in waiting and reader.mark(waiting[ref]) != mark
    ]
    return changed + _closed(gone)


def _closed(refs: Sequence[str]) -> list[reads.Waiting]:
    numbers = []
    for ref in refs:
        try:
            numbers.append(lookup(ref).get("number"))
        except NotFound:
            continue
    wanted = [number for number in numbers if number is not None]
    return reads.cards(list(reads.slim().filter(pk__in=wanted))) if wanted else []


def _names(request: HttpRequest, name: str) -> list[str]:
    return [part for part in request.GET.get(name, "").split(",")[:MOST_KNOWN] if part]
