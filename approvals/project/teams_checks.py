"""Settings of Teams that cannot work together stop the start and name the variable."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

NEEDED = {
    "TEAMS_APP_ID": "Set TEAMS_APP_ID to the bot's application (client) id.",
    "TEAMS_APP_PASSWORD": "Set TEAMS_APP_PASSWORD to a client secret of the bot's registration.",
    "TEAMS_TENANT_ID": "Set TEAMS_TENANT_ID to your organisation's directory id: without it anybody "
    "in any organisation could reach the bot.",
}
ADDRESSES = ("TEAMS_TOKEN_URL", "TEAMS_KEYS_URL", "TEAMS_WORKFLOW_URL")


def teams(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """The bot is on as soon as one of its settings is set; then the others must be."""
    del app_configs
    return [*_missing(), *_addresses()]


def _missing() -> list[CheckMessage]:
    given = [name for name in (*NEEDED, "TEAMS_CHANNEL") if getattr(settings, name)]
    if not given:
        return []
    return [
        Error(f"Teams is configured without {name}.", hint=hint, id="countersign.E041")
        for name, hint in NEEDED.items()
        if not getattr(settings, name)
    ]


def _addresses() -> list[CheckMessage]:
    """None of them is printed: a workflow's address holds its secret."""
    return [
        Error(
            f"{name} is not a web address.", hint="It begins with https://.", id="countersign.E042"
        )
        for name in ADDRESSES
        if (value := getattr(settings, name)) and not _is_web(value)
    ]


def _is_web(value: str) -> bool:
    try:
        return urlsplit(value).scheme in {"http", "https"}
    except ValueError:
        return False
