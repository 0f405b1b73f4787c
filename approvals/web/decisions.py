"""The forms of a request, each one call of a service and one way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from approvals import queries
from approvals.domain import denials, errors
from approvals.domain.cards import Card
from approvals.domain.errors import Refusal
from approvals.domain.terms import AskedOf, Verdict
from approvals.models import ApprovalRequest, Person, states
from approvals.services import clock, holding, lifecycle, stopping, suggestions
from approvals.services.clicks import Said
from approvals.web import dialogs, fresh, ladder, requests, verdicts
from approvals.web.access import proven_by, signed_in
from approvals.web.dialogs import Typed
from approvals.web.forms import Decide, Mark, Write

logger = structlog.get_logger(__name__)
BROKEN = "The form was incomplete, so nothing was decided. Read the request again and decide."
CLOSE_CALL = 600  # seconds within which somebody was quicker, rather than long done


@require_POST
@signed_in
@sensitive_post_parameters("password")
def decide(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Approve, deny or ask. The person's rights come first, then what the risk asks of a click."""
    form = Decide(request.POST)
    typed = _typed(request)
    if not form.is_valid():
        words = form.errors.get("comment", [BROKEN])[0]
        return requests.refused(request, person, ref, errors.Invalid(str(words)), typed)
    now = clock.now()
    try:
        said = _said(request, person, ref, form.cleaned_data, at=now)
        row = holding.decide(said, ref=ref, at=now)
        if said.verdict is Verdict.DENY and form.cleaned_data["stop"]:
            stopping.stop(agent=row.agent, person=person, reason=said.comment, at=now)
    except Refusal as refusal:
        spoken = _in_time(refusal, typed.key, at=now)
        return requests.refused(request, person, ref, spoken, _at_its_field(typed, refusal))
    return HttpResponseRedirect(f"/r/{row.ref}")


def _said(
    request: HttpRequest, person: Person, ref: str, sent: Mapping[str, Any], *, at: datetime
) -> Said:
    """What the form says. Raises NotFound, and Invalid where the form lacks what its risk asks for."""
    verdict, comment, proven = Verdict(sent["verdict"]), sent["comment"], proven_by(request)
    row = queries.request(ref)
    state = states.of(row, decisions=row.decisions.all())
    if verdicts.refusal(state, states.approver(person), verdict, now=at) is not None:
        _refuse_under_lock(person, ref, sent, at=at)
    if verdict is Verdict.APPROVE:
        proven = _climb(request, person, row, sent, at=at)
    if verdict is Verdict.DENY:
        comment = _reason(sent)
        if sent["stop"] and not stopping.may_stop(person, row.agent):
            raise errors.NotAllowed("You may not stop this agent. Nothing was decided.")
    return Said(
        person=person,
        verdict=verdict,
        comment=comment,
        version=sent["version"],
        shown=sent["shown"],
        channel="web",
        authenticated_by=proven,
        is_fresh=fresh.is_fresh(request, at=at),
        by_session=True,
        asked_of=_asked_of(verdict, sent),
    )


def _asked_of(verdict: Verdict, sent: Mapping[str, Any]) -> AskedOf:
    is_question = verdict is Verdict.INVESTIGATE
    return AskedOf(sent["asked_of"]) if is_question and sent["asked_of"] else AskedOf.BOTH


def _refuse_under_lock(person: Person, ref: str, sent: Mapping[str, Any], *, at: datetime) -> None:
    """Refuse what was refused at a look, and write it down: unless time or somebody has moved the
    request on since, so that the click could count after all. Then it lacks nothing that one needs."""
    lifecycle.foresee(
        ref=ref,
        person=person,
        verdict=Verdict(sent["verdict"]),
        version=sent["version"],
        channel="web",
        at=at,
    )


def _climb(
    request: HttpRequest,
    person: Person,
    row: ApprovalRequest,
    sent: Mapping[str, Any],
    *,
    at: datetime,
) -> str:
    """What approving at this risk asks for; returns how the person was proven to be themselves."""
    steps = ladder.of(row, person, version=sent["version"])
    ladder.refuse_short(steps, row, _card(row), person, sent)
    if not steps.needs_fresh or (fresh.is_fresh(request, at=at) and not sent["password"]):
        return proven_by(request)
    fresh.confirm(request, person, sent["password"], at=at)
    return fresh.BY_PASSWORD_AGAIN


def _card(row: ApprovalRequest) -> Card:
    """Raises Conflict for what cannot be drawn: nobody can have seen it as it is."""
    try:
        return queries.card(row)
    except Exception:
        logger.exception("a request could not be drawn", request=row.ref)
        raise errors.Conflict(requests.NOT_SAFE) from None


def _reason(sent: Mapping[str, Any]) -> str:
    """The reason of a denial: one of a few, and words of one's own."""
    comment = sent["comment"].strip()
    if not comment:
        raise errors.Invalid(
            "A denial needs a reason; the agent and its owner will see it. Nothing was decided.",
            field="comment",
        )
    if len(comment) < denials.SHORTEST_REASON or comment in dialogs.STARTERS:
        raise errors.Invalid(
            f"Write at least {denials.SHORTEST_REASON} characters of your own, so that the agent's "
            "owner knows what to change. Nothing was decided.",
            field="comment",
        )
    return denials.reason(sent["why"], comment)


def _in_time(refusal: Refusal, verb: str, *, at: datetime) -> Refusal:
    """To whoever came second within minutes, say by how much."""
    facts = refusal.facts
    if not isinstance(refusal, errors.AlreadyDecided) or not facts.get("at"):
        return refusal
    seconds = int((at - datetime.fromisoformat(str(facts["at"]))).total_seconds())
    if not 0 <= seconds < CLOSE_CALL:
        return refusal
    noun = {"approve": "approval", "deny": "denial", "investigate": "question"}.get(verb, "click")
    return errors.AlreadyDecided(
        f"{facts['by']} {facts['status']} this {seconds} s before you. Your {noun} was not counted. "
        f"{refusal.words}",
        **facts,
    )


@require_POST
@signed_in
def undo(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Take one's own decision back while it is held."""
    try:
        row = holding.undo(ref=ref, person=person, at=clock.now())
    except Refusal as refusal:
        return requests.refused(request, person, ref, refusal, Typed(key="undo"))
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


def _typed(request: HttpRequest) -> Typed:
    return Typed(
        key=request.POST.get("verdict", ""),
        text=request.POST.get("comment", "")[:8_000],
        choice=(request.POST.get("why") or request.POST.get("asked_of", ""))[:40],
        stop=bool(request.POST.get("stop")),
    )


def _at_its_field(typed: Typed, refusal: Refusal) -> Typed:
    if not isinstance(refusal, errors.Invalid):
        return typed
    return replace(typed, wrong={str(refusal.facts.get("field", "comment")): refusal.words})
