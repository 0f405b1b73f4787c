"""What the operator set for ServiceNow."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

KINDS = ("normal", "standard", "emergency")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one instance; docs/settings.md explains each.

    `webhook_secrets` are several while a secret is being changed. A client id wins over a user name.
    """

    url: str
    user: str
    password: str
    client_id: str
    client_secret: str
    webhook_secrets: tuple[str, ...]
    change_type: str
    template: str
    assignment_group: str
    link_by_email: bool

    @property
    def uses_oauth(self) -> bool:
        return bool(self.client_id)


def current() -> Configuration:
    """Read the settings as they are now."""
    return Configuration(
        url=_text("SERVICENOW_URL").rstrip("/"),
        user=_text("SERVICENOW_USER"),
        password=_text("SERVICENOW_PASSWORD"),
        client_id=_text("SERVICENOW_CLIENT_ID"),
        client_secret=_text("SERVICENOW_CLIENT_SECRET"),
        webhook_secrets=tuple(
            secret.strip()
            for secret in _text("SERVICENOW_WEBHOOK_SECRET").split(",")
            if secret.strip()
        ),
        change_type=_text("SERVICENOW_CHANGE_TYPE") or "normal",
        template=_text("SERVICENOW_TEMPLATE"),
        assignment_group=_text("SERVICENOW_ASSIGNMENT_GROUP"),
        link_by_email=bool(getattr(settings, "SERVICENOW_LINK_BY_EMAIL", False)),
    )


def _text(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()
