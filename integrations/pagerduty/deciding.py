"""Turn what somebody did to an incident into one verdict, or into words that say why not.

An incident action carries neither a version nor a digest, so the receipt of the page says what the
person was shown. The clicker sees nothing of our answer: words go back as a note of the incident.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from pagerduty import RestApiV2Client

from approvals import queries
from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.terms import RiskLevel, Verdict
from approvals.models import ApprovalRequest
from approvals.models.outbox import Receipt
from approvals.ports import DeliveryError
from approvals.services import clock, lifecycle
from integrations.pagerduty import identity, incidents, page, seals
from integrations.pagerduty.configuration import Configuration
from integrations.pagerduty.payloads import Pressed

logger = logging.getLogger(__name__)

CHANNEL = "pagerduty"
BY_SECRET, BY_SIGNATURE = "pagerduty_secret", "pagerduty_signature"
# PagerDuty's clock and ours need not agree to the second.
SKEW = timedelta(seconds=30)
UNKNOWN = (
    "Not counted. This PagerDuty user ({who}) is linked to nobody here. An operator can link it; "
    "until then decide on the request's page."
)
NOT_OURS = (
    "Not counted. This incident was not opened by this service for a request. "
    "Open the request itself to decide."
)
SEVERAL = (
    "Not counted. Several requests stand behind this incident. Open the one you mean to decide."
)
STOCK = {
    Verdict.APPROVE: "",
    Verdict.DENY: "Deny was pressed in PagerDuty on incident {incident}. No reason was written there.",
    Verdict.INVESTIGATE: (
        "Investigate was pressed in PagerDuty on incident {incident}. No question was written there; "
        "whoever pressed it writes it here."
    ),
}


class NotOurs(errors.NotAllowed):
    """The incident does not stand for a request of ours."""

    code = "not_our_button"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a press counted, and the words for whoever pressed."""

    counted: bool
    words: str


@dataclass(frozen=True, slots=True)
class Act:
    """A verdict on its way in: `by` names how its sender was recognised."""

    pressed: Pressed
    verdict: Verdict
    by: str


def count(act: Act, *, client: RestApiV2Client, configuration: Configuration) -> Outcome:
    """Count the verdict, or say why not; words of a refusal also go on the incident.

    Raises DeliveryError when PagerDuty had to be asked and may answer later.
    """
    try:
        row, receipt = paged(act.pressed, client=client, configuration=configuration)
    except NotOurs as refusal:
        return Outcome(False, refusal.words)
    try:
        _refuse_lookalike(act, row, receipt, client=client)
        _refuse_unread(act, row, receipt, configuration)
        _decide(act, row, receipt, client=client, configuration=configuration)
    except Refusal as refusal:
        words = f"{refusal.words} {queries.card(row).url}"
        tell(words, act.pressed, client=client)
        return Outcome(False, words)
    return Outcome(True, f"Counted: {act.verdict} on {row.ref}.")


def paged(
    pressed: Pressed, *, client: RestApiV2Client, configuration: Configuration
) -> tuple[ApprovalRequest, Receipt]:
    """The request an incident stands for, and the receipt of its page.

    Raises NotOurs, and DeliveryError while the receipt of a page just sent is not written yet.
    """
    given = {pressed.key} if seals.request_of(pressed.key) else set()
    keys = [k for k in given or _keys_of(pressed, client) if seals.request_of(k)]
    if len(keys) != 1:
        raise NotOurs(SEVERAL if keys else NOT_OURS)
    [key] = keys
    try:
        row = queries.request(seals.request_of(key) or "")
    except errors.NotFound:
        raise NotOurs(NOT_OURS) from None
    for receipt in row.receipts.filter(adapter=CHANNEL):
        if receipt.handle.get("key") == key:
            return row, receipt
    if any(seals.is_genuine(key, address=each) for each in configuration.routing_keys):
        raise DeliveryError("The page was only just sent.")
    raise NotOurs(NOT_OURS)


def tell(words: str, pressed: Pressed, *, client: RestApiV2Client) -> None:
    """Put words where whoever pressed will look. That they could not be put is only logged."""
    try:
        incidents.add_note(client, pressed.incident, words)
    except DeliveryError as error:
        logger.warning("pagerduty user could not be told", extra={"error": error.words})


def _keys_of(pressed: Pressed, client: RestApiV2Client) -> set[str]:
    try:
        return incidents.keys_of(client, pressed.incident)
    except DeliveryError as error:
        if error.permanent:
            raise NotOurs(NOT_OURS) from error
        raise


def _refuse_lookalike(
    act: Act, row: ApprovalRequest, receipt: Receipt, *, client: RestApiV2Client
) -> None:
    """Only the incident that our own event opened shows what we said."""
    if incidents.opened_for(client, receipt.handle["key"]) == act.pressed.incident:
        return
    _audit(act, row, NOT_OURS, reason=NotOurs.code)
    raise NotOurs(NOT_OURS)


def _refuse_unread(
    act: Act, row: ApprovalRequest, receipt: Receipt, configuration: Configuration
) -> None:
    """Raise when the incident did not show, at that moment, what the verdict would be about."""
    moment, since = act.pressed.at, receipt.handle.get("since")
    if moment and since and moment < datetime.fromisoformat(since) - SKEW:
        raise errors.Changed(
            "Not counted. The request changed after this was pressed. Read it again and decide."
        )
    if act.verdict is not Verdict.APPROVE:
        return
    if not receipt.handle.get("complete"):
        raise errors.NotAllowed(
            "Not counted. The incident could not show all that would run. Approve on the request's page."
        )
    if configuration.critical_on_web and row.risk == RiskLevel.CRITICAL:
        raise errors.NotAllowed(
            "Not counted. Critical requests are approved on the request's page only."
        )


def _decide(
    act: Act,
    row: ApprovalRequest,
    receipt: Receipt,
    *,
    client: RestApiV2Client,
    configuration: Configuration,
) -> None:
    at = clock.now()
    person = identity.person_of(act.pressed, client=client, configuration=configuration, at=at)
    if person is None:
        words = UNKNOWN.format(who=page.inert(act.pressed.name or act.pressed.user or "no user"))
        _audit(act, row, words)
        raise errors.NotAllowed(words)
    lifecycle.decide(
        ref=str(row.public_id),
        person=person,
        verdict=act.verdict,
        comment=STOCK[act.verdict].format(incident=act.pressed.incident),
        version=receipt.handle["version"],
        shown=receipt.shown_sha256,
        channel=CHANNEL,
        authenticated_by=act.by,
        at=at,
    )


def _audit(act: Act, row: ApprovalRequest, words: str, *, reason: str = "unknown_person") -> None:
    lifecycle.refuse_stranger(
        ref=str(row.public_id),
        who=str(act.pressed),
        verdict=act.verdict,
        channel=CHANNEL,
        words=words,
        reason=reason,
        at=clock.now(),
    )
