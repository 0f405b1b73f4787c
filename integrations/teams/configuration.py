"""What the operator set for Teams."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

KEYS_URL = "https://login.botframework.com/v1/.well-known/keys"
ISSUER = "https://api.botframework.com"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one bot and one webhook; docs/settings.md explains each.

    `tenants` are the organisations whose people may click; the bot's own registration is in the
    first of them.
    """

    app_id: str
    password: str
    tenants: tuple[str, ...]
    channel: str
    token_url: str
    keys_url: str
    issuer: str
    workflow_url: str
    critical_on_web: bool
    allow_private: bool


def current() -> Configuration:
    """Read the settings as they are now."""
    tenants = tuple(each.strip().lower() for each in _text("TEAMS_TENANT_ID").split(","))
    home = tenants[0] or "botframework.com"
    return Configuration(
        app_id=_text("TEAMS_APP_ID"),
        password=_text("TEAMS_APP_PASSWORD"),
        tenants=tuple(filter(None, tenants)),
        channel=_text("TEAMS_CHANNEL"),
        token_url=_text("TEAMS_TOKEN_URL") or token_url(home),
        keys_url=_text("TEAMS_KEYS_URL") or KEYS_URL,
        issuer=_text("TEAMS_ISSUER") or ISSUER,
        workflow_url=_text("TEAMS_WORKFLOW_URL"),
        critical_on_web=bool(getattr(settings, "TEAMS_CRITICAL_ON_WEB", False)),
        allow_private=bool(settings.WEBHOOK_ALLOW_PRIVATE),
    )


def token_url(tenant: str) -> str:
    """Where the bot of this organisation gets its tokens."""
    return f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"


def _text(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()
