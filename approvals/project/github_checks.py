"""GitHub's settings that cannot work together stop the start and name the variable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

NEEDED = {
    "GITHUB_APP_ID": "Set it to the app's id or client id.",
    "GITHUB_PRIVATE_KEY": "Set GITHUB_PRIVATE_KEY_FILE to the path of the .pem GitHub gave you.",
    "GITHUB_WEBHOOK_SECRET": "Set it to the webhook secret of the app.",
    "GITHUB_AGENT": "Set it to the name of the agent in whose name GitHub asks.",
}
OTHERS = ("GITHUB_INSTALLATIONS", "GITHUB_POLICY_REPOSITORY")
LEAST_SECRET = 16
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
FULL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}")


def github(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """GitHub is on as soon as one of its settings is set; then it must be whole."""
    del app_configs
    if not any(getattr(settings, name) for name in (*NEEDED, *OTHERS)):
        return []
    return [
        Error(words, hint=hint, id=f"countersign.E{number:03}")
        for number, words, hint in (*_missing(), *_wrong(), *_places())
    ]


def _missing() -> Iterator[tuple[int, str, str]]:
    for name, hint in NEEDED.items():
        if not getattr(settings, name):
            yield 50, f"GitHub is configured without {name}.", hint


def _wrong() -> Iterator[tuple[int, str, str]]:
    if settings.GITHUB_PRIVATE_KEY and not _is_rsa(settings.GITHUB_PRIVATE_KEY):
        yield 51, "GITHUB_PRIVATE_KEY is no RSA key that can be read.", NEEDED["GITHUB_PRIVATE_KEY"]
    for secret in filter(None, map(str.strip, settings.GITHUB_WEBHOOK_SECRET.split(","))):
        if len(secret) < LEAST_SECRET:
            hint = f"Make one of at least {LEAST_SECRET} characters, here and at GitHub."
            yield 52, "A secret of GITHUB_WEBHOOK_SECRET can be guessed.", hint
    for number in filter(None, map(str.strip, settings.GITHUB_INSTALLATIONS.split(","))):
        if not number.isdecimal():
            hint = "Write the numbers at the end of the installations' addresses, comma-separated."
            yield 53, f"GITHUB_INSTALLATIONS is wrong at {number[:40]!r}.", hint


def _places() -> Iterator[tuple[int, str, str]]:
    if not _is_safe(settings.GITHUB_API_URL):
        hint = "It begins with https://; GitHub Enterprise Server ends it with /api/v3."
        yield 54, "GITHUB_API_URL is no address a token may be sent to.", hint
    repository, folder = settings.GITHUB_POLICY_REPOSITORY, settings.GITHUB_POLICY_PATH
    if repository and not FULL_NAME.fullmatch(repository):
        yield 55, "GITHUB_POLICY_REPOSITORY is no repository.", "Write owner/name."
    if repository and (folder.startswith("/") or not folder.endswith("/")):
        yield 56, "GITHUB_POLICY_PATH is no folder of a repository.", "Write it as policies/."


def _is_rsa(text: str) -> bool:
    try:
        key = load_pem_private_key(text.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError):
        return False
    return isinstance(key, RSAPrivateKey)


def _is_safe(url: str) -> bool:
    """An https address without a user; plain HTTP to this machine alone, for stand-ins."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    return (
        bool(parts.hostname) and "@" not in parts.netloc and (parts.scheme == "https" or is_plain)
    )
