"""A form that counts only soon after signing in: held back with all that was typed, until its sender
has proved once more who they are."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.services import clock, passkeys, single_sign_on
from approvals.services import sign_in as rules
from approvals.web import fresh
from approvals.web.access import View, signed_in

PROVEN = "/proven"
UNSENT = frozenset({"csrfmiddlewaretoken", "password"})
NOT_YET = "You have not proved it yet."
NO_PASSWORD = "A password does not count for you here. Prove it another way."


class NotFresh(Exception):
    """No refusal, since nothing is lost: the form comes back by itself once its sender proved it."""


def wanted(request: HttpRequest) -> None:
    """Raise NotFresh unless the sender signed in a moment ago. For views that `holds_back` guards."""
    if not fresh.is_fresh(request, at=clock.now()):
        raise NotFresh


def holds_back(view: View) -> View:
    """Take a password sent along as the proof; where the view wants a fresh sign-in, ask for one on a
    page that carries every field on. Goes below `signed_in`."""

    @wraps(view)
    @sensitive_post_parameters("password")
    def guarded(request: HttpRequest, person: Person, **named: Any) -> HttpResponse:
        try:
            if request.method == "POST" and request.POST.get("password"):
                _confirm(request, person)
            return view(request, person, **named)
        except NotFresh:
            words = NOT_YET if "password" in request.POST else ""
            return _ask(request, person, problem=words, status=403)
        except NotConfirmed as refused:
            return _ask(request, person, problem=str(refused), status=422)

    return guarded


class NotConfirmed(Exception):
    """The password was not theirs, or does not count; says so in words."""


def _confirm(request: HttpRequest, person: Person) -> None:
    if not rules.may_use_password(person):
        raise NotConfirmed(NO_PASSWORD)
    try:
        fresh.confirm(request, person, request.POST["password"], at=clock.now())
    except Refusal as refusal:
        raise NotConfirmed(refusal.words.replace(fresh.NOTHING, "").strip()) from None


def _ask(request: HttpRequest, person: Person, *, problem: str, status: int) -> HttpResponse:
    facts = {
        "action": request.get_full_path(),
        "sent": [
            (name, text)
            for name, texts in request.POST.lists()
            if name not in UNSENT
            for text in texts
        ],
        "problem": problem,
        "proven": PROVEN,
        "asks_password": person.has_usable_password() and rules.may_use_password(person),
        "has_other_ways": single_sign_on.is_on()
        or (passkeys.are_possible() and rules.has_passkey(person)),
    }
    return render(request, "sign_in_first.html", facts, status=status)


@require_safe
@signed_in
def proven(request: HttpRequest, person: Person) -> HttpResponse:
    """Where a proof given in another tab ends."""
    del person
    title = "It is you"
    words = "Close this tab, go back to the one that waits, and press Go on within 5 minutes."
    if not fresh.is_fresh(request, at=clock.now()):
        title = "Not proved"
        words = "This page is where a proof ends, and none was given in the last 5 minutes."
    return render(request, "problem.html", {"title": title, "words": words})
