"""The record's integrity: what the last walk along the chains found, and a button that starts another."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from approvals.domain import errors
from approvals.models import Person
from approvals.services import clock, integrity
from approvals.web.access import signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def integrity_page(request: HttpRequest, person: Person) -> HttpResponse:
    """What is known; a form posted here has every chain walked in the background."""
    refusal = ""
    if request.method == "POST":
        try:
            integrity.ask(person=person, at=clock.now())
            return HttpResponseRedirect("/history/integrity")
        except errors.Refusal as no:
            refusal = no.words
    facts = {
        "section": "history",
        "tab": "integrity",
        "now": clock.now(),
        "chain": integrity.last(),
        "refusal": refusal,
    }
    return render(request, "history_integrity.html", facts, status=429 if refusal else 200)
