"""What the pages below /settings share: their tabs, the refusal on top, and who may do what."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.services import clock, people, roles, showing

TABS = (
    ("channels", "Channels", "/settings"),
    ("messages", "Not delivered", "/settings/messages"),
    ("showing", "What channels see", "/settings/showing"),
    ("webhooks", "Webhooks", "/settings/webhooks"),
    ("you", "You", "/settings/you"),
)
AUDITED = frozenset({"messages", "webhooks"})


def draw(
    request: HttpRequest,
    person: Person,
    template: str,
    facts: dict[str, Any],
    *,
    tab: str,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    """One page of settings. A refusal stands on top, in its own words, with its status."""
    now = clock.now()
    reads_all = people.may_read_audit(person)
    whole = {
        "section": "settings",
        "now": now,
        "tab": tab,
        "tabs": [
            {"key": key, "title": title, "href": href}
            for key, title, href in TABS
            if reads_all or key not in AUDITED
        ],
        "refusal": refusal.words if refusal else "",
        "is_operator": roles.runs_the_place(person),
        "may_show": showing.may_change(person),
        "done": DONE.get(request.GET.get("done", ""), ""),
        **facts,
    }
    answer = render(request, template, whole, status=refusal.status if refusal else status)
    answer.headers["X-Server-Time"] = now.isoformat()
    return answer


# What a form that was carried out says on the page it leads back to.
DONE = {
    "resent": "It is tried again now, from the start.",
    "showing": "Saved. It holds from the next message or edit on.",
    "preferences": "Saved. Every page follows from now on.",
    "keys": "Saved. The keys hold from the next page on.",
    "quiet": "Saved. What has a higher risk than low always comes.",
    "unlinked": "Unlinked. A click of that account counts for nobody now.",
    "revoked": "Revoked. The token opens nothing any more.",
    "signed-out-there": "Signed out there. Pages that were open there end within seconds.",
    "signed-out": "You are signed out everywhere else. Tokens go on counting until you revoke them.",
}


def forbidden(request: HttpRequest, words: str) -> HttpResponse:
    facts = {"title": "Not for your role", "words": words}
    return render(request, "problem.html", facts, status=403)


def not_found(request: HttpRequest, words: str) -> HttpResponse:
    return render(request, "problem.html", {"title": "Not here", "words": words}, status=404)
