"""Put a letter into a message that stays in its request's thread and asks for no answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email import policy
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.utils import format_datetime

from approvals.domain.cards import Card
from approvals.ports import BEHIND, Message, MessageKind
from integrations.email import letters
from integrations.email.letters import Letter


def seal(
    letter: Letter,
    *,
    message: Message,
    card: Card,
    subject: str,
    sender: Address,
    to: Sequence[str],
) -> EmailMessage:
    """The whole message. A repeated attempt has the same Message-ID, so that mailboxes drop it."""
    # Whoever is told alone stands in the thread of their team, of which they may have the beginning.
    address, _, alone = message.address.partition(BEHIND)
    root = _root(card, address, sender.domain)
    is_first = message.kind is MessageKind.CARD and not message.receipt
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = sender
    mail["To"] = to[0] if to == [address] else _team(address)
    mail["Subject"] = letters.one_line(subject if is_first else f"Re: {subject}")
    mail["Date"] = format_datetime(message.at)
    is_root = is_first and not alone
    mail["Message-ID"] = root if is_root else f"<{message.id}@{sender.domain}>"
    if not is_root:
        mail["In-Reply-To"] = root
        mail["References"] = root
    return _filled(mail, letter)


def alone(
    letter: Letter, *, key: str, subject: str, at: datetime, sender: Address, to: str
) -> EmailMessage:
    """A message in nobody's thread. `key` is the same at every attempt, and so is its Message-ID."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = letters.one_line(subject)
    mail["Date"] = format_datetime(at)
    whose = hashlib.sha256(key.encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{whose}@{sender.domain}>"
    return _filled(mail, letter)


def as_text(mail: EmailMessage) -> str:
    """The message as people read it: some headers and the plain part."""
    shown = [f"{name}: {mail[name]}" for name in ("From", "To", "Subject")]
    plain = mail.get_body(("plain",))
    return "\n".join([*shown, "", plain.get_content() if plain else ""])


def _filled(mail: EmailMessage, letter: Letter) -> EmailMessage:
    """With what it says, twice, and the wish for no answer."""
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(letters.text(letter), cte="quoted-printable")
    mail.add_alternative(letters.html(letter), subtype="html", cte="quoted-printable")
    return mail


def _team(name: str) -> Group:
    """A team's name stands for its people, who need not read each other's addresses."""
    return Group(letters.one_line(f"{name} team"), ())


def _root(card: Card, address: str, domain: str) -> str:
    """The Message-ID a thread begins with: the same for each request and address, for ever."""
    whose = hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:16]
    return f"<{card.public_id}.{whose}@{domain}>"
