"""One request: its page, and the parts of it that are drawn again while it is open."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain.errors import NotFound, Refusal
from approvals.models import Person
from approvals.services import clock
from approvals.web import page
from approvals.web.access import signed_in
from approvals.web.dialogs import Typed


@require_safe
@signed_in
def show(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The page; `?open=deny` opens a form where there is no script to do it."""
    opened = Typed(key=request.GET.get("open", ""), reopens=True)
    return draw(request, person, ref, typed=opened)


@require_safe
@signed_in
def live(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The parts that change, for a page that is already open."""
    return draw(request, person, ref, template="request_live.html")


def draw(
    request: HttpRequest,
    person: Person,
    ref: str,
    *,
    typed: Typed | None = None,
    refusal: Refusal | None = None,
    template: str = "request.html",
) -> HttpResponse:
    """The page as it stands now, with what was typed and why it did not count."""
    now = clock.now()
    try:
        reading = page.read(ref, person, now=now)
    except NotFound as missing:
        return not_found(request, missing)
    kept = typed or Typed()
    facts = page.facts(reading, kept)
    facts["refusal"] = refusal.words if refusal else ""
    if refusal and kept.key == "message":
        facts["message_text"] = kept.text
        facts["message_error"] = kept.error
    elif refusal and not any(dialog.key == kept.key for dialog in facts["dialogs"]):
        facts["kept"] = kept.text
    response = render(request, template, facts, status=refusal.status if refusal else 200)
    response.headers["X-Server-Time"] = now.isoformat()
    return response


def refused(
    request: HttpRequest, person: Person, ref: str, refusal: Refusal, typed: Typed
) -> HttpResponse:
    """A refusal in words on the page it came from; an error of the form stands at the form."""
    if isinstance(refusal, NotFound):
        return not_found(request, refusal)
    if refusal.status == 422:
        return draw(request, person, ref, typed=replace(typed, reopens=True), refusal=refusal)
    return draw(request, person, ref, typed=typed, refusal=refusal)


def not_found(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    facts = {"title": "Not here", "words": refusal.words}
    return render(request, "problem.html", facts, status=refusal.status)
