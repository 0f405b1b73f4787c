"""The forms of a request, each one call of a service and one way back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from approvals import queries
from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.terms import Verdict
from approvals.models import Person
from approvals.services import clock, lifecycle, suggestions
from approvals.web import dialogs, requests
from approvals.web.access import BY_PASSWORD, signed_in
from approvals.web.dialogs import Typed
from approvals.web.forms import Decide, Mark, Write

BROKEN = "The form was incomplete, so nothing was decided. Read the request again and decide."


@require_POST
@signed_in
def decide(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Approve, deny or ask."""
    form = Decide(request.POST)
    typed = Typed(key=request.POST.get("verdict", ""), text=request.POST.get("comment", "")[:8_000])
    if not form.is_valid():
        words = form.errors.get("comment", [BROKEN])[0]
        return requests.refused(request, person, ref, errors.Invalid(str(words)), typed)
    said = form.cleaned_data
    verdict = Verdict(said["verdict"])
    try:
        if verdict is Verdict.APPROVE:
            _refuse_unconfirmed(ref, said["confirm"])
        row = lifecycle.decide(
            ref=ref,
            person=person,
            verdict=verdict,
            comment=said["comment"],
            version=said["version"],
            shown=said["shown"],
            channel="web",
            authenticated_by=BY_PASSWORD,
            at=clock.now(),
        )
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, _at_its_field(typed, refusal))
    return HttpResponseRedirect(f"/r/{row.ref}")


@require_POST
@signed_in
def message(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Add to the thread, and let the clock run again if asked to."""
    form = Write(request.POST)
    typed = Typed(key="message", text=request.POST.get("text", "")[:8_000])
    if not form.is_valid():
        refusal: Refusal = errors.Invalid(
            "The message is empty or too long. Nothing was sent.", field="text"
        )
        return requests.refused(request, person, ref, refusal, _at_its_field(typed, refusal))
    said = form.cleaned_data
    try:
        row = lifecycle.add_message(
            ref=ref, text=said["text"], person=person, go_on=said["go_on"], at=clock.now()
        )
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, _at_its_field(typed, refusal))
    return HttpResponseRedirect(f"/r/{row.ref}")


@require_POST
@signed_in
def cancel(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The agent's owner withdraws the request."""
    try:
        row = lifecycle.cancel(ref=ref, person=person, at=clock.now())
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, Typed(key="cancel"))
    return HttpResponseRedirect(f"/r/{row.ref}")


@require_POST
@signed_in
def revoke(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Take an approval back before it is used."""
    try:
        row = lifecycle.revoke(ref=ref, person=person, at=clock.now())
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, Typed(key="revoke"))
    return HttpResponseRedirect(f"/r/{row.ref}")


@require_POST
@signed_in
def mark(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Say whether a suggestion made in shadow mode was right."""
    form = Mark(request.POST)
    typed = Typed(key="mark", text=request.POST.get("comment", "")[:8_000])
    if not form.is_valid():
        refusal: Refusal = errors.Invalid(
            "Press Right or Wrong, with a comment of at most 4,000 characters. Nothing was marked."
        )
        return requests.refused(request, person, ref, refusal, typed)
    said = form.cleaned_data
    try:
        suggestions.mark(
            ref=ref,
            person=person,
            is_right=said["mark"] == "right",
            comment=said["comment"],
            at=clock.now(),
        )
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, typed)
    return HttpResponseRedirect(f"/r/{ref}")


def _refuse_unconfirmed(ref: str, typed: str) -> None:
    """A critical request is approved only by somebody who looked at its target."""
    wanted = dialogs.confirmation(queries.request(ref))
    if typed.strip() != wanted and wanted:
        raise errors.Invalid(
            f"Type “{wanted}” exactly as the target ends. Nothing was approved.", field="confirm"
        )


def _at_its_field(typed: Typed, refusal: Refusal) -> Typed:
    if not isinstance(refusal, errors.Invalid):
        return typed
    if refusal.facts.get("field") == "confirm":
        return Typed(key=typed.key, text=typed.text, confirm_error=refusal.words)
    return Typed(key=typed.key, text=typed.text, error=refusal.words)
