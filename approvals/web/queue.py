"""The queue: what waits for you, for your teams, and for anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import queries
from approvals.domain.errors import NotFound
from approvals.models import ApprovalRequest, Person, Team, states
from approvals.models.requests import lookup
from approvals.services import clock
from approvals.web import paging, rows
from approvals.web.access import signed_in
from approvals.web.paging import PER_PAGE, Place
from approvals.web.verdicts import may_approve

TITLES = {"mine": "For you", "teams": "My teams", "all": "All waiting"}
EMPTY = {
    "mine": (
        "Nothing waits for you",
        "When an agent asks for something only your teams may allow, it appears here by itself.",
    ),
    "teams": (
        "Nothing waits for your teams",
        "Every request your teams were asked about is decided.",
    ),
    "all": ("Nothing waits", "No agent waits for anybody. New requests appear here by themselves."),
}
MOST_KNOWN = 200


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    title: str
    count: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class Lists:
    """The three lists of one person at one moment."""

    mine: list[ApprovalRequest]
    teams: list[ApprovalRequest]
    all: QuerySet[ApprovalRequest]

    def counts(self) -> dict[str, int]:
        return {"mine": len(self.mine), "teams": len(self.teams), "all": self.all.count()}

    def page(self, tab: str, after: Place | None) -> tuple[list[ApprovalRequest], str]:
        """The next rows of a tab, and the cursor of the page after them, empty on the last."""
        if tab == "all":
            found = list(_behind(self.all, after)[: PER_PAGE + 1])
        else:
            ours = self.mine if tab == "mine" else self.teams
            found = [row for row in ours if after is None or paging.place(row) > after]
        has_more = len(found) > PER_PAGE
        found = found[:PER_PAGE]
        return found, paging.to_text(paging.place(found[-1])) if has_more else ""


def home(request: HttpRequest) -> HttpResponse:
    del request
    return HttpResponseRedirect("/queue")


@require_safe
@signed_in
def queue(request: HttpRequest, person: Person) -> HttpResponse:
    """The whole page."""
    now = clock.now()
    tab, cursor = _tab(request), request.GET.get("after", "")
    lists = _lists(person, now)
    found, next_cursor = lists.page(tab, paging.from_text(cursor))
    if cursor and not found:
        return HttpResponseRedirect(f"/queue?tab={tab}")
    counts = lists.counts()
    facts = {
        "section": "queue",
        "now": now,
        "title": TITLES[tab],
        "current": tab,
        "cursor": cursor if paging.from_text(cursor) else "",
        "next_cursor": next_cursor,
        "tabs": _tabs(tab, counts),
        "mine_count": counts["mine"],
        "rows": rows.draw(found, person=person, titles=titles(), now=now),
        "empty": EMPTY[tab],
    }
    return render(request, "queue.html", facts)


@require_safe
@signed_in
def queue_rows(request: HttpRequest, person: Person) -> HttpResponse:
    """What changed for a page that shows the rows named in `known`: those rows, and the new ones."""
    now = clock.now()
    tab = _tab(request)
    lists = _lists(person, now)
    named = request.GET.get("known", "").split(",")[:MOST_KNOWN]
    found, _ = lists.page(tab, paging.from_text(request.GET.get("after", "")))
    fresh = [row for row in found if row.ref not in named]
    facts = {
        "tabs": _tabs(tab, lists.counts()),
        "known": rows.draw(_known(named), person=person, titles=titles(), now=now),
        "fresh": rows.draw(fresh, person=person, titles=titles(), now=now),
    }
    response = render(request, "queue_rows.html", facts)
    response.headers["X-Server-Time"] = now.isoformat()
    return response


def titles() -> dict[str, str]:
    """What people call each team."""
    return dict(Team.objects.values_list("name", "title"))


def _tab(request: HttpRequest) -> str:
    wanted = request.GET.get("tab", "mine")
    return wanted if wanted in TITLES else "mine"


def _tabs(current: str, counts: dict[str, int]) -> list[Tab]:
    return [Tab(key, title, counts[key], key == current) for key, title in TITLES.items()]


def _lists(person: Person, now: datetime) -> Lists:
    reader = states.approver(person)
    teams = queries.team_inbox_for(person)
    mine = [
        row
        for row in teams
        if may_approve(states.of(row, decisions=row.decisions.all()), reader, now=now)
    ]
    critical_first = Case(
        When(risk="critical", then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    waiting = (
        queries.waiting().annotate(rank=critical_first).order_by("rank", "decide_by", "number")
    )
    return Lists(mine, teams, waiting)


def _behind(found: QuerySet[ApprovalRequest], after: Place | None) -> QuerySet[ApprovalRequest]:
    if after is None:
        return found
    later = Q(decide_by__gt=after.decide_by) | Q(decide_by=after.decide_by, number__gt=after.number)
    return found.filter(Q(rank__gt=after.rank) | (Q(rank=after.rank) & later))


def _known(named: Sequence[str]) -> list[ApprovalRequest]:
    numbers = []
    for ref in named:
        try:
            numbers.append(lookup(ref).get("number"))
        except NotFound:
            continue
    return list(queries.requests().filter(number__in=[n for n in numbers if n is not None]))
