"""The settings, as the doctor sees them."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core import checks

from countersign.server.findings import Finding, fail, unknown, warn, well

LOWEST_KEY_LENGTH, LOWEST_KEY_VARIETY = 40, 10
SECONDS = 2.0


def findings() -> Iterator[Finding]:
    """Every setting that can be judged by looking at it."""
    yield from _checks()
    yield _secret_key()
    yield _public_url()
    yield _data_dir()


def redis_findings() -> Iterator[Finding]:
    """Redis, where it is used. Without it the service is correct, only slower."""
    if not settings.REDIS_URL:
        yield well("redis", "not used; the processes of this machine wake each other")
        return
    fix = (
        "Start Redis or mend REDIS_URL. Until then everything still happens, up to a second later."
    )
    try:
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=SECONDS, socket_timeout=SECONDS, retry=None
        )
        with client:
            client.ping()
    except ValueError as error:
        yield fail("redis", f"REDIS_URL cannot be read: {error}", "Write redis://host:6379/0")
    except (redis.RedisError, OSError) as error:
        yield fail("redis", f"it does not answer: {error}", fix)
    else:
        yield well("redis", "answers")


def _checks() -> Iterator[Finding]:
    """The service's own checks, which name the variable and the fix."""
    found = [issue for issue in checks.run_checks() if not issue.is_silenced()]
    for issue in found:
        make = fail if issue.level >= checks.ERROR else warn
        yield make(
            f"settings {issue.id or ''}".strip(), issue.msg, issue.hint or "See docs/settings.md"
        )
    if not found:
        yield well("settings", "complete")


def _secret_key() -> Finding:
    key, path = str(settings.SECRET_KEY), Path(settings.DATA_DIR) / "secret_key"
    fix = 'Set SECRET_KEY to the output of: python -c "import secrets; print(secrets.token_urlsafe(50))"'
    if len(key) < LOWEST_KEY_LENGTH or len(set(key)) < LOWEST_KEY_VARIETY:
        return fail(
            "SECRET_KEY", f"it is weak: {len(key)} characters, {len(set(key))} different ones", fix
        )
    is_kept = (
        path.exists() and not os.environ.get("SECRET_KEY") and not os.environ.get("SECRET_KEY_FILE")
    )
    if is_kept and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return fail(
            "SECRET_KEY", f"{path} can be read by others", f"chmod 600 {path}, and replace the key"
        )
    return well("SECRET_KEY", f"kept in {path}" if is_kept else "set")


def _public_url() -> Finding:
    url = urlsplit(settings.PUBLIC_URL)
    fix = "Set PUBLIC_URL to the address people open, e.g. https://approvals.example.com"
    if url.scheme not in {"http", "https"} or not url.hostname:
        return fail("PUBLIC_URL", f"{settings.PUBLIC_URL!r} is no web address", fix)
    if _is_loopback(url.hostname):
        speaks = bool(settings.SLACK_BOT_TOKEN or settings.TEAMS_APP_ID)
        words = f"{settings.PUBLIC_URL} works on this machine alone"
        return (
            warn("PUBLIC_URL", f"{words}, and cards in chat link to it", fix)
            if speaks
            else well("PUBLIC_URL", words)
        )
    if url.scheme == "http":
        return warn(
            "PUBLIC_URL",
            f"{settings.PUBLIC_URL} is not encrypted, and sessions and keys travel over it",
            fix,
        )
    return well("PUBLIC_URL", settings.PUBLIC_URL)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _data_dir() -> Finding:
    path = Path(settings.DATA_DIR)
    if not path.exists():
        return unknown(
            "DATA_DIR", f"there is no {path} yet", "Start the service once: countersign up"
        )
    if not os.access(path, os.W_OK | os.X_OK):
        return fail(
            "DATA_DIR", f"{path} cannot be written", "Give it to the account that runs the service"
        )
    return well("DATA_DIR", str(path))
