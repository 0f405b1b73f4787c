"""What people do beside deciding a request: ask somebody by name, give more time, mute their reminders."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.queries import people
from approvals.services import assigning, clock, more_time, muting
from approvals.web import requests
from approvals.web.access import signed_in
from approvals.web.dialogs import ADD_TIME, Typed


@require_POST
@signed_in
def assign(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Ask somebody by name to look at it."""
    chosen = people.somebody(request.POST.get("person", ""))
    if chosen is None:
        words = "Choose somebody from the list. Nobody was asked."
        typed = Typed(key="assign", wrong={"person": words})
        return requests.refused(request, person, ref, errors.Invalid(words), typed)
    try:
        row = assigning.assign(ref=ref, person=chosen, by=person, at=clock.now())
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, Typed(key="assign"))
    return HttpResponseRedirect(f"/r/{row.ref}")


@require_POST
@signed_in
def add_time(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Move the deadline by what the plan has left to give."""
    try:
        row = more_time.add(ref=ref, person=person, at=clock.now())
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, Typed(key=ADD_TIME))
    return HttpResponseRedirect(f"/r/{row.ref}")


@require_POST
@signed_in
def mute(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Remind this person of it no more; with `mute=no`, again."""
    is_wanted = request.POST.get("mute") != "no"
    try:
        if is_wanted:
            row = muting.mute(ref=ref, person=person, at=clock.now())
        else:
            row = muting.unmute(ref=ref, person=person)
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, Typed(key="mute"))
    return HttpResponseRedirect(f"/r/{row.ref}?done={'muted' if is_wanted else 'unmuted'}")
