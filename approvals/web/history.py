"""History: every request, found again by a search that is the page's address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain import search
from approvals.domain.search import KEYS, Search
from approvals.models import Person
from approvals.queries import bounded, given
from approvals.queries import history as reads
from approvals.services import clock, integrity
from approvals.web import exports, history_facets, history_rows, history_views
from approvals.web.access import signed_in
from approvals.web.paging import PER_PAGE, whole

# Filters of their own in older addresses; each is a token now.
LEGACY = {"status": "outcome", "risk": "risk", "agent": "agent", "action": "action",
          "target": "target", "after": "after", "before": "before"}  # fmt: skip
MOST_NEWER = 99
LATELY = "7d"  # what a search that looks at too much is narrowed to


@require_safe
@signed_in
def history(request: HttpRequest, person: Person) -> HttpResponse:
    """The newest first; `older` is the number the page begins below."""
    if request.GET.get("format") == "csv":
        return _as_csv(request, person)
    return draw(request, person, request.GET)


@require_safe
@signed_in
def newer(request: HttpRequest, person: Person) -> HttpResponse:
    """How many requests that match came since the page was drawn, for a page that asks."""
    wanted = given.allowed(search.parse(asked(request.GET)), person)
    above = whole(request.GET.get("above", ""))
    if wanted.problems or above is None:
        return JsonResponse({"error": "not understood"}, status=422)
    try:
        found = reads.newer(
            wanted, now=clock.now(), above=above, most=MOST_NEWER + 1, seconds=bounded.SECONDS
        )
    except bounded.LooksAtTooMuch as cut:
        return JsonResponse({"error": cut.code}, status=cut.status)
    return JsonResponse({"newer": f"{MOST_NEWER}+" if found > MOST_NEWER else str(found)})


def asked(sent: Mapping[str, str]) -> str:
    """The text of the box, with the filters of older addresses written as tokens."""
    tokens = [str(search.Term(key, sent[name])) for name, key in LEGACY.items() if sent.get(name)]
    return " ".join([sent.get("q", "").strip(), *tokens]).strip()


def draw(request: HttpRequest, person: Person, sent: Mapping[str, str]) -> HttpResponse:
    """The page for what is asked; 422 when part of it was not understood."""
    now = clock.now()
    text = asked(sent)
    wanted = given.allowed(search.parse(text), person)
    below = whole(sent.get("older", ""))
    shows = sent.get("show", "") if sent.get("show") in history_rows.TOLD else ""
    newest = reads.newest()  # before the rows: what comes meanwhile is told twice rather than never
    found, is_cut = _found(wanted, now, below)
    views, views_cut = history_views.kept(person, text, shows)
    facts = {
        "section": "history",
        "tab": "requests",
        "now": now,
        "text": text,
        "wanted": wanted,
        "rows": history_rows.draw(found.rows, shows=shows),
        "found": found,
        "newest": newest,
        "shows": shows,
        "live": sent.get("live") == "1",
        "below": below,
        "facets": history_facets.draw(found, wanted, shows),
        "questions": history_views.built_in(text, shows),
        "views": views,
        "views_cut": views_cut,
        "mine": next((view for view in views if view.key and view.is_current), None),
        "tokens": KEYS,
        "forms": exports.FORM_TITLES,
        "chain": integrity.last(),
        "is_cut": is_cut,
        "cut_after": f"{bounded.SECONDS:g}",
        "narrower": _narrower(wanted, shows) if is_cut else "",
        "searched_words": f"{found.searched.count:,}" if found.searched else "",
        "counted_words": f"{reads.COUNTED:,}",
        **_addresses(text, wanted, shows, found),
    }
    status = 422 if wanted.problems or is_cut else 200
    return render(request, "history.html", facts, status=status)


def _found(wanted: Search, now: datetime, below: int | None) -> tuple[reads.Found, bool]:
    """What matches, and whether looking for it was cut off; nothing where not all was understood."""
    if wanted.problems:
        return reads.Found(), False
    try:
        found = reads.page(wanted, now=now, below=below, limit=PER_PAGE, seconds=bounded.SECONDS)
    except bounded.LooksAtTooMuch:
        return reads.Found(), True
    return found, False


def _narrower(wanted: Search, shows: str) -> str:
    """The same search over the last days; empty where it begins somewhere already."""
    if wanted.values("after"):
        return ""
    return history_views.address(str(wanted.toggled("after", LATELY)), shows)


def _addresses(text: str, wanted: Search, shows: str, found: reads.Found) -> dict[str, Any]:
    here = {name: value for name, value in {"q": text, "show": shows}.items() if value}
    return {
        "here": history_views.address(text, shows),
        "query": urlencode(here),
        "rest_address": history_views.address(str(wanted), shows) if wanted.terms else "",
        "live_address": f"/history?{urlencode(here | {'live': '1'})}",
        "newer_address": f"/history/newer?{urlencode({'q': text})}",
        "older_address": f"/history?{urlencode(here | {'older': found.older})}"
        if found.older
        else "",
    }


def _as_csv(request: HttpRequest, person: Person) -> HttpResponse:
    """An older address of the export: the file where it is small, else the page that makes it."""
    text = asked(request.GET)
    if given.allowed(search.parse(text), person).problems:
        return draw(request, person, request.GET)
    direct = exports.direct(person, form="csv", text=text)
    return direct or HttpResponseRedirect(f"/history/exports?{urlencode({'q': text})}")
