"""The forms that keep a page's address under a name, share it, and forget it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.services import clock, views
from approvals.web.access import signed_in


@require_POST
@signed_in
def save(request: HttpRequest, person: Person, page: str) -> HttpResponse:
    """Keep the address the form was sent from, and show it."""
    try:
        view = views.save(
            person=person,
            page=page,
            name=request.POST.get("name", ""),
            query=request.POST.get("query", ""),
            is_shared=request.POST.get("shared") == "yes",
            at=clock.now(),
        )
    except Refusal as refusal:
        return _refused(request, refusal)
    return HttpResponseRedirect(f"/{view.page}?{view.query}")


@require_POST
@signed_in
def delete(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    try:
        view = views.delete(person=person, number=number)
    except Refusal as refusal:
        return _refused(request, refusal)
    return HttpResponseRedirect(f"/{view.page}?{view.query}")


@require_POST
@signed_in
def share(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    try:
        is_shared = request.POST.get("shared") == "yes"
        view = views.share(person=person, number=number, is_shared=is_shared)
    except Refusal as refusal:
        return _refused(request, refusal)
    return HttpResponseRedirect(f"/{view.page}?{view.query}")


@require_POST
@signed_in
def change(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Rename, and share or keep to oneself: both stand in one form."""
    try:
        view = views.change(
            person=person,
            number=number,
            name=request.POST.get("name", ""),
            is_shared=request.POST.get("shared") == "yes",
        )
    except Refusal as refusal:
        return _refused(request, refusal)
    return HttpResponseRedirect(f"/{view.page}?{view.query}")


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    facts = {"title": "Not saved", "words": refusal.words}
    return render(request, "problem.html", facts, status=refusal.status)
