"""What was not delivered: every dead letter with its reason, mend and another try; and what is on its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from approvals.domain import channels
from approvals.domain.channels import CHANNELS
from approvals.domain.errors import Refusal
from approvals.models import Delivery, Person
from approvals.queries import deliveries as counted
from approvals.services import actors, clock, dead_letters, people
from approvals.web.access import signed_in
from approvals.web.paging import PER_PAGE, whole
from approvals.web.settings_frame import draw, forbidden

NOT_YOURS = (
    "Managers, auditors and operators read what was not delivered. A request's page says it too."
)


LONGEST = 300
DEAD, WAITING, TRIED, SENT = "dead", "waiting", "tried", "sent"
WORDS = {
    DEAD: "Given up",
    WAITING: "On their way",
    TRIED: "Tried already",
    SENT: "Delivered, last 24 h",
}
NO_ERROR = {WAITING: "Not tried yet.", SENT: "Delivered."}


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery that was given up at a moment, or is due at one; safe to draw."""

    number: int
    ref: str
    title: str
    to: str
    why: str
    fix: str
    attempts: int
    at: datetime


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    """Newest first; `?channel=` of one channel, `?receiver=` of webhooks to one, `?older=` from behind a
    number. Those that were given up, unless `?state=` asks for what is `waiting`, what of it was `tried`,
    or what was `sent` in a day."""
    if not people.may_read_audit(person):
        return forbidden(request, NOT_YOURS)
    return draw(request, person, "settings_messages.html", _page(request, person), tab="messages")


@require_POST
@signed_in
def resend(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Try one again from the start, and go back to where it was asked."""
    try:
        dead_letters.refuse_unless_resender(person)
        dead_letters.resend(number=number, by=actors.person(person), at=clock.now())
    except Refusal as refusal:
        if not people.may_read_audit(person):
            return forbidden(request, refusal.words)
        facts = _page(request, person)
        return draw(
            request, person, "settings_messages.html", facts, tab="messages", refusal=refusal
        )
    return HttpResponseRedirect(_back(request))


def _page(request: HttpRequest, person: Person) -> dict[str, Any]:
    wanted = request.GET.get("channel", "")
    channel = wanted if wanted in CHANNELS else None
    receiver = request.GET.get("receiver", "")[:LONGEST]
    state = request.GET.get("state", DEAD)
    state = state if state in WORDS else DEAD
    rows = _matching(state, channel, receiver)
    cursor = whole(request.GET.get("older", ""))
    if cursor is not None:
        rows = rows.filter(pk__lt=cursor)
    found = list(rows[: PER_PAGE + 1])
    named = {
        "state": "" if state == DEAD else state,
        "channel": channel or "",
        "receiver": receiver,
    }
    return {
        "letters": [_letter(row) for row in found[:PER_PAGE]],
        "channel": channel or "",
        "title": channels.title(channel) if channel else "",
        "known": list(CHANNELS.values()),
        "state": state,
        "states": WORDS,
        "is_dead": state == DEAD,
        "receiver": channels.place(receiver, limit=120),
        "asked_receiver": receiver,
        "query": urlencode({name: value for name, value in named.items() if value}),
        "cursor": cursor,
        "next_cursor": found[PER_PAGE - 1].pk if len(found) > PER_PAGE else "",
        "may_resend": state == DEAD and person.role in dead_letters.RESENDERS,
    }


def _matching(state: str, channel: str | None, receiver: str) -> QuerySet[Delivery]:
    kept = WAITING if state == TRIED else state
    rows = dead_letters.matching(states=[kept], adapter=channel)
    if state == SENT:
        rows = rows.filter(counted.lately(now=clock.now()))
    if state == TRIED:
        rows = rows.filter(attempts__gt=0).exclude(last_error="")
    if not receiver:
        return rows
    # Whole names of hosts alone: https://a.example is not https://a.example.org.
    same = Q(address=receiver)
    for mark in "/?#":
        same |= Q(address__startswith=f"{receiver}{mark}")
    return rows.filter(same)


def _letter(row: Delivery) -> Letter:
    return Letter(
        number=row.pk,
        ref=row.request.ref,
        title=channels.title(row.adapter),
        to=channels.place(row.address),
        why=channels.reason(row.last_error)
        if row.last_error or row.state == DEAD
        else NO_ERROR[row.state],
        fix=channels.fix(row.adapter, row.last_error, row.address) if row.state == DEAD else "",
        attempts=row.attempts,
        at=row.finished_at or (row.due_at if row.state == WAITING else row.created_at),
    )


def _back(request: HttpRequest) -> str:
    """The page the button stood on, if that is one of ours."""
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    if is_ours and wanted.startswith("/r/"):
        return wanted
    return "/settings/messages?done=resent"
