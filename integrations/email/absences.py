"""Write to whoever should know that somebody is away: their manager, and who stands in."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from approvals.domain.display import escape_terminal
from approvals.ports import DeliveryError
from approvals.services import absence_letters
from integrations.email import configuration, envelope, letters, post
from integrations.email.configuration import Configuration

logger = logging.getLogger(__name__)
# A look ends within a minute and writes of other things too; what is left then is written by the next.
MOST_SECONDS = 20.0


def write(server: Configuration, *, at: datetime) -> None:
    """Write what is owed. Raises DeliveryError unless all of it was taken or can never be."""
    began, failed = time.monotonic(), None
    for one in absence_letters.owed(at=at):
        if time.monotonic() - began > MOST_SECONDS:
            raise DeliveryError("There was no time to write to everybody about absences.")
        try:
            _write(one, server)
        except DeliveryError as error:
            if not error.permanent:
                failed = failed or error
                continue
            logger.warning("letter about an absence was refused for good: %s", error.words)
        absence_letters.kept(one, at=at)
    if failed is not None:
        raise failed


def _write(one: absence_letters.Letter, server: Configuration) -> None:
    if not configuration.is_address(one.to):
        raise DeliveryError(f"{one.to[:200]!r} is not an e-mail address.", permanent=True)
    # Two services may write in the name of one domain.
    key = f"{one.url} {one.key} {one.at.isoformat()}"
    mail = envelope.alone(
        _letter(one), key=key, subject=letters.unlinked(one.subject), at=one.at,
        sender=server.sender, to=one.to,
    )  # fmt: skip
    if server.console:
        logger.info("%s", escape_terminal(envelope.as_text(mail), keep_lines=True))
    else:
        post.send(mail, [one.to], server)


def _letter(one: absence_letters.Letter) -> letters.Letter:
    """The note is somebody's own words, so nothing in it becomes a link."""
    parts = [letters.Part("Who stands in", tuple(letters.unlinked(line) for line in one.facts))]
    if one.note:
        note = letters.unlinked(one.note, is_prose=True)
        parts.append(letters.Part("Their note", (note,), is_claim=True))
    return letters.Letter(
        opening=letters.unlinked(one.opening),
        parts=tuple(parts),
        link="See who is away",
        url=one.url,
        closing=(letters.LAST_WORDS,),
    )
