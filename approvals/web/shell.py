"""Around every page: its reader's preferences and absence, and the form that changes the former."""

from __future__ import annotations

import json
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
from approvals.services import clock, preferences, shortcuts
from approvals.services.shortcuts import SHORTCUTS
from approvals.web.access import signed_in


@dataclass(frozen=True, slots=True)
class Shell:
    """What `base.html` needs of its reader."""

    prefers: dict[str, str]
    away_until: datetime | None
    absence: int
    key_of: dict[str, str]

    @property
    def keys(self) -> list[dict[str, str]]:
        """Every shortcut but the one that a second key follows: the person's own key, and what it does."""
        return [
            {"name": name, "own": self.key_of[name], "words": words}
            for name, (_, words) in SHORTCUTS.items()
            if name != "go"
        ]

    @property
    def keys_told(self) -> str:
        """The same for the page's script."""
        return json.dumps(self.key_of, ensure_ascii=False)


def shell(request: HttpRequest) -> dict[str, Any]:
    """For templates: `shell`, asked for only by pages that stand in the shell."""
    return {"shell": SimpleLazyObject(lambda: _shell(request))}


def _shell(request: HttpRequest) -> Shell:
    if not isinstance(request.user, Person):
        return Shell(preferences.complete({}), None, 0, shortcuts.of({}))
    found = around(request.user)
    chosen = found.chosen
    prefers, keys = preferences.complete(chosen), shortcuts.of(chosen)
    return Shell(prefers, found.away_until, found.absence, keys)


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
