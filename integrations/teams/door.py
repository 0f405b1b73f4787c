"""Where Teams knocks: nothing passes that Microsoft did not sign for this bot, and no click twice.

A click is written down before it is decided; see kept.py for why.
"""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from approvals.domain.canonical import Malformed
from approvals.domain.errors import Refusal
from approvals.services import clock
from integrations.http import bodies
from integrations.teams import (
    activities,
    answers,
    clicks,
    configuration,
    kept,
    presses,
    rooms,
    tokens,
    whispers,
)
from integrations.teams.activities import Activity
from integrations.teams.answers import Outcome
from integrations.teams.configuration import Configuration
from integrations.teams.tokens import NotFromTeams, Proof

logger = logging.getLogger(__name__)

BODY_LIMIT = 256 * 1024
NOT_WRITTEN = "We could not record this. It changed nothing. Try again or open the request."


class ForeignTenant(Refusal):
    """A conversation of an organisation that this service does not serve."""

    code = "foreign_tenant"
    status = 403


@csrf_exempt  # the token proves more than a cookie would, and Teams has none
def messages(request: HttpRequest) -> HttpResponse:
    """Whatever happens around the bot: `POST /integrations/teams/messages`."""
    if request.method != "POST":
        refused = _refuse(405, "method_not_allowed", "Teams speaks to this address with POST only.")
        refused["Allow"] = "POST"
        return refused
    raw = bodies.raw(request, most=BODY_LIMIT)
    if raw is None:
        return _refuse(413, "too_large", "The body is larger than Teams would send.")
    settings = configuration.current()
    try:
        proof = tokens.read(request.headers.get("Authorization"), configuration=settings)
        activity = activities.read(raw)
        _check(activity, proof, settings)
        return _answer(activity, raw)
    except Refusal as refusal:
        return _refuse(refusal.status, refusal.code, refusal.words)


def _check(activity: Activity, proof: Proof, settings: Configuration) -> None:
    """Hold the activity against the token it came with. Raises NotFromTeams or ForeignTenant."""
    if activity.channel != activities.CHANNEL:
        raise NotFromTeams("This comes from another channel than Teams. Nothing was recorded.")
    if proof.endorsements and activity.channel not in proof.endorsements:
        raise NotFromTeams("The token's key is not meant for Teams. Nothing was recorded.")
    if activity.service_url != proof.service_url:
        raise NotFromTeams("The token was made for another address. Nothing was recorded.")
    if not activity.tenants or not activity.tenants <= set(settings.tenants):
        raise ForeignTenant("This comes from another organisation. Nothing was recorded.")


def _answer(activity: Activity, raw: bytes) -> HttpResponse:
    try:
        if activity.type == activities.INVOKE:
            return JsonResponse(_invoked(activity, raw))
        if activity.type == activities.MESSAGE and activity.value:
            _submitted(activity, raw)
        elif activity.type == activities.MESSAGE or activity.type in activities.PLACES:
            rooms.learn(activity, at=clock.now())
    except DatabaseError:
        logger.exception("teams activity could not be recorded")
        if activity.type == activities.INVOKE:
            return JsonResponse(answers.error(answers.FAULT, NOT_WRITTEN))
        return _refuse(503, "unavailable", "We could not record this.")
    return HttpResponse(status=200)


def _invoked(activity: Activity, raw: bytes) -> answers.Reply:
    """A click on a card, answered in the body."""
    if activity.name != activities.CARD_ACTION:
        return answers.error(answers.BAD, "This bot knows cards only. Nothing was recorded.")
    try:
        outcome = _counted(activity, raw)
    except Malformed as error:
        return answers.error(answers.BAD, error.words)
    return answers.told(outcome)


def _submitted(activity: Activity, raw: bytes) -> None:
    """A click from an older client, which takes no answer: only a refusal is worth a message."""
    whispers.tell(activity, _counted(activity, raw))


def _counted(activity: Activity, raw: bytes) -> Outcome:
    """Raises Malformed."""
    click = presses.read(activity)
    rooms.meet(activity.conversation, [activity.sender])
    found = kept.keep(activity, raw) if click.changes else None
    if found is None:  # a view is asked for, or the same click came before
        return clicks.answer(click, is_new=False)
    return kept.count(found, click)


def _refuse(status: int, code: str, detail: str) -> HttpResponse:
    return JsonResponse({"code": code, "detail": detail}, status=status)
