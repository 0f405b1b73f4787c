"""Settings that cannot work together stop the start and name the variable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

ADDRESS = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_.+=~-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,188}")


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


def mail(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """E-mail needs a way out and a sender; every default recipient must be one."""
    del app_configs
    found: list[CheckMessage] = []
    if bool(settings.EMAIL_SERVER) is not bool(settings.EMAIL_FROM):
        missing = "EMAIL_FROM" if settings.EMAIL_SERVER else "EMAIL_URL"
        hint = f"Set {missing}, or unset both EMAIL_URL and EMAIL_FROM to leave e-mail off."
        found.append(
            Error(f"E-mail is configured without {missing}.", hint=hint, id="countersign.E005")
        )
    sender = settings.EMAIL_FROM
    if sender and not (sender.isprintable() and _is_address(parseaddr(sender)[1])):
        hint = "Write Countersign <approvals@example.com>, or the address alone."
        found.append(Error("EMAIL_FROM is no e-mail address.", hint=hint, id="countersign.E006"))
    wrong = [each for each in settings.EMAIL_TO if "@" in each and not _is_address(each)]
    if wrong:
        hint = "Write addresses such as ada@example.com, and names of teams, with commas between."
        found.append(Error(f"EMAIL_TO has {wrong[0]!r}.", hint=hint, id="countersign.E007"))
    return found


def _is_address(text: str) -> bool:
    return ADDRESS.fullmatch(text) is not None
