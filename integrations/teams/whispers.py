"""Tell somebody in the conversation what their click did not do, where no answer can say it."""

from __future__ import annotations

import logging

from approvals.ports import DeliveryError
from integrations.teams import configuration, wire
from integrations.teams.activities import Activity
from integrations.teams.adapter import words, wrapped
from integrations.teams.answers import Outcome

logger = logging.getLogger(__name__)

# Teams waits some seconds for its answer, and an old client's words go another way.
SECONDS = 2.5


def tell(activity: Activity, outcome: Outcome) -> None:
    """Only a refusal is worth a message: what counted is told by its card."""
    if not outcome.words:
        return
    said, link = outcome.words, outcome.link
    if not activity.is_personal:
        said, link = outcome.in_public or outcome.words, ""
    body = wrapped(words(said, url=link, title="Link your Teams account"), outcome.in_short)
    body["replyToId"] = activity.message
    try:
        connector = wire.connector(configuration.current(), seconds=SECONDS)
        connector.post(activity.service_url, activity.conversation, body)
    except DeliveryError as error:
        logger.warning("teams user could not be told", extra={"error": error.words[:200]})
