"""Write to people about what waits for them, one thread for each request.

Nothing in a message decides: it has one link, to the request's own page, where people sign in.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now

from approvals.domain.cards import Card
from approvals.domain.display import escape_terminal
from approvals.domain.terms import EventKind
from approvals.models import Person, Team, absences
from approvals.ports import BEHIND, DeliveryError, Left, Message, MessageKind, Notice, Partly
from approvals.services import expired_rounds, muting, quiet
from integrations.email import absences as about_absences
from integrations.email import configuration, envelope, expired_list, letters, post, readers

logger = logging.getLogger(__name__)

CHANNEL = "email:"
# Mail cannot be edited, so only what people must know makes a message: each lands in an inbox.
TOLD = {
    EventKind.SUBMITTED: MessageKind.CARD,
    EventKind.ESCALATED: MessageKind.CARD,
    EventKind.APPROVED: MessageKind.CARD,
    EventKind.DENIED: MessageKind.CARD,
    EventKind.EXPIRED: MessageKind.CARD,
    EventKind.CANCELLED: MessageKind.CARD,
    EventKind.REVOKED: MessageKind.CARD,
    EventKind.REMINDED: MessageKind.NOTE,
}
MOST_RECIPIENTS = 100


class EmailAdapter:
    """Sends a message when people are asked, called again, and when it is over."""

    name = "email"

    def __init__(self) -> None:
        self._configuration = configuration.current()

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """The plan's `email:` channels, or the default ones: an address each, or a team's name."""
        kind = TOLD.get(notice.kind)
        if kind is None or not notice.opened:
            return ()
        named = [c.removeprefix(CHANNEL) for c in notice.channels if c.startswith(CHANNEL)]
        wanted = dict.fromkeys(each.strip() for each in named or self._configuration.to)
        return [(kind, to) for to in wanted if to]

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Send one message; the receipt is `{subject}`, for answers to bear.

        Raises DeliveryError, and Partly where the server took it for some of a team.
        """
        if message.card is None:
            raise DeliveryError("E-mail carries cards and notes only.", permanent=True)
        to = _recipients(message.address)
        to = _awake(to, message.card, at=message.at)
        if message.event.get("type") == EventKind.REMINDED:
            to = _to_remind(to, message.card)
        if not to:
            # None of them wants it now, by quiet hours or this request's mute: the queue has it, and
            # nothing failed.
            return dict(message.receipt)
        reader = readers.of(message.address)
        letter = (
            letters.note(message.card, message.words, reader)
            if message.kind is MessageKind.NOTE
            else letters.card(message.card, reader)
        )
        subject = str(message.receipt.get("subject") or letters.subject(message.card))
        mail = envelope.seal(
            letter, message=message, card=message.card, subject=subject,
            sender=self._configuration.sender, to=to,
        )  # fmt: skip
        if self._configuration.console:
            logger.info("%s", escape_terminal(envelope.as_text(mail), keep_lines=True))
        elif refused := post.send(mail, to, self._configuration):
            raise Partly({"subject": subject}, _left(message.address, refused))
        return {"subject": subject}

    def look(self, *, at: datetime, since: datetime | None) -> None:
        """Write to leads what expired, and of absences that were set or ended. Raises DeliveryError."""
        del since
        try:
            expired_rounds.tell(expired_list.Letters(self._configuration), at=at)
        finally:
            about_absences.write(self._configuration, at=at)


def _awake(to: Sequence[str], card: Card, *, at: datetime) -> list[str]:
    """Without those whose quiet hours these are."""
    people = _people(to)
    resting = quiet.resting(people.values(), risk=card.risk, at=at)
    return [each for each in to if people.get(each.lower()) not in resting]


def _to_remind(to: Sequence[str], card: Card) -> list[str]:
    """Without those who want no reminders of this request."""
    people = _people(to)
    muted = muting.silenced(card.public_id, people.values())
    return [each for each in to if people.get(each.lower()) not in muted]


def _people(to: Sequence[str]) -> dict[str, int]:
    """Whose addresses these are, however a policy wrote them; a list that is nobody's is left out."""
    known = Person.objects.filter(email__in=[each.lower() for each in to])
    return dict(known.values_list("email", "pk"))


def _left(address: str, refused: Mapping[str, DeliveryError]) -> list[Left]:
    """Those of a team whom the server refused. The word is theirs alone from then on."""
    return [Left(f"{address}{BEHIND}{to}", why.words, why.permanent) for to, why in refused.items()]


def _recipients(address: str) -> list[str]:
    """An address is itself; a team is everybody active in it now, or the one who is named behind it
    and still belongs to it. Raises DeliveryError."""
    team, _, one = address.partition(BEHIND)
    if one:
        return [each for each in _recipients(team) if each == one]
    if configuration.is_address(address):
        return [address]
    if "@" in address:
        raise DeliveryError(f"{address[:200]!r} is not an e-mail address.", permanent=True)
    if not Team.objects.filter(name=address).exists():
        raise DeliveryError(f"There is no team {address[:80]!r} to write to.", permanent=True)
    # Whoever is away keeps their letters; whoever stands in for them has the same ones.
    stands_in = absences.in_force(Now()).filter(person__memberships__team__name=address)
    asked = Q(memberships__team__name=address) | Q(pk__in=stands_in.values("stand_in"))
    members = Person.objects.filter(asked, is_active=True).distinct()
    found = [e for e in members.values_list("email", flat=True) if configuration.is_address(e)]
    if not found:
        raise DeliveryError(f"Nobody in the team {address!r} can be written to.", permanent=True)
    if len(found) > MOST_RECIPIENTS:
        words = (
            f"The team {address!r} has {len(found)} people; {MOST_RECIPIENTS} can be written to."
        )
        raise DeliveryError(words, permanent=True)
    return sorted(found)
