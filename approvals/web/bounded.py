"""Pages that read much: the database ends it, and a page says so."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from approvals.queries.bounded import SECONDS, LooksAtTooMuch, within
from approvals.web.access import View

TITLE = "Too much to look at"
WORDS = (
    f"Reading what this page shows was stopped after {SECONDS:g} seconds, so that others need not wait. "
    "Nothing is shown, so that a part is not taken for the whole, and nothing was changed. "
    "Choose a shorter span if the page has one, or open it again in a minute."
)


def bounded(view: View) -> View:
    """A page that only reads, within a few seconds; else another that says that it did not."""

    @wraps(view)
    def limited(request: HttpRequest, *given: Any, **named: Any) -> HttpResponse:
        try:
            with within():
                return view(request, *given, **named)
        except LooksAtTooMuch:
            facts = {"title": TITLE, "words": WORDS}
            response = render(request, "problem.html", facts, status=503)
            response.headers["Retry-After"] = "60"
            return response

    return limited
