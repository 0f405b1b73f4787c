"""E-mail, as the doctor sees it: one session with the mail server in which nothing is sent."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any

from django.conf import settings

from countersign.server.findings import Finding, fail, unknown, warn, well

SECONDS = 5.0
NAME = "email"


def findings() -> Iterator[Finding]:
    """Whether the server answers, encrypts and knows us; half a configuration is the settings' finding."""
    server = settings.EMAIL_SERVER
    if not server:
        yield well(NAME, "not used")
    elif server.get("console"):
        yield warn(NAME, "messages are printed to the log", "Set EMAIL_URL to a mail server")
    else:
        yield _session(server)
    if server and not settings.EMAIL_TO:
        yield well("email recipients", "only those that a policy's channels name")


def _session(server: dict[str, Any]) -> Finding:
    where = f"{server['host']}:{server['port']}"
    try:
        with _dial(server) as smtp:
            smtp.ehlo_or_helo_if_needed()
            if server["tls"] == "starttls":
                smtp.starttls(context=_trust(server))
                smtp.ehlo_or_helo_if_needed()
            if server["user"]:
                smtp.login(server["user"], server["password"])
    except smtplib.SMTPAuthenticationError as error:
        fix = "Mend the user and password in EMAIL_URL"
        return fail(NAME, f"{where} refuses them ({error.smtp_code})", fix)
    except smtplib.SMTPNotSupportedError as error:
        fix = "Ask for a server that does, or write ?tls=none for a relay on this machine"
        return fail(NAME, f"{where} cannot do what is needed: {error}", fix)
    except ssl.SSLError as error:
        fix = "Use the name its certificate is for, or name its authority with ?ca="
        return fail(NAME, f"{where} does not prove its name: {error.reason}", fix)
    except (OSError, ValueError, smtplib.SMTPException) as error:
        words = f"{where} gave no answer ({type(error).__name__})"
        return unknown(NAME, words, "Check EMAIL_URL and the way to it")
    return well(NAME, f"{where} answers and takes our messages")


def _dial(server: dict[str, Any]) -> smtplib.SMTP:
    name = parseaddr(settings.EMAIL_FROM)[1].partition("@")[2] or "localhost"
    host, port = server["host"], server["port"]
    if server["tls"] == "tls":
        trust = _trust(server)
        return smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=SECONDS, context=trust)
    return smtplib.SMTP(host, port, local_hostname=name, timeout=SECONDS)


def _trust(server: dict[str, Any]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server["ca"] or None)
