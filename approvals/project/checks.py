"""Settings that cannot work together stop the start and name the variable."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error


def slack(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """Slack is on as soon as one of its secrets is set; then the others must be."""
    del app_configs
    given = settings.SLACK_BOT_TOKEN or settings.SLACK_SIGNING_SECRET or settings.SLACK_APP_TOKEN
    if not given:
        return []
    found: list[CheckMessage] = []
    if not settings.SLACK_BOT_TOKEN:
        hint = "Set SLACK_BOT_TOKEN (xoxb-…), or unset every SLACK_ variable to leave Slack off."
        found.append(
            Error("Slack is configured without SLACK_BOT_TOKEN.", hint=hint, id="countersign.E001")
        )
    if not settings.SLACK_SIGNING_SECRET and not settings.SLACK_APP_TOKEN:
        hint = "Set SLACK_SIGNING_SECRET (clicks over HTTP) or SLACK_APP_TOKEN (Socket Mode)."
        found.append(
            Error(
                "Slack has no way to send clicks: SLACK_SIGNING_SECRET is not set.",
                hint=hint,
                id="countersign.E002",
            )
        )
    if not settings.SLACK_CHANNEL:
        hint = "Set SLACK_CHANNEL to the id of the default channel (C…)."
        found.append(
            Error("Slack is configured without SLACK_CHANNEL.", hint=hint, id="countersign.E003")
        )
    return found


def addresses(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """Addresses that must be web addresses."""
    del app_configs
    wrong = [
        name
        for name in ("PUBLIC_URL", "SLACK_API_URL", "DEAD_MAN_URL")
        if (value := getattr(settings, name)) and urlsplit(value).scheme not in {"http", "https"}
    ]
    return [
        Error(
            f"{name} is not a web address.",
            hint="It begins with https:// (or http://).",
            id="countersign.E004",
        )
        for name in wrong
    ]
