"""Passkeys: what the browser is asked, what it answers, and the list in Settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from approvals.domain.errors import Refusal
from approvals.models import OneTimeSecret, Passkey, Person
from approvals.services import clock
from approvals.services import passkeys as keys
from approvals.services import sign_in as rules
from approvals.web import entering, fresh, settings_frame, slips, throttle
from approvals.web.access import BY_PASSKEY, SIGNED_IN_BY, signed_in

TO_PROVE, TO_REGISTER = "passkey-proof", "passkey-new"
HERE = "/settings/you"
AGAIN = f"/sign-in/again?next={HERE}"
TOO_LATE = (
    "This took longer than 10 minutes, or was answered already. Nobody was signed in. Try again."
)


@never_cache
@require_POST
def ask_to_prove(request: HttpRequest) -> HttpResponse:
    """What `navigator.credentials.get` wants to know."""
    if not keys.are_possible():
        return JsonResponse({"words": "Passkeys need a name and TLS here."}, status=404)
    asked = keys.ask_to_prove(request.user if isinstance(request.user, Person) else None)
    answer = JsonResponse(asked.options)
    slips.give(answer, TO_PROVE, {"challenge": asked.challenge}, at=clock.now())
    return answer


@never_cache
@require_POST
def prove(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey; somebody signed in proves once more who they are."""
    back, now = entering.way_back(request), clock.now()
    known = request.user if isinstance(request.user, Person) else None
    if known is None and rules.passwords_are_hidden():
        return _refused(
            request, "Passkeys alone let nobody in here. Nobody was signed in.", back, 403
        )
    if not throttle.may_answer(kind=TO_PROVE, address=request.META.get("REMOTE_ADDR", ""), at=now):
        return _refused(request, throttle.too_many(now), back, 429)
    slip = slips.spend(request, TO_PROVE, at=now)
    if slip is None:
        return _refused(request, TOO_LATE, back, 422)
    try:
        person = keys.prove(
            answer=request.POST.get("answer", ""), challenge=slip["challenge"], person=known, at=now
        )
    except Refusal as refusal:
        return _refused(request, refusal.words, back, refusal.status)
    if known is None:
        entering.enter(request, person, by=BY_PASSKEY, at=now)
    else:
        fresh.renew(request, at=now)
        request.session[SIGNED_IN_BY] = BY_PASSKEY
    answer = HttpResponseRedirect(back)
    slips.take_back(answer, TO_PROVE)
    return answer


@never_cache
@require_POST
@signed_in
def ask_to_register(request: HttpRequest, person: Person) -> HttpResponse:
    """What `navigator.credentials.create` wants to know; only for a fresh sign-in."""
    now = clock.now()
    if not fresh.is_fresh(request, at=now):
        return JsonResponse({"again": AGAIN}, status=403)
    asked = keys.ask_to_register(person)
    answer = JsonResponse(asked.options)
    slips.give(answer, TO_REGISTER, {"challenge": asked.challenge, "for": person.pk}, at=now)
    return answer


@require_POST
@signed_in
def register(request: HttpRequest, person: Person) -> HttpResponse:
    """Keep the passkey the browser made."""
    now = clock.now()
    if not fresh.is_fresh(request, at=now):
        return HttpResponseRedirect(AGAIN)
    slip = slips.spend(request, TO_REGISTER, at=now)
    if slip is None or slip["for"] != person.pk:
        return _problem(request, "Not added", TOO_LATE, 422)
    try:
        keys.register(
            person=person,
            answer=request.POST.get("answer", ""),
            challenge=slip["challenge"],
            name=request.POST.get("name", ""),
            at=now,
        )
    except Refusal as refusal:
        return _problem(request, "Not added", refusal.words, refusal.status)
    answer = HttpResponseRedirect(f"{HERE}?done=proofs#proofs")
    slips.take_back(answer, TO_REGISTER)
    return answer


@require_POST
@signed_in
def rename(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    try:
        keys.rename(person=person, number=number, name=request.POST.get("name", ""), at=clock.now())
    except Refusal as refusal:
        return _problem(request, "Not renamed", refusal.words, refusal.status)
    return HttpResponseRedirect(f"{HERE}?done=proofs#proofs")


@require_POST
@signed_in
def remove(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    now = clock.now()
    if not fresh.is_fresh(request, at=now):
        return HttpResponseRedirect(AGAIN)
    try:
        keys.remove(person=person, number=number, at=now)
    except Refusal as refusal:
        return _problem(request, "Not removed", refusal.words, refusal.status)
    return HttpResponseRedirect(f"{HERE}?done=proofs#proofs")


def proofs(person: Person) -> dict[str, Any]:
    """For the page of what is yours: passkeys and codes, and what is asked of this person."""
    codes = OneTimeSecret.objects.filter(person=person, confirmed_at__isnull=False).first()
    return {
        "passkeys": list(Passkey.objects.filter(person=person).order_by("pk")),
        "most": keys.MOST,
        "are_possible": keys.are_possible(),
        "domain": keys.domain(),
        "codes": codes,
        "recovery_left": len(codes.recovery_digests) if codes else 0,
        "has_password": person.has_usable_password() and rules.may_use_password(person),
        "is_required": rules.needs_second_factor(person),
    }


def _refused(request: HttpRequest, words: str, back: str, status: int) -> HttpResponse:
    if isinstance(request.user, Person):
        return _problem(request, "Not proven", words, status)
    return entering.page(request, back, problem=words, status=status)


def _problem(request: HttpRequest, title: str, words: str, status: int) -> HttpResponse:
    return render(request, "problem.html", {"title": title, "words": words}, status=status)


settings_frame.DONE["proofs"] = "Saved. It holds from the next sign-in on."
