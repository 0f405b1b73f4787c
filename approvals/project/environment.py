"""Read settings from the environment, each also from a file named by `NAME_FILE`."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The value of NAME, or the content of the file NAME_FILE names."""
    path = os.environ.get(f"{name}_FILE")
    if path and name not in os.environ:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE names {path}, which cannot be read: {error}"
            ) from None
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no", "on", "off", ""}:
        raise ImproperlyConfigured(f"{name} is {value!r}; write true or false.")
    return value in {"1", "true", "yes", "on"}


def whole(name: str, default: int) -> int:
    value = text(name, str(default))
    if not value.isdigit():
        raise ImproperlyConfigured(f"{name} is {value!r}; write a whole number.")
    return int(value)


def seconds_or_default(name: str, *, most: int) -> int | None:
    """Whole seconds up to `most`; None where it says `default`, as it does unset."""
    value = text(name, "default").lower()
    if value == "default":
        return None
    if not value.isdigit() or int(value) > most:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; write default, or whole seconds up to {most}."
        )
    return int(value)


def time_of_day(name: str, default: str) -> str:
    """A time such as `09:00`; empty where it is set to nothing."""
    value = text(name, default)
    if value and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value, re.ASCII):
        raise ImproperlyConfigured(
            f"{name} is {value!r}; write one time of day such as 09:00, or nothing for never."
        )
    return value


def zone(name: str, default: str) -> str:
    """The name of a time zone this machine knows."""
    value = text(name, default) or default
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImproperlyConfigured(
            f"{name} names no time zone: {value}. Write one such as Europe/Berlin."
        ) from None
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def signing_keys(name: str) -> list[str]:
    """One or two `whsk_` keys; the form is checked here, so that a start fails and not a delivery."""
    found = words(name)
    for text_of_key in found:
        try:
            raw = base64.b64decode(text_of_key.removeprefix("whsk_"), validate=True)
            public = Ed25519PrivateKey.from_private_bytes(raw[:32]).public_key().public_bytes_raw()
        except ValueError:
            raw = public = b""
        if not raw or raw[32:] not in (b"", public):
            raise ImproperlyConfigured(f"{name} is not whsk_ and the base64 of an Ed25519 key.")
    return found


def database(url: str, data_dir: Path) -> dict[str, Any]:
    """Django's settings for a `postgres://` or `sqlite:///` URL; SQLite in DATA_DIR without one."""
    if not url:
        return _sqlite(data_dir / "countersign.sqlite3")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path)))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"DATABASE_URL begins with {parts.scheme!r}; write postgres://user:password@host/name "
            "or leave it out."
        )
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    options["options"] = (
        "-c lock_timeout=8s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
    )
    options["pool"] = {"min_size": 1, "max_size": whole("DATABASE_POOL", 16), "timeout": 15}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
    }


def beside(database: dict[str, Any], *, connections: int) -> dict[str, Any]:
    """The same PostgreSQL by connections of its own, all made at the first use, none waited for long."""
    options = dict(database["OPTIONS"])
    options["options"] = "-c lock_timeout=2s -c statement_timeout=2s"
    options["pool"] = {"min_size": connections, "max_size": connections, "timeout": 2}
    return {**database, "OPTIONS": options}


def _sqlite(path: Path) -> dict[str, Any]:
    """One writer at a time, readers never wait, and a commit is on disk when it is acknowledged."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
        },
    }


def mail(url: str) -> dict[str, Any]:
    """How e-mail leaves, from `smtp://`, `smtps://` or `console:`; empty without one.

    A connection is encrypted unless `?tls=none` says otherwise, and a password never goes in clear
    to another machine.
    """
    if not url:
        return {}
    parts = urlsplit(url)
    if parts.scheme == "console":
        return {"console": True}
    options = dict(parse_qsl(parts.query))
    tls = "tls" if parts.scheme == "smtps" else options.pop("tls", "starttls")
    ca = options.pop("ca", "")
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or options:
        raise ImproperlyConfigured(
            "EMAIL_URL cannot be read; write smtp://user:password@host:587?tls=starttls, "
            "smtps://user:password@host or console:"
        )
    if tls not in {"starttls", "tls", "none"}:
        raise ImproperlyConfigured(f"EMAIL_URL asks for tls={tls!r}; write starttls or none.")
    if tls == "none" and parts.password and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ImproperlyConfigured(
            "EMAIL_URL would send a password unencrypted; leave tls=none out, or the password."
        )
    return {
        "host": parts.hostname,
        "port": _mail_port(parts) or (465 if tls == "tls" else 587),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "tls": tls,
        "ca": ca,
    }


def _mail_port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ImproperlyConfigured("EMAIL_URL has a port that is no number up to 65535.") from None
