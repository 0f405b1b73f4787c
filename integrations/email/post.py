"""Hand one message to the mail server within a time limit, and say exactly how that failed.

What is wrong with our account or the server is tried again, since an operator can mend it; only an
answer about this message or all of its recipients is final.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from email import policy
from email.message import EmailMessage
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import Any

from approvals.ports import DeliveryError
from integrations.email.configuration import Configuration

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
TAKEN = frozenset({250, 251})
GO_ON = frozenset({354})
LONGEST_ANSWER = 300
FINAL = 500


def send(
    mail: EmailMessage,
    to: Sequence[str],
    server: Configuration,
    *,
    total: float = TOTAL_SECONDS,
) -> Mapping[str, DeliveryError]:
    """Send; returns why some were refused where others have it. Raises DeliveryError when none has."""
    body = mail.as_bytes(policy=policy.SMTP)
    with _connected(server, total=total) as smtp:
        _answered(*smtp.mail(server.sender.addr_spec), wanted=TAKEN, may_be_final=False)
        refused = _refused(smtp, to)
        if len(refused) == len(to):
            # One of them may be taken at another attempt, unless every answer was final.
            _answered(*min(refused.values()), wanted=TAKEN)
        _answered(*smtp.docmd("DATA"), wanted=GO_ON)
        _contents(smtp, body)
    return {address: _refusal(*answer) for address, answer in refused.items()}


def _refused(smtp: smtplib.SMTP, to: Sequence[str]) -> dict[str, tuple[int, bytes]]:
    """Name every recipient; those that were not taken, with the answer."""
    answers = {address: smtp.rcpt(address) for address in to}
    return {address: answer for address, answer in answers.items() if answer[0] not in TAKEN}


def _contents(smtp: smtplib.SMTP, body: bytes) -> None:
    """After the last full stop the message may have been taken, whatever becomes of the answer."""
    lines = [b"." + line if line.startswith(b".") else line for line in body.split(b"\r\n")]
    try:
        smtp.send(b"\r\n".join(lines) + b"\r\n.\r\n")
        code, words = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"The mail server broke off: {_words(error)}", unknown=True) from error
    _answered(code, words, wanted=TAKEN)


def _answered(
    code: int, words: bytes, *, wanted: frozenset[int], may_be_final: bool = True
) -> None:
    if code not in wanted:
        raise _refusal(code, words, may_be_final=may_be_final)


def _refusal(code: int, words: bytes, *, may_be_final: bool = True) -> DeliveryError:
    is_final = may_be_final and FINAL <= code < FINAL + 100
    return DeliveryError(_said(code, words), permanent=is_final, unknown=code < 0)


class _Bounded(smtplib.SMTP):
    """A session that is cut at its deadline.

    Each read has a limit of its own, but a server that drips could hold on for ever.
    """

    def __init__(self, server: Configuration, *, total: float, **options: Any) -> None:
        self.sock: socket | None = None
        self.deadline = Timer(total, self._hang_up)
        self.deadline.daemon = True
        self.deadline.start()
        # Named by the sender's domain: the name of a machine or container means nothing outside.
        options |= {"timeout": CONNECT_SECONDS, "local_hostname": server.sender.domain}
        super().__init__(server.host, server.port, **options)

    def close(self) -> None:
        self.deadline.cancel()
        super().close()

    def _hang_up(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(SHUT_RDWR)


class _Encrypted(_Bounded, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


@contextmanager
def _connected(server: Configuration, *, total: float) -> Iterator[smtplib.SMTP]:
    """A session that has said hello and is encrypted as configured."""
    try:
        with closing(_dial(server, total=total)) as smtp:
            smtp.ehlo_or_helo_if_needed()
            if server.tls == "starttls":
                smtp.starttls(context=_trust(server))
                smtp.ehlo_or_helo_if_needed()
            if server.user:
                smtp.login(server.user, server.password)
            yield smtp
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
    except (OSError, ValueError, smtplib.SMTPException) as error:
        raise DeliveryError(f"The mail server failed: {_words(error)}") from error


def _dial(server: Configuration, *, total: float) -> smtplib.SMTP:
    if server.tls == "tls":
        return _Encrypted(server, total=total, context=_trust(server))
    return _Bounded(server, total=total)


def _trust(server: Configuration) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca or None)


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return _said(error.smtp_code, said if isinstance(said, bytes) else said.encode())
    return f"{type(error).__name__}: {error}"[:LONGEST_ANSWER]


def _said(code: int, words: bytes) -> str:
    """What the server answered, as one line."""
    text = " ".join(words.decode("utf-8", "replace").split())
    return f"The mail server answered {code} {text}"[:LONGEST_ANSWER]
