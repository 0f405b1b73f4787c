"""Sign in with e-mail and password, and sign out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from approvals.models import Person
from approvals.services import clock
from approvals.web import throttle
from approvals.web.forms import SignIn

HOME = "/queue"
WRONG = "This e-mail and password do not belong together. You are not signed in. Try again."


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form, and the one try it makes."""
    way_back = _safe(request, request.POST.get("next") or request.GET.get("next") or HOME)
    if request.method != "POST":
        if isinstance(request.user, Person):
            return HttpResponseRedirect(way_back)
        return _form(request, way_back)
    form = SignIn(request.POST)
    if not form.is_valid():
        return _form(request, way_back, problem=WRONG, status=422)
    email, password = form.cleaned_data["email"].lower(), form.cleaned_data["password"]
    now = clock.now()
    if not throttle.may_try(email=email, address=request.META.get("REMOTE_ADDR", ""), at=now):
        until = throttle.window_ends(now)
        words = (
            f"Too many tries from your address. Wait until {until:%H:%M} UTC, or ask "
            "whoever runs Countersign here. Nobody was signed in."
        )
        answer = _form(request, way_back, email=email, problem=words, status=429)
        answer.headers["Retry-After"] = str(int((until - now).total_seconds()) + 1)
        return answer
    someone = authenticate(request, username=email, password=password)
    if someone is None:
        return _form(request, way_back, email=email, problem=WRONG, status=422)
    login(request, someone)
    return HttpResponseRedirect(way_back)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect("/sign-in")


def _form(
    request: HttpRequest, way_back: str, *, email: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    facts = {"next": way_back, "email": email, "problem": problem}
    return render(request, "sign_in.html", facts, status=status)


def _safe(request: HttpRequest, way_back: str) -> str:
    """Only pages of our own; anything else leads home."""
    is_ours = way_back.startswith("/") and url_has_allowed_host_and_scheme(
        way_back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return way_back if is_ours else HOME
