"""What the operator set for GitHub."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

API_URL = "https://api.github.com"
POLICY_PATH = "policies/"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one GitHub App; docs/settings.md explains each.

    `app_id` is the app's number or its client id. `installations` are those that may ask; empty
    admits every installation of the app. A webhook secret that is being replaced stands beside the
    new one.
    """

    app_id: str
    private_key: str
    webhook_secrets: tuple[str, ...]
    api_url: str
    agent: str
    installations: frozenset[int]
    policy_repository: str
    policy_path: str
    critical_on_web: bool


def current() -> Configuration:
    """Read the settings as they are now."""
    return Configuration(
        app_id=_text("GITHUB_APP_ID"),
        private_key=_text("GITHUB_PRIVATE_KEY").replace("\\n", "\n"),
        webhook_secrets=_words("GITHUB_WEBHOOK_SECRET"),
        api_url=(_text("GITHUB_API_URL") or API_URL).rstrip("/"),
        agent=_text("GITHUB_AGENT"),
        installations=frozenset(
            int(each) for each in _words("GITHUB_INSTALLATIONS") if each.isdecimal()
        ),
        policy_repository=_text("GITHUB_POLICY_REPOSITORY"),
        policy_path=_text("GITHUB_POLICY_PATH") or POLICY_PATH,
        critical_on_web=bool(getattr(settings, "GITHUB_CRITICAL_ON_WEB", True)),
    )


def _text(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in _text(name).split(",") if word.strip())
