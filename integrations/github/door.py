"""Where GitHub knocks: nothing passes that GitHub did not sign, and nothing counts twice.

GitHub repeats nothing by itself: what could not be done is answered with 429 or 503, and reconciling
asks for it again. What was done is remembered after it was done, so that a crash in between loses
nothing; the rules of a request answer a repetition with "already".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from approvals.domain import canonical
from approvals.domain.canonical import Malformed
from approvals.domain.errors import Refusal
from approvals.services import asking as services_asking
from approvals.services import clock, looking, policies, replays
from approvals.services.attention import AttentionBudgetExceeded
from integrations import inbound
from integrations.github import asking, configuration, deciding, payloads
from integrations.github.configuration import Configuration
from integrations.github.deciding import NOTHING, Outcome
from integrations.github.places import Repository
from integrations.http import bodies

logger = logging.getLogger(__name__)

PROVIDER = "github"
BODY_LIMIT = 1024 * 1024
SIGNATURE = "X-Hub-Signature-256"
EVENT, DELIVERY = "X-GitHub-Event", "X-GitHub-Delivery"
LOOKED_AT = frozenset({"opened", "reopened", "synchronize", "ready_for_review", "edited", "closed"})
Act = Callable[[object, Configuration], Outcome]


@csrf_exempt  # the signature proves more than a cookie would, and GitHub has none
def webhook(request: HttpRequest) -> HttpResponse:
    """Everything the app is told: `POST /integrations/github/webhook`."""
    if request.method != "POST":
        refused = _refuse(
            405, "method_not_allowed", "GitHub speaks to this address with POST only."
        )
        refused["Allow"] = "POST"
        return refused
    raw = bodies.raw(request, most=BODY_LIMIT)
    if raw is None:
        return _refuse(413, "too_large", "The body is larger than is read here.")
    settings = configuration.current()
    signature = request.headers.get(SIGNATURE)
    if not inbound.github_signature_is_valid(
        secrets=settings.webhook_secrets, signature=signature, body=raw
    ):
        return _refuse(401, "bad_signature", "The signature is missing or wrong.")
    try:
        return _answer(request, raw, settings)
    except REFUSED as refusal:
        return _refuse(refusal.status, refusal.code, refusal.words)
    except AttentionBudgetExceeded as refusal:
        busy = _refuse(429, refusal.code, refusal.words)
        busy["Retry-After"] = str(refusal.facts.get("retry_after", 60))
        return busy
    except (DatabaseError, policies.NoPolicy, services_asking.InFlight):
        logger.exception("github webhook was not recorded")
        return _refuse(503, "unavailable", "This could not be recorded just now.")


class NotAdmitted(Refusal):
    """The installation is not one of those that may ask here."""

    code = "other_installation"
    status = 403


REFUSED = (Malformed, asking.NoAgent, asking.OtherAddress, deciding.NotYet, NotAdmitted)


def _answer(request: HttpRequest, raw: bytes, settings: Configuration) -> HttpResponse:
    """Do what the event asks for, once. The name of an event and the id of a delivery are not signed:
    a body is read as what it must hold, and known by its own digest as well."""
    act = ACTS.get(request.headers.get(EVENT, ""))
    if act is None:
        return _told(NOTHING)
    delivery = request.headers.get(DELIVERY, "")[:200]
    keys = [_key("body", raw)] + ([_key("delivery", delivery.encode())] if delivery else [])
    if any(replays.is_known(provider=PROVIDER, key=key) for key in keys):
        return _told(Outcome(False, "This was heard before."))
    outcome = act(canonical.loads(raw), settings)
    if outcome is not NOTHING:
        for key in keys:
            replays.first_time(provider=PROVIDER, key=key, at=clock.now())
    return _told(outcome)


def _waiting(body: object, settings: Configuration) -> Outcome:
    if payloads.action(body) != "requested":
        return NOTHING
    waiting = payloads.waiting(body)
    _admit(waiting.repository, settings)
    try:
        row = asking.deployment(waiting, settings, at=clock.now())
    except services_asking.KeyReused:
        return Outcome(False, "This deployment was asked about before, in other words.")
    return Outcome(True, f"Asked as {row.ref}.")


def _check_run(body: object, settings: Configuration) -> Outcome:
    if payloads.action(body) != "requested_action":
        return NOTHING
    pressed = payloads.pressed(body)
    _admit(pressed.repository, settings)
    return deciding.press(pressed, settings)


def _review(body: object, settings: Configuration) -> Outcome:
    act = payloads.action(body)
    if act not in {"submitted", "dismissed"}:
        return NOTHING
    review = payloads.review(body)
    _admit(review.repository, settings)
    if act == "dismissed":
        return deciding.dismissed(review, settings)
    return deciding.review(review, settings, authenticated_by=deciding.BY_SIGNATURE)


def _pull_request(body: object, settings: Configuration) -> Outcome:
    """Only a nudge: what there is to ask is read from GitHub itself."""
    if payloads.action(body) in LOOKED_AT and settings.policy_repository:
        looking.soon(PROVIDER, at=clock.now())
    return NOTHING


ACTS: Mapping[str, Act] = {
    "deployment_protection_rule": _waiting,
    "check_run": _check_run,
    "pull_request": _pull_request,
    "pull_request_review": _review,
}


def _admit(repository: Repository, settings: Configuration) -> None:
    if settings.installations and repository.installation not in settings.installations:
        raise NotAdmitted("This installation of the app may not ask here.")


def _key(kind: str, signed: bytes) -> str:
    return inbound.replay_key(PROVIDER, kind.encode() + b"\0" + signed)


def _told(outcome: Outcome) -> HttpResponse:
    """GitHub shows nobody what stands here; it is for whoever reads the list of deliveries."""
    words = outcome.words or "Nothing here concerns us."
    return JsonResponse({"counted": outcome.counted, "detail": words}, status=202)


def _refuse(status: int, code: str, words: str) -> HttpResponse:
    return JsonResponse({"code": code, "detail": f"{words} Nothing was recorded."}, status=status)
