"""PagerDuty's settings that cannot work together stop the start and name the variable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

SET_TOGETHER = (
    "PAGERDUTY_API_TOKEN", "PAGERDUTY_FROM", "PAGERDUTY_ACTION_SECRET", "PAGERDUTY_WEBHOOK_SECRET",
    "PAGERDUTY_DECISION_FIELD",
)  # fmt: skip
NEEDS_TOKEN = ("PAGERDUTY_ACTION_SECRET", "PAGERDUTY_WEBHOOK_SECRET")
ROUTING_KEY = re.compile(r"[0-9A-Za-z]{32}")
NAMED_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}\s*=\s*[0-9A-Za-z]{32}")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
LEAST_SECRET = 32


def pagerduty(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """PagerDuty is on as soon as there is a routing key; what else is set must then be whole."""
    del app_configs
    return [
        Error(words, hint=hint, id=f"countersign.E{number:03}")
        for number, words, hint in (*_routing(), *_token(), *_secrets(), *_addresses())
    ]


def _routing() -> Iterator[tuple[int, str, str]]:
    one, many = settings.PAGERDUTY_ROUTING_KEY, settings.PAGERDUTY_ROUTING_KEYS
    others = [name for name in SET_TOGETHER if getattr(settings, name)]
    if others and not one and not many:
        hint = f"Set PAGERDUTY_ROUTING_KEY, or unset {', '.join(others)} to leave PagerDuty off."
        yield 20, "PagerDuty is configured without PAGERDUTY_ROUTING_KEY.", hint
    hint = "It is the Integration Key of an Events API v2 integration: 32 letters and digits."
    if one and not ROUTING_KEY.fullmatch(one):
        yield 21, "PAGERDUTY_ROUTING_KEY is no integration key.", hint
    for entry in filter(None, map(str.strip, many.split(","))):
        if not NAMED_KEY.fullmatch(entry):
            name = entry.partition("=")[0][:60]
            yield 22, f"PAGERDUTY_ROUTING_KEYS is wrong at {name!r}: write name=<key>.", hint


def _token() -> Iterator[tuple[int, str, str]]:
    if settings.PAGERDUTY_API_TOKEN and "@" not in settings.PAGERDUTY_FROM:
        hint = "Set it to the e-mail address of a PagerDuty user; notes are written in their name."
        yield 23, "PAGERDUTY_API_TOKEN is set without PAGERDUTY_FROM.", hint
    for name in NEEDS_TOKEN:
        if getattr(settings, name) and not settings.PAGERDUTY_API_TOKEN:
            hint = f"Set PAGERDUTY_API_TOKEN, or unset {name}: no decision is believed unread."
            yield 24, f"{name} is set without PAGERDUTY_API_TOKEN.", hint


def _secrets() -> Iterator[tuple[int, str, str]]:
    for secret in filter(None, map(str.strip, settings.PAGERDUTY_ACTION_SECRET.split(","))):
        if len(secret) < LEAST_SECRET:
            hint = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
            yield 25, "PAGERDUTY_ACTION_SECRET is shorter than 32 characters.", hint
    if settings.PAGERDUTY_DECISION_FIELD and not settings.PAGERDUTY_WEBHOOK_SECRET:
        hint = "Set it to the secret PagerDuty gave when the webhook subscription was made."
        yield 26, "PAGERDUTY_DECISION_FIELD is set without PAGERDUTY_WEBHOOK_SECRET.", hint


def _addresses() -> Iterator[tuple[int, str, str]]:
    if settings.PAGERDUTY_REGION.lower() not in {"us", "eu"}:
        yield 27, "PAGERDUTY_REGION is neither us nor eu.", "Write us or eu."
    for name in ("PAGERDUTY_API_URL", "PAGERDUTY_EVENTS_URL"):
        url = urlsplit(getattr(settings, name))
        is_test = url.scheme == "http" and url.hostname in LOOPBACK
        if url.geturl() and url.scheme != "https" and not is_test:
            hint = "It begins with https://; plain http:// is spoken on this machine only."
            yield 28, f"{name} is no https address.", hint
