"""Around every page: its reader's preferences and absence, and the form that changes the former."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.queries.shell import around
from approvals.services import clock, preferences
from approvals.web.access import signed_in


@dataclass(frozen=True, slots=True)
class Shell:
    """What `base.html` needs of its reader."""

    prefers: dict[str, str]
    away_until: datetime | None
    absence: int


def shell(request: HttpRequest) -> dict[str, Any]:
    """For templates: `shell`, asked for only by pages that stand in the shell."""
    return {"shell": SimpleLazyObject(lambda: _shell(request))}


def _shell(request: HttpRequest) -> Shell:
    if not isinstance(request.user, Person):
        return Shell(preferences.complete({}), None, 0)
    found = around(request.user)
    return Shell(preferences.complete(found.chosen), found.away_until, found.absence)


@require_POST
@signed_in
def prefer(request: HttpRequest, person: Person) -> HttpResponse:
    """Change the preferences a form names, and go back to where it was sent from."""
    chosen = {name: request.POST[name] for name in preferences.CHOICES if name in request.POST}
    try:
        preferences.change(person=person, at=clock.now(), chosen=chosen)
    except Refusal as refusal:
        facts = {"title": "Not changed", "words": refusal.words}
        return render(request, "problem.html", facts, status=422)
    if request.headers.get("X-Live"):
        return HttpResponse(status=204)
    return HttpResponseRedirect(_back(request))


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_ours and wanted.startswith("/") else "/queue"
