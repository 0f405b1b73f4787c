"""A mail server that keeps all it took, checks what it is sent, and misbehaves on command.

A real server on a real socket, strict where RFC 5321 and 5322 are: commands in order, lines that end
in CRLF and are not too long, required headers once each. Its mailbox shows threads as people see
them: a message with a known Message-ID is not shown again, an answer stands below what it answers.
"""

from __future__ import annotations

import base64
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event

from tests.fakes.listening import Listening

LONGEST_LINE = 1000
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted")
Fault = Callable[["Session"], bool]  # says whether the command is still to be carried out


@dataclass(slots=True)
class Mail:
    """One message as it was taken; `to` are the recipients of the envelope."""

    sender: str
    to: list[str]
    raw: bytes
    message: EmailMessage = field(init=False)

    def __post_init__(self) -> None:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.message = parsed

    def part(self, kind: str) -> str:
        found = self.message.get_body((kind,))
        return str(found.get_content()).replace("\r\n", "\n") if found else ""

    @property
    def text(self) -> str:
        return self.part("plain")

    @property
    def html(self) -> str:
        return self.part("html")

    @property
    def thread(self) -> str:
        return str(self.message["References"] or self.message["Message-ID"]).split()[0]


class MailServer(Listening, ThreadingTCPServer):
    """Listens on loopback for the length of a `with` block."""

    daemon_threads = True

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        from_the_start: bool = False,
        user: str = "",
        password: str = "",
    ) -> None:
        self.taken: list[Mail] = []
        self.said: list[str] = []
        self.sent = bytearray()
        self.complaints: list[str] = []
        self.unknown: dict[str, int] = {}  # recipients that are refused, with the code
        self.tls, self.from_the_start = tls, from_the_start
        self.user, self.password = user, password
        self.closing = Event()
        self._next: dict[str, deque[Fault]] = {}
        super().__init__(("127.0.0.1", 0), Session)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def will(self, command: str, *faults: Fault) -> None:
        """Do this at the next such commands, one each; `connect` and `.` (the end of a message) too."""
        self._next.setdefault(command, deque()).extend(faults)

    def fault(self, command: str) -> Fault | None:
        waiting = self._next.get(command)
        return waiting.popleft() if waiting else None

    def threads(self) -> list[list[Mail]]:
        """What a mailbox shows, each message once."""
        shown: dict[str, dict[str, Mail]] = {}
        for mail in self.taken:
            shown.setdefault(mail.thread, {}).setdefault(str(mail.message["Message-ID"]), mail)
        return [list(thread.values()) for thread in shown.values()]

    def take(self, mail: Mail) -> None:
        self.complaints += faults_of(mail)
        self.taken.append(mail)


class Session(StreamRequestHandler):
    """One session."""

    server: MailServer

    def handle(self) -> None:
        self.sender, self.is_over, self.is_encrypted = "", False, False
        self.to: list[str] = []
        self.is_known = not self.server.user
        if self.server.from_the_start:
            self.encrypt()
        if self.allowed("connect"):
            self.say(220, "mail.example.com ESMTP")
        while not self.is_over and (line := self.rfile.readline(LONGEST_LINE * 2)):
            self.server.sent += line
            if not line.endswith(b"\r\n") or len(line) > LONGEST_LINE:
                self.server.complaints.append(f"a bad line: {line[:60]!r}")
            text = line.decode("ascii").rstrip("\r\n")
            self.server.said.append(text)
            verb = text.split(" ")[0].split(":")[0].upper()
            if self.allowed(verb):
                self.obey(verb, text)

    def finish(self) -> None:
        super().finish()
        if self.is_encrypted:
            self.connection.close()

    def allowed(self, command: str) -> bool:
        fault = self.server.fault(command)
        return fault is None or fault(self)

    def obey(self, verb: str, text: str) -> None:
        verbs: dict[str, Callable[[str], None]] = {
            "EHLO": self.hello, "STARTTLS": self.start_tls, "AUTH": self.authenticate,
            "MAIL": self.mail, "RCPT": self.rcpt, "DATA": self.data, "QUIT": self.quit,
        }  # fmt: skip
        verbs.get(verb, self.refuse)(text)

    def refuse(self, text: str) -> None:
        self.say(502, "not known here")

    def hello(self, text: str) -> None:
        offers = ["mail.example.com", "8BITMIME"]
        if self.server.tls is not None and not self.is_encrypted:
            offers.append("STARTTLS")
        if self.server.user:
            offers.append("AUTH PLAIN")
        for offer in offers[:-1]:
            self.write(f"250-{offer}\r\n".encode())
        self.say(250, offers[-1])

    def start_tls(self, text: str) -> None:
        self.say(220, "go on")
        self.encrypt()

    def encrypt(self) -> None:
        assert self.server.tls is not None
        self.connection = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.is_encrypted = True

    def authenticate(self, text: str) -> None:
        _, user, password = base64.b64decode(text.split(" ")[2]).decode().split("\0")
        self.is_known = (user, password) == (self.server.user, self.server.password)
        self.say(*((235, "welcome") if self.is_known else (535, "who are you?")))

    def mail(self, text: str) -> None:
        if not self.is_known:
            self.say(530, "say who you are first")
            return
        self.sender = text.split("<")[1].split(">")[0]
        self.say(250, "ok")

    def rcpt(self, text: str) -> None:
        to = text.split("<")[1].split(">")[0]
        if to in self.server.unknown:
            self.say(self.server.unknown[to], "no such mailbox")
            return
        self.to.append(to)
        self.say(250, "ok")

    def data(self, text: str) -> None:
        if not self.to:
            self.say(554, "nobody to send it to")
            return
        self.say(354, "go on, end with a full stop")
        lines = []
        while (line := self.rfile.readline(LONGEST_LINE * 2)) not in (b".\r\n", b""):
            self.server.sent += line
            if not line.endswith(b"\r\n") or len(line) > LONGEST_LINE or b"\0" in line:
                self.server.complaints.append(f"a bad line in a message: {line[:60]!r}")
            lines.append(line.removeprefix(b"."))
        self.finished = Mail(self.sender, list(self.to), b"".join(lines))
        if self.allowed("."):
            self.accept()
            self.say(250, "taken")

    def accept(self) -> None:
        self.server.take(self.finished)

    def quit(self, text: str) -> None:
        self.say(221, "bye")
        self.is_over = True

    def say(self, code: int, words: str) -> None:
        self.write(f"{code} {words}\r\n".encode())

    def write(self, raw: bytes) -> None:
        self.connection.sendall(raw)


def faults_of(mail: Mail) -> list[str]:
    """What a strict reader has against a message."""
    message = mail.message
    found = [f"{name} not once" for name in ONCE if len(message.get_all(name, [])) != 1]
    kinds = [part.get_content_type() for part in message.walk()]
    if kinds != ["multipart/alternative", "text/plain", "text/html"]:
        found.append(f"made of {kinds}")
    if message["Date"] and parsedate_to_datetime(str(message["Date"])).tzinfo is None:
        found.append("a date without a zone")
    if any(defect for part in message.walk() for defect in part.defects):
        found.append("defects in its form")
    head = mail.raw.partition(b"\r\n\r\n")[0]
    return found if head.isascii() else [*found, "a header that is not ASCII"]


def says(code: int, words: str = "because") -> Fault:
    """Answer so, having done nothing."""

    def fault(session: Session) -> bool:
        session.say(code, words)
        return False

    return fault


def hangs_up(session: Session) -> bool:
    """Close without a word."""
    session.is_over = True
    return False


def done_and_gone(session: Session) -> bool:
    """Take the message and close without a word: the client cannot know."""
    session.accept()
    session.is_over = True
    return False


def silent(session: Session) -> bool:
    """Say nothing until the test ends."""
    session.server.closing.wait(30)
    session.is_over = True
    return False


def garbage(session: Session) -> bool:
    """Answer with bytes of no meaning."""
    session.write(b"\x16\x03\x01\xff this is not SMTP\r\n")
    session.is_over = True
    return False


def drips(session: Session) -> bool:
    """Answer a line at a time that is never the last: no single read is ever late."""
    while not session.server.closing.wait(0.05):
        session.write(b"250-still thinking\r\n")
    return False


def endless(session: Session) -> bool:
    """Answer with one line that never ends."""
    session.write(b"250 " + b"x" * 100_000 + b"\r\n")
    return False
