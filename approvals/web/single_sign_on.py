"""To the identity provider and back: the address it is left by, and the one it returns to."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.services import clock, single_sign_on
from approvals.services.identity_provider import NotBelieved
from approvals.web import entering, fresh, problems, slips, throttle
from approvals.web.access import BY_SINGLE_SIGN_ON, SIGNED_IN_BY

SLIP = "single-sign-on"
TOKEN = "id_token"


@never_cache
@require_safe
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider; with `again`, somebody signed in to prove it once more."""
    if not single_sign_on.is_on():
        return problems.not_found(request, LookupError())
    back, now = entering.way_back(request), clock.now()
    again = isinstance(request.user, Person)
    if again and not request.GET.get("again"):
        return HttpResponseRedirect(back)
    try:
        journey = single_sign_on.begin(again=again)
    except Refusal as refusal:
        return _refused(request, refusal, back)
    answer = HttpResponseRedirect(journey.address)
    facts = {
        "state": journey.state, "nonce": journey.nonce, "verifier": journey.verifier,
        "next": back, "again": again,
    }  # fmt: skip
    slips.give(answer, SLIP, facts, at=now)
    return answer


@never_cache
@require_safe
def back(request: HttpRequest) -> HttpResponse:
    """Take what the provider sent the browser back with, once, from the browser that left."""
    if not single_sign_on.is_on():
        return problems.not_found(request, LookupError())
    now, left = clock.now(), None
    try:
        left = _left(request, at=now)
        answer = _arrived(request, left, at=now)
    except Refusal as refusal:
        answer = _refused(request, refusal, left["next"] if left else entering.HOME)
    slips.take_back(answer, SLIP)
    return answer


def _left(request: HttpRequest, *, at: datetime) -> dict[str, Any]:
    """The slip of the journey this answer belongs to. Raises NotBelieved."""
    said = slips.read(request, SLIP, at=at)
    state = request.GET.get("state", "")
    if said is None or not hmac.compare_digest(str(said["state"]).encode(), state.encode()):
        raise NotBelieved(
            "This answer does not belong to a sign-in that began in this browser within the last "
            "10 minutes. Nobody was signed in. Begin again from this page."
        )
    if not throttle.may_answer(kind=SLIP, address=request.META.get("REMOTE_ADDR", ""), at=at):
        raise NotBelieved(throttle.too_many(at))
    left = slips.spend(request, SLIP, at=at)
    if left is None:
        raise NotBelieved("This answer was used already. Nobody was signed in. Begin again.")
    return left


def _arrived(request: HttpRequest, left: dict[str, Any], *, at: datetime) -> HttpResponse:
    code = request.GET.get("code", "")
    if not code or len(code) > 2_000 or request.GET.get("error"):
        raise NotBelieved(
            f"{single_sign_on.name()} did not let you in. Nobody was signed in. Try again, or ask there."
        )
    single_sign_on.refuse_other_issuer(request.GET.get("iss"))
    given_at = datetime.fromisoformat(left["given_at"])
    proven = single_sign_on.finish(
        code=code,
        nonce=left["nonce"],
        verifier=left["verifier"],
        newer_than=given_at if left["again"] else None,
    )
    person = single_sign_on.whose(proven, at=at)
    if left["again"]:
        return _once_more(request, person, left["next"], proven, at=at)
    # Without a word of when, the provider may have answered from an old session: not fresh then.
    proved_at = proven.proved_at or datetime.fromtimestamp(0, at.tzinfo)
    entering.enter(request, person, by=BY_SINGLE_SIGN_ON, at=at, proved_at=proved_at)
    request.session[TOKEN] = proven.token
    return HttpResponseRedirect(left["next"])


def _once_more(
    request: HttpRequest,
    person: Person,
    way_back: str,
    proven: single_sign_on.Proven,
    *,
    at: datetime,
) -> HttpResponse:
    """Only for whoever is signed in; somebody else's proof changes nothing."""
    if not isinstance(request.user, Person) or request.user.pk != person.pk:
        who = request.user if isinstance(request.user, Person) else "signed out"
        words = f"This proof was {person}'s. You are {who}. Nothing was decided."
        facts = {"title": "Not you", "words": words}
        return render(request, "problem.html", facts, status=403)
    fresh.renew(request, at=min(proven.proved_at or at, clock.now()))
    request.session[SIGNED_IN_BY] = BY_SINGLE_SIGN_ON
    request.session[TOKEN] = proven.token
    return HttpResponseRedirect(way_back)


def _refused(request: HttpRequest, refusal: Refusal, way_back: str) -> HttpResponse:
    if isinstance(request.user, Person):
        facts = {"title": "Not proven", "words": refusal.words}
        return render(request, "problem.html", facts, status=refusal.status)
    return entering.page(request, way_back, problem=refusal.words, status=refusal.status)
