"""Settings of signing in that cannot work together stop the start and name the variable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

SET_TOGETHER = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECOND_FACTOR = ("off", "managers", "all")


def sign_in(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """Single sign-on is on as soon as one of its settings is set, and must then be whole."""
    del app_configs
    return [
        Error(words, hint=hint, id=f"countersign.E{number:03}")
        for number, words, hint in (*_together(), *_issuer(), *_only(), *_second())
    ]


def _together() -> Iterator[tuple[int, str, str]]:
    given = [name for name in SET_TOGETHER if getattr(settings, name)]
    for name in SET_TOGETHER:
        if given and name not in given:
            hint = f"Set {name}, or unset {', '.join(given)} to leave single sign-on off."
            yield 70, f"Single sign-on is configured without {name}.", hint
    for name in ("OIDC_CREATE", "OIDC_ONLY", "OIDC_BREAK_GLASS"):
        if getattr(settings, name) and not given:
            hint = f"Set {', '.join(SET_TOGETHER)}, or unset {name}."
            yield 71, f"{name} is set without single sign-on.", hint


def _issuer() -> Iterator[tuple[int, str, str]]:
    url = urlsplit(settings.OIDC_ISSUER)
    is_test = url.scheme == "http" and url.hostname in LOOPBACK
    if url.geturl() and not (url.hostname and (url.scheme == "https" or is_test)):
        hint = "It begins with https://; plain http:// is spoken on this machine only."
        yield 72, "OIDC_ISSUER is no https address.", hint
    if url.query or url.fragment:
        yield (
            72,
            "OIDC_ISSUER has a query or fragment.",
            "Write the issuer alone, as its tokens do.",
        )


def _only() -> Iterator[tuple[int, str, str]]:
    wrong = [each for each in settings.OIDC_BREAK_GLASS if "@" not in each]
    if wrong:
        hint = "Write the e-mail addresses of operators, with commas between."
        yield 73, f"OIDC_BREAK_GLASS has {wrong[0]!r}.", hint


def _second() -> Iterator[tuple[int, str, str]]:
    if settings.REQUIRE_SECOND_FACTOR not in SECOND_FACTOR:
        hint = f"Write {', '.join(SECOND_FACTOR[:-1])} or {SECOND_FACTOR[-1]}."
        yield 74, f"REQUIRE_SECOND_FACTOR is {settings.REQUIRE_SECOND_FACTOR!r}.", hint
