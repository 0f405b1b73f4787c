"""Write to team leads, once a day, what expired undecided that their teams were asked about."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from approvals.domain.display import escape_terminal
from approvals.models import Person
from approvals.services import expired_lists
from approvals.services.expired_lists import Line, Owed
from integrations.email import configuration, envelope, letters, post
from integrations.email.configuration import Configuration

logger = logging.getLogger(__name__)


class Letters:
    """Leads have a letter, whether or not requests are told by e-mail."""

    name = "email"

    def __init__(self, server: Configuration) -> None:
        self._server = server

    def addresses(self, people: Mapping[int, Person]) -> Mapping[int, str]:
        """Their own address, where mail can be sent to it."""
        return {pk: one.email for pk, one in people.items() if configuration.is_address(one.email)}

    def write(self, one: Owed, *, again: bool) -> None:
        """Mailboxes drop a second copy: it bears the same Message-ID."""
        del again
        letter = _letter(one, expired_lists.lines(one, address=one.to))
        # Two services may write in the name of one domain.
        key = f"{one.url.partition('?')[0]} expired {one.key}"
        subject = f"{one.count.capitalize()} expired undecided"
        mail = envelope.alone(
            letter, key=key, subject=subject, at=one.until, sender=self._server.sender, to=one.to
        )
        if self._server.console:
            logger.info("%s", escape_terminal(envelope.as_text(mail), keep_lines=True))
        else:
            post.send(mail, [one.to], self._server)


def _letter(one: Owed, listed: list[Line]) -> letters.Letter:
    """What agents named is written so that no mail program makes a link of it."""
    named = [letters.unlinked(f"{each.ref} · {each.words}", is_prose=False) for each in listed]
    more = [f"and {one.left_out:,} more, in history"] if one.left_out else []
    who = "them" if one.names_teams else "those of all teams"
    return letters.Letter(
        opening=(
            f"{one.count.capitalize()} of low and medium risk expired {one.span}. "
            "Your teams were asked and no decision came in time. Nothing ran; the agents can ask again."
        ),
        parts=(letters.Part("Not decided in time", (*named, *more)),),
        link=f"See {who} in history",
        url=one.url,
        closing=(
            letters.LAST_WORDS,
            "It is sent once a day to who leads the people that were asked.",
        ),
    )
