"""Where every way of signing in ends: a session that says how, how fresh, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from approvals.models import Person
from approvals.services import passkeys as keys
from approvals.services import sign_in, single_sign_on
from approvals.web import browsers, fresh
from approvals.web.access import SIGNED_IN_BY

HOME = "/queue"
LONGEST_WAY_BACK = 1_500  # it travels in cookies
BACKEND = "django.contrib.auth.backends.ModelBackend"
BEGAN_AT = "began_at"
BROWSER, ADDRESS = "browser", "address"
LONGEST_ADDRESS = 45  # of IPv6
LASTS = timedelta(hours=12)
LASTS_AT_MOST = timedelta(hours=24)


def enter(
    request: HttpRequest,
    person: Person,
    *,
    by: str,
    at: datetime,
    proved_at: datetime | None = None,
) -> None:
    """Sign somebody in under a new session key. `proved_at` is when they really proved themselves,
    where that is not now."""
    login(request, person, backend=BACKEND)
    request.session[SIGNED_IN_BY] = by
    request.session[BEGAN_AT] = at.isoformat()
    request.session[BROWSER] = browsers.words(request)
    request.session[ADDRESS] = request.META.get("REMOTE_ADDR", "")[:LONGEST_ADDRESS]
    request.session.set_expiry(at + LASTS)
    fresh.renew(request, at=min(proved_at or at, at))


def stay(request: HttpRequest, *, at: datetime) -> datetime | None:
    """Twelve more hours, and a day in all; when it ends now, or None where nothing is left to add."""
    began = datetime.fromisoformat(request.session.setdefault(BEGAN_AT, at.isoformat()))
    until = min(at + LASTS, began + LASTS_AT_MOST)
    if until - at < timedelta(minutes=1):
        return None
    request.session.set_expiry(until)
    return until


def way_back(request: HttpRequest) -> str:
    """Where a form or address says to go afterwards: pages of our own only, anything else leads home."""
    wanted = request.POST.get("next") or request.GET.get("next") or HOME
    return safe(request, wanted)


def safe(request: HttpRequest, wanted: str) -> str:
    is_ours = (
        wanted.startswith("/")
        and wanted.isprintable()
        and len(wanted) <= LONGEST_WAY_BACK
        and url_has_allowed_host_and_scheme(
            wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
    )
    return wanted if is_ours and not wanted.startswith("/sign-") else HOME


def page(
    request: HttpRequest, back: str, *, email: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    """The sign-in page, with the ways that are open here. It says nothing about where one wants to go."""
    is_hidden = sign_in.passwords_are_hidden()
    asks_password = not is_hidden or request.GET.get("with") == "password" or bool(email)
    facts = {
        "next": back,
        "email": email,
        "problem": problem,
        "has_single_sign_on": single_sign_on.is_on(),
        "single_sign_on": single_sign_on.name(),
        "has_passkeys": not is_hidden and keys.are_possible(),
        "asks_password": asks_password,
        "is_emergency": is_hidden and asks_password,
    }
    return render(request, "sign_in.html", facts, status=status)


def to(address: str) -> HttpResponse:
    return HttpResponseRedirect(address)
