"""The sign-in page: with e-mail and password, proving it again, staying, and signing out."""

from __future__ import annotations

from django.contrib.auth import authenticate, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.services import clock, single_sign_on
from approvals.services import passkeys as keys
from approvals.services import sign_in as rules
from approvals.web import codes, entering, fresh, throttle
from approvals.web.access import BY_PASSWORD, BY_SINGLE_SIGN_ON, proven_by, signed_in
from approvals.web.forms import SignIn
from approvals.web.single_sign_on import TOKEN

WRONG = "This e-mail and password do not belong together. You are not signed in. Try again."
HIDDEN = (
    "This e-mail and password let nobody in here. You are not signed in. Use {way}; passwords are for "
    "operators in an emergency."
)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The page, and the one try its form makes."""
    back = entering.way_back(request)
    if request.method != "POST":
        if isinstance(request.user, Person):
            return HttpResponseRedirect(back)
        return entering.page(request, back)
    form, now = SignIn(request.POST), clock.now()
    if not form.is_valid():
        return entering.page(request, back, problem=_wrong(), status=422)
    email, password = form.cleaned_data["email"].lower(), form.cleaned_data["password"]
    if not throttle.may_try(email=email, address=request.META.get("REMOTE_ADDR", ""), at=now):
        answer = entering.page(
            request, back, email=email, problem=throttle.too_many(now), status=429
        )
        answer.headers["Retry-After"] = str(throttle.seconds_left(now))
        return answer
    someone = authenticate(request, username=email, password=password)
    if not isinstance(someone, Person) or not rules.may_use_password(someone):
        return entering.page(request, back, email=email, problem=_wrong(), status=422)
    return _after_password(request, someone, back)


def _after_password(request: HttpRequest, person: Person, back: str) -> HttpResponse:
    """In, or on to the second proof."""
    now = clock.now()
    if rules.has_codes(person) or rules.needs_second_factor(person):
        return codes.second_step(request, person, back, at=now)
    if rules.passwords_are_hidden():
        rules.note(person, {"emergency": "password"}, at=now)
    entering.enter(request, person, by=BY_PASSWORD, at=now)
    return HttpResponseRedirect(back)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def again(request: HttpRequest, person: Person) -> HttpResponse:
    """Prove once more who one is: for what asks for a sign-in within the last minutes."""
    back, problem, status = entering.way_back(request), "", 200
    if request.method == "POST":
        try:
            fresh.confirm(request, person, request.POST.get("password", ""), at=clock.now())
            return HttpResponseRedirect(back)
        except Refusal as refusal:
            problem, status = refusal.words, refusal.status
    facts = {
        "next": back,
        "problem": problem,
        "has_single_sign_on": single_sign_on.is_on(),
        "single_sign_on": single_sign_on.name(),
        "has_passkeys": keys.are_possible() and rules.has_passkey(person),
        "asks_password": person.has_usable_password() and rules.may_use_password(person),
    }
    return render(request, "sign_in_again.html", facts, status=status)


@require_POST
@signed_in
def stay(request: HttpRequest, person: Person) -> HttpResponse:
    """Let the session go on; the script asks for this shortly before it ends."""
    del person
    until = entering.stay(request, at=clock.now())
    if until is None:
        return JsonResponse({"ends": None}, status=409)
    return JsonResponse({"ends": until.isoformat()})


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Out here at once; who came by single sign-on goes on to sign out there, where that can be done."""
    came_by_provider = proven_by(request) == BY_SINGLE_SIGN_ON
    token = str(request.session.get(TOKEN, ""))
    logout(request)
    further = single_sign_on.way_out(token=token) if came_by_provider else ""
    if not further:
        return HttpResponseRedirect("/sign-in")
    # A form of ours may not lead to another site, not even by a redirect: the page goes on by itself.
    facts = {"further": further, "single_sign_on": single_sign_on.name()}
    return render(request, "signed_out.html", facts)


def _wrong() -> str:
    return HIDDEN.format(way=single_sign_on.name()) if rules.passwords_are_hidden() else WRONG
