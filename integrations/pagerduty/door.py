"""Where PagerDuty knocks: incident actions under a shared secret, webhooks v3 under a signature.

PagerDuty tries again for two days while it is answered with a 5xx, and switches a webhook off after
three 4xx in a row. So what it should repeat gets a 503, and what does not concern us a plain 200.
What was done is remembered after it was done: a crash in between repeats a press, which the rules of
a request answer with "already", and never loses one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import partial

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from approvals.domain import canonical
from approvals.domain.canonical import Malformed
from approvals.domain.terms import Verdict
from approvals.ports import DeliveryError
from approvals.services import clock, replays
from integrations import inbound
from integrations.http import bodies
from integrations.pagerduty import configuration, deciding, payloads, watching
from integrations.pagerduty.configuration import Configuration
from integrations.pagerduty.deciding import Act, Outcome

logger = logging.getLogger(__name__)

PROVIDER = "pagerduty"
BODY_LIMIT = 256 * 1024
SECRET = "X-Countersign-Secret"
SIGNATURE = "X-PagerDuty-Signature"
WEBHOOK_ID = "X-Webhook-Id"
Answer = Callable[[HttpRequest, bytes, Configuration], HttpResponse]


@csrf_exempt  # the secret proves more than a cookie would, and PagerDuty has none
def action(request: HttpRequest, verdict: str) -> HttpResponse:
    """A press of an incident action: `POST /integrations/pagerduty/action/{verdict}`."""

    def answer(request: HttpRequest, raw: bytes, settings: Configuration) -> HttpResponse:
        if not _has_secret(request, settings):
            return _refuse(401, "bad_secret", f"The header {SECRET} is missing or wrong.")
        if verdict not in set(Verdict):
            return _refuse(404, "not_found", "There is no such action.")
        found = payloads.presses(canonical.loads(raw))
        acts = [Act(pressed, Verdict(verdict), deciding.BY_SECRET) for pressed in found]
        return _once(
            request,
            raw,
            [(act.pressed.id, partial(watching.pressed, act, settings)) for act in acts],
        )

    return _opened(request, answer)


@csrf_exempt  # the signature proves more than a cookie would, and PagerDuty has none
def webhook(request: HttpRequest) -> HttpResponse:
    """An event of a webhook subscription: `POST /integrations/pagerduty/webhook`."""

    def answer(request: HttpRequest, raw: bytes, settings: Configuration) -> HttpResponse:
        if not _is_signed(request, raw, settings):
            return _refuse(401, "bad_signature", "The signature is missing or wrong.")
        if not payloads.concerns_us(raw):
            return _told([])
        found = payloads.event(canonical.loads(raw))
        return _once(request, raw, [(found.by.id, partial(watching.heard, found, settings))])

    return _opened(request, answer)


def _opened(request: HttpRequest, answer: Answer) -> HttpResponse:
    """Let a POST of bounded size in, and turn every way the rest can fail into an answer."""
    if request.method != "POST":
        refused = _refuse(
            405, "method_not_allowed", "PagerDuty speaks to this address with POST only."
        )
        refused["Allow"] = "POST"
        return refused
    raw = bodies.raw(request, most=BODY_LIMIT)
    if raw is None:
        return _refuse(413, "too_large", "The body is larger than PagerDuty would send.")
    try:
        return answer(request, raw, configuration.current())
    except Malformed as error:
        return _refuse(400, error.code, error.words)
    except (DatabaseError, DeliveryError) as error:
        logger.warning("pagerduty is asked to try again", extra={"error": str(error)[:200]})
        refused = _refuse(503, "unavailable", "This could not be looked into just now.")
        refused["Retry-After"] = "30"
        return refused


def _once(
    request: HttpRequest, raw: bytes, acts: Sequence[tuple[str, Callable[[], Outcome]]]
) -> HttpResponse:
    """Do each act that was not done before; the delivery's own id is remembered with the last."""
    delivery = request.headers.get(WEBHOOK_ID, "")[:200] or hashlib.sha256(raw).hexdigest()
    whole, outcomes = _key("delivery", delivery), []
    if replays.is_known(provider=PROVIDER, key=whole):
        return _told([Outcome(False, "This was heard before.")])
    for name, act in acts:
        key = _key("event", name)
        if replays.is_known(provider=PROVIDER, key=key):
            outcomes.append(Outcome(False, "This was heard before."))
            continue
        outcomes.append(act())
        replays.first_time(provider=PROVIDER, key=key, at=clock.now())
    replays.first_time(provider=PROVIDER, key=whole, at=clock.now())
    return _told(outcomes)


def _has_secret(request: HttpRequest, settings: Configuration) -> bool:
    given = request.headers.get(SECRET, "")
    # Every secret is compared, so that the time tells nothing about which one matched.
    return any([constant_time_compare(given, secret) for secret in settings.action_secrets])


def _is_signed(request: HttpRequest, raw: bytes, settings: Configuration) -> bool:
    return inbound.pagerduty_signature_is_valid(
        secrets=settings.webhook_secrets,
        signature_header=request.headers.get(SIGNATURE),
        body=raw,
    )


def _key(kind: str, name: str) -> str:
    return inbound.replay_key(PROVIDER, f"{kind}\0{name}".encode("utf-8", "replace"))


def _told(outcomes: Sequence[Outcome]) -> HttpResponse:
    """PagerDuty shows nobody what stands here; it is for whoever reads the delivery log."""
    counted = any(each.counted for each in outcomes)
    words = " ".join(each.words for each in outcomes) or "Nothing here concerns us."
    return JsonResponse({"counted": counted, "detail": words})


def _refuse(status: int, code: str, words: str) -> HttpResponse:
    return JsonResponse({"code": code, "detail": f"{words} Nothing was recorded."}, status=status)
