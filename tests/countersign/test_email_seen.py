"""What the doctor says of e-mail: it opens a session and sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from countersign.server import email_seen
from countersign.server.findings import Finding
from tests.fakes import smtp
from tests.fakes.smtp import MailServer


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running
        assert not any(said.lower().startswith(("mail", "rcpt", "data")) for said in running.said)


def seen(settings: Any, server: MailServer | None = None, **changes: Any) -> Finding:
    plain = {"host": "127.0.0.1", "user": "", "password": "", "tls": "none", "ca": ""}
    settings.EMAIL_SERVER = plain | {"port": server.port if server else 1} | changes
    settings.EMAIL_FROM = "approvals@example.com"
    settings.EMAIL_TO = ["security"]
    [finding] = email_seen.findings()
    return finding


def test_a_server_that_lets_us_in_is_well(settings: Any, server: MailServer) -> None:
    assert seen(settings, server).level == "OK"
    server.user, server.password = "robo", "right"
    assert seen(settings, server, user="robo", password="right").level == "OK"


def test_a_refused_password_fails_and_is_not_printed(settings: Any, server: MailServer) -> None:
    server.user, server.password = "robo", "right"
    finding = seen(settings, server, user="robo", password="mistaken")
    assert (finding.level, finding.fix) == ("FAIL", "Mend the user and password in EMAIL_URL")
    assert "mistaken" not in finding.line()


def test_a_server_without_encryption_fails(settings: Any, server: MailServer) -> None:
    finding = seen(settings, server, tls="starttls")
    assert finding.level == "FAIL"
    assert "STARTTLS" in finding.words


def test_a_server_that_is_away_could_not_be_told(settings: Any, server: MailServer) -> None:
    for fault in (smtp.hangs_up, smtp.garbage, smtp.says(421, "busy")):
        server.will("connect", fault)
        assert not seen(settings, server).certain
    assert not seen(settings).certain


def test_what_is_not_set_or_only_printed_is_said(settings: Any) -> None:
    settings.EMAIL_SERVER, settings.EMAIL_TO = {}, []
    assert [each.words for each in email_seen.findings()] == ["not used"]
    settings.EMAIL_SERVER = {"console": True}
    assert [each.level for each in email_seen.findings()] == ["WARN", "OK"]
