"""E-mail keeps the contract of every adapter, as far as mail goes: nothing edits, nothing decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from approvals.ports import Adapter
from integrations.email import EmailAdapter
from tests.fakes import smtp
from tests.fakes.smtp import MailServer
from tests.integrations.contract import AdapterContract, a_message

pytestmark = pytest.mark.django_db  # who of the recipients keeps quiet hours now
LINKED = re.compile(r"\S+://\S+|\S*www\.\S+|[\x00-\x08\x0b-\x1f\u202a-\u202e]")
FAULTS: dict[str, tuple[str, smtp.Fault]] = {
    "refused": ("RCPT", smtp.says(550, "no such mailbox")),
    "broken": (".", smtp.says(451, "try later")),
    "gone": ("MAIL", smtp.hangs_up),
    "done_and_gone": (".", smtp.done_and_gone),
    "silent": ("connect", smtp.silent),
    "garbage": ("MAIL", smtp.garbage),
    "nonsense": ("EHLO", smtp.endless),
}


class MailStand:
    """The adapter beside a mail server; what stands there is the newest message of each thread."""

    address = "ada@example.com"
    live: Sequence[str] = (
        "<script",
        "<b>x",
        "<@",
        "<!channel",
        "https://evil",
        "<at>",
        "\x1b",
        "\u202e",
    )

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.adapter: Adapter = EmailAdapter()

    def standing(self) -> list[str]:
        assert self.server.complaints == []
        return [thread[-1].text for thread in self.server.threads()]

    def read_as_markup(self) -> list[str]:
        """HTML whole; of plain text what mail programs make links of, and what a terminal obeys."""
        plain = [found for mail in self.taken for found in LINKED.findall(mail.text)]
        return [*(mail.html for mail in self.taken), *plain]

    def buttons(self) -> int:
        return sum(mail.html.count("<form") + mail.html.count("<button") for mail in self.taken)

    @property
    def taken(self) -> list[smtp.Mail]:
        return self.server.taken

    def sent(self) -> bytes:
        return bytes(self.server.sent)

    def will(self, fault: str) -> None:
        self.server.will(*FAULTS[fault])


def delivered(stand: MailStand, **changes: Any) -> smtp.Mail:
    """The mail a message to be sent becomes."""
    stand.adapter.deliver(a_message(stand, **changes))
    return stand.taken[-1]


def configured(settings: Any, server: MailServer, **changes: Any) -> None:
    """Point the service's settings at a mail server of the tests."""
    settings.EMAIL_SERVER = {
        "host": "127.0.0.1", "port": server.port, "user": "", "password": "", "tls": "none",
        "ca": "", **changes,
    }  # fmt: skip
    settings.EMAIL_FROM = "Countersign <approvals@example.com>"
    settings.EMAIL_TO = []


@pytest.fixture
def stand(settings: Any) -> Iterator[MailStand]:
    with MailServer() as server:
        configured(settings, server)
        yield MailStand(server)


class TestEmail(AdapterContract):
    """SMTP names no time to come back, so nothing is `limited`."""

    edits = False
    has_buttons = False
    faults = ("refused", "broken", "gone", "done_and_gone", "silent", "garbage", "nonsense")
