"""What must be set for ServiceNow, and what cannot be right; each names its variable."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

KINDS = ("normal", "standard", "emergency")
PAIRS = (
    ("SERVICENOW_CLIENT_ID", "SERVICENOW_CLIENT_SECRET"),
    ("SERVICENOW_USER", "SERVICENOW_PASSWORD"),
)
KEY_LENGTHS = range(24, 65)
OFF = "Set it, or unset every SERVICENOW_ variable to leave ServiceNow off."


def servicenow(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """ServiceNow is on as soon as its address or an account is set; then the rest must be right."""
    del app_configs
    given = settings.SERVICENOW_URL or any(getattr(settings, n) for pair in PAIRS for n in pair)
    return list(_wrong()) if given else []


def _wrong() -> Iterator[CheckMessage]:
    url = settings.SERVICENOW_URL
    if not url:
        yield Error(
            "ServiceNow is configured without SERVICENOW_URL.", hint=OFF, id="countersign.E020"
        )
    elif urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        hint = "It looks like https://<instance>.service-now.com"
        yield Error("SERVICENOW_URL is not a web address.", hint=hint, id="countersign.E021")
    yield from _account()
    kind = settings.SERVICENOW_CHANGE_TYPE
    if kind not in KINDS:
        words = f"SERVICENOW_CHANGE_TYPE is {kind!r}."
        yield Error(words, hint=f"Write {', '.join(KINDS)}.", id="countersign.E023")
    if kind == "standard" and not settings.SERVICENOW_TEMPLATE:
        hint = "Set SERVICENOW_TEMPLATE to the sys_id of the standard change template."
        yield Error(
            "Standard changes are set without SERVICENOW_TEMPLATE.",
            hint=hint,
            id="countersign.E024",
        )
    secrets = [each.strip() for each in settings.SERVICENOW_WEBHOOK_SECRET.split(",")]
    if settings.SERVICENOW_WEBHOOK_SECRET and not all(_is_secret(each) for each in secrets):
        hint = "Write whsec_ and the base64 of 24 to 64 random bytes."
        yield Error(
            "SERVICENOW_WEBHOOK_SECRET cannot check a signature.",
            hint=hint,
            id="countersign.E025",
        )


def _account() -> Iterator[CheckMessage]:
    """One pair of two must be whole, and neither may be half."""
    for first, second in PAIRS:
        present = [name for name in (first, second) if getattr(settings, name)]
        if len(present) == 1:
            [missing] = {first, second} - set(present)
            words = f"ServiceNow is configured with {present[0]} and without {missing}."
            yield Error(words, hint=OFF, id="countersign.E022")
    if not any(getattr(settings, name) for pair in PAIRS for name in pair):
        hint = "Set SERVICENOW_CLIENT_ID and _SECRET, or SERVICENOW_USER and SERVICENOW_PASSWORD."
        yield Error(
            "ServiceNow is configured without an account.", hint=hint, id="countersign.E022"
        )


def _is_secret(text: str) -> bool:
    try:
        bare = text.removeprefix("whsec_")
        key = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(key) in KEY_LENGTHS
