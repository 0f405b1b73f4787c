"""What is heard from PagerDuty: an action pressed, a field changed, an incident closed by hand."""

from __future__ import annotations

from datetime import timedelta

from approvals import queries
from approvals.domain.canonical import Malformed
from approvals.services import clock
from integrations.pagerduty import deciding, payloads, wire
from integrations.pagerduty.configuration import Configuration
from integrations.pagerduty.deciding import Act, NotOurs, Outcome
from integrations.pagerduty.payloads import Event

# Five calls at most are made for one press, and PagerDuty waits sixteen seconds for its answer.
CALL_SECONDS = 3.0
# PagerDuty gives up after two days, and what was heard is remembered for three.
OLDEST = timedelta(hours=50)
STILL_WAITS = (
    "Resolving this incident decided nothing. {state} Nobody will be paged about it again here. "
    "{ref} {url}"
)
NOTHING = Outcome(False, "")


def pressed(act: Act, settings: Configuration) -> Outcome:
    """Count a press. Raises DeliveryError when it should be heard again later."""
    if act.pressed.at and clock.now() - act.pressed.at > OLDEST:
        return Outcome(False, "Not counted. This was pressed days ago.")
    with wire.rest(settings, seconds=CALL_SECONDS) as client:
        return deciding.count(act, client=client, configuration=settings)


def heard(event: Event, settings: Configuration) -> Outcome:
    """Act on the few events that mean something here. Raises Malformed, DeliveryError."""
    if event.type == payloads.FIELDS_CHANGED and settings.decision_field:
        verdict = payloads.choice(event, settings.decision_field)
        if verdict is None:
            return NOTHING
        if event.by.at is None:
            raise Malformed("occurred_at is missing. Nothing was recorded.")
        return pressed(Act(event.by, verdict, deciding.BY_SIGNATURE), settings)
    if event.type == payloads.RESOLVED and event.by.user:
        return _resolved(event, settings)
    return NOTHING


def _resolved(event: Event, settings: Configuration) -> Outcome:
    """Whoever resolves an incident may think that the request is dealt with."""
    with wire.rest(settings, seconds=CALL_SECONDS) as client:
        try:
            row, _ = deciding.paged(event.by, client=client, configuration=settings)
        except NotOurs:
            return NOTHING
        card = queries.card(row)
        if not card.is_open:
            return NOTHING
        words = STILL_WAITS.format(state=card.state_line, ref=card.ref, url=card.url)
        deciding.tell(words, event.by, client=client)
    return Outcome(False, words)
