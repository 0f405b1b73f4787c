"""Settings of Slack that cannot work together stop the start and name the variable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error


def slack(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """Slack is on as soon as one of its secrets is set; then the others must be."""
    del app_configs
    given = (
        settings.SLACK_BOT_TOKEN
        or settings.SLACK_SIGNING_SECRET
        or settings.SLACK_APP_TOKEN
        or settings.SLACK_CLIENT_ID
        or settings.SLACK_CLIENT_SECRET
    )
    return [*_needed(), *_installable()] if given else []


def _needed() -> Iterator[CheckMessage]:
    if not settings.SLACK_BOT_TOKEN and not settings.SLACK_CLIENT_ID:
        hint = "Set SLACK_BOT_TOKEN (xoxb-…), or unset every SLACK_ variable to leave Slack off."
        yield Error(
            "Slack is configured without SLACK_BOT_TOKEN.", hint=hint, id="countersign.E001"
        )
    if not settings.SLACK_SIGNING_SECRET and not settings.SLACK_APP_TOKEN:
        hint = "Set SLACK_SIGNING_SECRET (clicks over HTTP) or SLACK_APP_TOKEN (Socket Mode)."
        words = "Slack has no way to send clicks: SLACK_SIGNING_SECRET is not set."
        yield Error(words, hint=hint, id="countersign.E002")
    if not settings.SLACK_CHANNEL:
        hint = "Set SLACK_CHANNEL to the id of the default channel (C…)."
        yield Error("Slack is configured without SLACK_CHANNEL.", hint=hint, id="countersign.E003")


def _installable() -> Iterator[CheckMessage]:
    """Several workspaces need both halves of the app's credentials."""
    both = (settings.SLACK_CLIENT_ID, settings.SLACK_CLIENT_SECRET)
    if any(both) and not all(both):
        missing = "SLACK_CLIENT_SECRET" if both[0] else "SLACK_CLIENT_ID"
        hint = f"Set {missing}, or unset both to serve the workspace of SLACK_BOT_TOKEN alone."
        yield Error(f"Slack is configured without {missing}.", hint=hint, id="countersign.E008")
    if all(both) and settings.SLACK_BOT_TOKEN and not settings.SLACK_TEAM_ID:
        hint = (
            "Set SLACK_TEAM_ID to the workspace SLACK_BOT_TOKEN belongs to (T…): with several "
            "workspaces nothing else tells its clicks from those of one that never installed the app."
        )
        yield Error("Slack is configured without SLACK_TEAM_ID.", hint=hint, id="countersign.E009")
