"""One request: its page, the parts of it that are drawn again while it is open, and its evidence."""

from __future__ import annotations

from dataclasses import replace

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain.errors import NotFound, Refusal
from approvals.models import Person
from approvals.services import clock, looks
from approvals.web import fresh, page, reading
from approvals.web.access import signed_in
from approvals.web.dialogs import Typed
from approvals.web.paging import whole
from approvals.web.reading import Reading, View

logger = structlog.get_logger(__name__)
# What a form that was carried out says on the page it leads back to.
DONE = {
    "muted": "You are not reminded of this one any more. Channels and other people are, and what comes "
    "of it still reaches you.",
    "unmuted": "You are reminded of this one again, as the others are.",
}
NOT_SAFE = (
    "We could not draw this request safely. It cannot be approved here or anywhere until that is "
    "mended. Nothing was decided."
)


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
    view = replace(_view(request), drawn=whole(request.GET.get("seen", "")))
    return draw(request, person, ref, view=view, template="request_live.html")


@require_safe
@signed_in
def evidence(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Everything about one request, laid out for paper."""
    view = replace(_view(request), in_full=True)
    return draw(request, person, ref, view=view, template="request_evidence.html")


def draw(
    request: HttpRequest,
    person: Person,
    ref: str,
    *,
    view: View | None = None,
    typed: Typed | None = None,
    refusal: Refusal | None = None,
    template: str = "request.html",
) -> HttpResponse:
    """The page as it stands now, with what was typed and why it did not count."""
    now = clock.now()
    try:
        found = reading.read(ref, person, view or _view(request), now=now)
    except NotFound as missing:
        return not_found(request, missing)
    except Exception:
        logger.exception("a request could not be drawn", request=ref[:60])
        return _not_safe(request)
    found = _looked(found)
    kept = typed or Typed()
    facts = page.facts(found, kept)
    facts["refusal"] = refusal.words if refusal else ""
    facts["done"] = _done(request.GET.get("done", ""), is_muted=facts["is_muted"])
    if refusal and kept.key == "message":
        facts["message_text"] = kept.text
        facts["message_error"] = refusal.words if refusal.status == 422 else ""
    elif refusal and not any(dialog.key == kept.key for dialog in facts["dialogs"]):
        facts["kept"] = kept.text
    response = render(request, template, facts, status=refusal.status if refusal else 200)
    response.headers["X-Server-Time"] = now.isoformat()
    return response


def _done(what: str, *, is_muted: bool) -> str:
    """What was carried out, in words; nothing where an old address says what is no longer so."""
    return DONE.get(what, "") if (what == "muted") is is_muted else ""


def _looked(found: Reading) -> Reading:
    """Remember that this person looked; what they knew before is compared with the present."""
    if found.view.drawn is not None:
        looks.stay(found.row, found.person, at=found.now)
        return found
    before = looks.open_page(found.row, found.person, at=found.now)
    if found.view.known is None and before is not None:
        return replace(found, view=replace(found.view, known=before.version))
    return found


def _view(request: HttpRequest) -> View:
    """As the address asks, or the form that was sent from a page that showed everything."""
    proof = request.POST.get("opened", "") if request.method == "POST" else ""
    return View(
        known=whole(request.GET.get("v", "")),
        in_full=request.GET.get("full") == "1" or bool(proof),
        is_fresh=fresh.is_fresh(request, at=clock.now()),
    )


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


def _not_safe(request: HttpRequest) -> HttpResponse:
    facts = {"title": "Not drawn", "words": NOT_SAFE}
    return render(request, "problem.html", facts, status=500)
