"""What the operator set for Slack."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

API_URL = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one workspace; docs/settings.md explains each.

    `teams` are the workspaces whose members may click; empty admits whoever is linked.
    """

    bot_token: str
    signing_secret: str
    app_token: str
    api_url: str
    channel: str
    teams: frozenset[str]
    app_id: str
    strict_buttons: bool
    critical_on_web: bool
    link_by_email: bool


def current() -> Configuration:
    """Read the settings as they are now."""
    return Configuration(
        bot_token=_text("SLACK_BOT_TOKEN"),
        signing_secret=_text("SLACK_SIGNING_SECRET"),
        app_token=_text("SLACK_APP_TOKEN"),
        api_url=_text("SLACK_API_URL") or API_URL,
        channel=_text("SLACK_CHANNEL"),
        teams=frozenset(team.strip() for team in _text("SLACK_TEAM_ID").split(",") if team.strip()),
        app_id=_text("SLACK_APP_ID"),
        strict_buttons=_flag("SLACK_STRICT_BUTTONS", default=True),
        critical_on_web=_flag("SLACK_CRITICAL_ON_WEB", default=False),
        link_by_email=_flag("SLACK_LINK_BY_EMAIL", default=True),
    )


def _text(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()


def _flag(name: str, *, default: bool) -> bool:
    return bool(getattr(settings, name, default))
