"""The second step after a password: a one-time code, or setting codes up where they are required."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import segno
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.models import OneTimeSecret, Person
from approvals.services import clock, one_time_codes
from approvals.services import sign_in as rules
from approvals.web import entering, fresh, slips, throttle
from approvals.web.access import BY_PASSWORD_AND_CODE, signed_in
from approvals.web.settings_frame import draw

SLIP = "second-step"
ASK, ENROL = "/sign-in/code", "/sign-in/codes"
SETTINGS = "/settings/you/codes"
LONGEST_CODE = 40
TOO_LATE = (
    "That took longer than 10 minutes, or was finished already. Begin again; nobody was signed in."
)
USE_PASSKEY = (
    "A password alone is not enough here, and you have a passkey. Use it; nobody was signed in."
)


def second_step(request: HttpRequest, person: Person, back: str, *, at: datetime) -> HttpResponse:
    """Where to go with the right password: to type a code, or to set codes up."""
    has_codes = rules.has_codes(person)
    if not has_codes and rules.has_passkey(person):
        # Else whoever stole a password could set up codes of their own beside the passkey.
        return entering.page(request, back, problem=USE_PASSKEY, status=403)
    answer = HttpResponseRedirect(ASK if has_codes else ENROL)
    facts = {"person": person.pk, "mark": person.get_session_auth_hash(), "next": back}
    slips.give(answer, SLIP, facts, at=at)
    return answer


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Type the code; a right one signs in."""
    now = clock.now()
    half = _half(request, at=now)
    if half is None:
        return entering.page(request, entering.HOME, problem=TOO_LATE, status=422)
    person, back = half
    if request.method != "POST":
        return render(request, "sign_in_code.html", {"next": back})
    try:
        one_time_codes.check(person=person, code=_typed(request, person, at=now), at=now)
    except Refusal as refusal:
        facts = {"next": back, "problem": refusal.words}
        return render(request, "sign_in_code.html", facts, status=refusal.status)
    return _in(request, person, HttpResponseRedirect(back), at=now)


@never_cache
@sensitive_post_parameters("code")
@sensitive_variables("raw")
@require_http_methods(["GET", "HEAD", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """Set codes up before the first sign-in that needs them; the first right one signs in."""
    now = clock.now()
    half = _half(request, at=now)
    if half is None or rules.has_codes(half[0]):
        return entering.page(request, entering.HOME, problem=TOO_LATE, status=422)
    person, back = half
    row = one_time_codes.begin(person=person, at=now)
    if request.method != "POST":
        return render(request, "sign_in_codes.html", _secret(row))
    try:
        code = _typed(request, person, at=now)
        raw = one_time_codes.confirm(person=person, code=code, at=now)
    except Refusal as refusal:
        facts = _secret(row) | {"problem": refusal.words}
        return render(request, "sign_in_codes.html", facts, status=refusal.status)
    answer = render(request, "sign_in_codes.html", {"raw": raw, "next": back})
    return _in(request, person, answer, at=now)


@never_cache
@sensitive_post_parameters("code")
@sensitive_variables("raw")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def set_up(request: HttpRequest, person: Person) -> HttpResponse:
    """The same from Settings, for somebody signed in a moment ago."""
    now = clock.now()
    if not fresh.is_fresh(request, at=now):
        return HttpResponseRedirect(f"/sign-in/again?next={SETTINGS}")
    try:
        row = one_time_codes.begin(person=person, at=now)
    except Refusal:
        return HttpResponseRedirect("/settings/you#proofs")
    if request.method != "POST":
        return draw(request, person, "settings_codes.html", _secret(row), tab="you")
    try:
        code = _typed(request, person, at=now)
        raw = one_time_codes.confirm(person=person, code=code, at=now)
    except Refusal as refusal:
        return draw(
            request, person, "settings_codes.html", _secret(row), tab="you", refusal=refusal
        )
    return draw(request, person, "settings_codes.html", {"codes": raw}, tab="you")


@require_POST
@signed_in
@sensitive_variables("raw")
def renew(request: HttpRequest, person: Person) -> HttpResponse:
    """Ten new recovery codes, shown on this answer and never again."""
    now = clock.now()
    if not fresh.is_fresh(request, at=now):
        return HttpResponseRedirect("/sign-in/again?next=/settings/you")
    try:
        raw = one_time_codes.renew(person=person, at=now)
    except Refusal as refusal:
        return draw(request, person, "settings_codes.html", {}, tab="you", refusal=refusal)
    return draw(request, person, "settings_codes.html", {"codes": raw}, tab="you")


@require_POST
@signed_in
def remove(request: HttpRequest, person: Person) -> HttpResponse:
    now = clock.now()
    if not fresh.is_fresh(request, at=now):
        return HttpResponseRedirect("/sign-in/again?next=/settings/you")
    try:
        one_time_codes.remove(person=person, at=now)
    except Refusal as refusal:
        return draw(request, person, "settings_codes.html", {}, tab="you", refusal=refusal)
    return HttpResponseRedirect("/settings/you?done=proofs#proofs")


def _half(request: HttpRequest, *, at: datetime) -> tuple[Person, str] | None:
    """Who gave the right password in this browser a moment ago, and where they want to go."""
    said = slips.read(request, SLIP, at=at)
    if said is None:
        return None
    person = Person.objects.filter(pk=said["person"], is_active=True).first()
    # A password changed meanwhile takes the half step back.
    if person is None or person.get_session_auth_hash() != said["mark"]:
        return None
    return person, str(said["next"])


def _typed(request: HttpRequest, person: Person, *, at: datetime) -> str:
    """The code in the form, if it may be tried. Raises TooMany."""
    if not throttle.may_try_code(number=person.pk, at=at):
        raise errors.TooMany(throttle.too_many(at), retry_after=throttle.seconds_left(at))
    return request.POST.get("code", "")[:LONGEST_CODE]


def _in(
    request: HttpRequest, person: Person, answer: HttpResponse, *, at: datetime
) -> HttpResponse:
    """The half step is spent, and the session begins."""
    if slips.spend(request, SLIP, at=at) is None:
        return entering.page(request, entering.HOME, problem=TOO_LATE, status=422)
    if rules.passwords_are_hidden():
        rules.note(person, {"emergency": "password and code"}, at=at)
    entering.enter(request, person, by=BY_PASSWORD_AND_CODE, at=at)
    slips.take_back(answer, SLIP)
    return answer


def _secret(row: OneTimeSecret) -> dict[str, Any]:
    """What an app needs: as a picture, as a link, and as letters to type."""
    address, letters = one_time_codes.address(row), one_time_codes.letters(row)
    return {
        "picture": segno.make(address, error="m").svg_data_uri(scale=5, border=3, light="#fff"),
        "address": address,
        "letters": " ".join(letters[at : at + 4] for at in range(0, len(letters), 4)),
    }
