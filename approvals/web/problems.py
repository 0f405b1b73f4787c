"""Pages for what has no page: an unknown address, a form that cannot be trusted, a fault of ours."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

UNKNOWN = "There is no page at this address. Nothing was changed."
UNTRUSTED = (
    "The form came without the token this page gave it, so nothing was counted. The page may have been open "
    "since before you signed in, or another site sent it. Open the request again and decide there."
)
FAULT = (
    "Something went wrong here, and it is not your fault. What was recorded before stays recorded; "
    "look at the request to see whether your click counted. The log has the details."
)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    del exception
    return _page(request, "Not here", UNKNOWN, status=404)


def untrusted(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django calls this when the token against forged forms is missing or old."""
    del reason
    return _page(request, "Not counted", UNTRUSTED, status=403)


def fault(request: HttpRequest) -> HttpResponse:
    return _page(request, "Our mistake", FAULT, status=500)


def _page(request: HttpRequest, title: str, words: str, *, status: int) -> HttpResponse:
    return render(request, "problem.html", {"title": title, "words": words}, status=status)
