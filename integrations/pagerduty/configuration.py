"""What the operator set for PagerDuty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

DEFAULT = "default"
# The REST API and the Events API of each service region.
REGIONS = {
    "us": ("https://api.pagerduty.com", "https://events.pagerduty.com"),
    "eu": ("https://api.eu.pagerduty.com", "https://events.eu.pagerduty.com"),
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one account; docs/settings.md explains each.

    `routing_keys` maps a name that plans may use to the integration key of a service. A secret that
    is being replaced stands in its tuple beside the new one.
    """

    routing_keys: Mapping[str, str]
    api_token: str
    sender: str
    api_url: str
    events_url: str
    action_secrets: tuple[str, ...]
    webhook_secrets: tuple[str, ...]
    decision_field: str
    critical_on_web: bool
    link_by_email: bool

    @property
    def reads(self) -> bool:
        """Whether the REST API may be used: to find incidents, write notes, ask who is on call."""
        return bool(self.api_token)


def current() -> Configuration:
    """Read the settings as they are now."""
    api_url, events_url = REGIONS.get(_text("PAGERDUTY_REGION").lower(), REGIONS["us"])
    return Configuration(
        routing_keys=routing_keys(),
        api_token=_text("PAGERDUTY_API_TOKEN"),
        sender=_text("PAGERDUTY_FROM"),
        api_url=(_text("PAGERDUTY_API_URL") or api_url).rstrip("/"),
        events_url=(_text("PAGERDUTY_EVENTS_URL") or events_url).rstrip("/"),
        action_secrets=_words("PAGERDUTY_ACTION_SECRET"),
        webhook_secrets=_words("PAGERDUTY_WEBHOOK_SECRET"),
        decision_field=_text("PAGERDUTY_DECISION_FIELD"),
        critical_on_web=bool(getattr(settings, "PAGERDUTY_CRITICAL_ON_WEB", True)),
        link_by_email=bool(getattr(settings, "PAGERDUTY_LINK_BY_EMAIL", False)),
    )


def routing_keys() -> dict[str, str]:
    """The default key and the named ones (`payments=<key>, database=<key>`)."""
    found = {DEFAULT: key} if (key := _text("PAGERDUTY_ROUTING_KEY")) else {}
    for entry in _words("PAGERDUTY_ROUTING_KEYS"):
        name, _, key = entry.partition("=")
        found[name.strip()] = key.strip()
    return found


def _text(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in _text(name).split(",") if word.strip())
