"""Turn a click into one verdict, or into words that say why it did not count."""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from datetime import datetime

from django.db import DatabaseError

from approvals import queries
from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Person, Receipt
from approvals.services import clock, knocks, lifecycle, people, reading
from approvals.services.knocks import Dropped
from integrations.teams import answers, configuration, linking, rooms, seals, views
from integrations.teams.activities import Account
from integrations.teams.answers import Outcome
from integrations.teams.elements import WORDS_LIMIT
from integrations.teams.presses import Click
from integrations.teams.seals import Carried

logger = logging.getLogger(__name__)

AUTHENTICATED_BY = "teams_token"
UNKNOWN = "We do not know who you are yet. Link your Teams account, then click again."
UNKNOWN_IN_PUBLIC = (
    "A click was not counted: we do not know whose Teams account made it. Nothing was decided. "
    "Open the request to decide."
)
NOT_OURS = (
    "Not counted. This button was not made by this service for this message. "
    "Open the request itself to decide."
)
FOREIGN = "Not counted. Your Teams account belongs to another organisation."
NO_WORDS = "Write a few words. Nothing was decided yet."
TOO_MANY_WORDS = f"Write at most {WORDS_LIMIT} characters. Nothing was decided yet."
FAULT = (
    "We could not record your decision. Nothing was approved. Try again or open the request. "
    "Error {code}."
)
LATER = (
    "Your decision is not recorded yet. We keep trying, and the message changes once it counts. "
    "Error {code}."
)


class Tampered(errors.NotAllowed):
    """The action does not belong to the card it was clicked on."""

    code = "not_our_button"


class Foreign(errors.NotAllowed):
    """The account belongs to an organisation whose people may not decide here."""

    code = "foreign_tenant"


def answer(click: Click, *, is_new: bool) -> Outcome:
    """Count it once; a click that came before, like a refresh, only shows what is there now."""
    try:
        row, carried = _trusted(click)
        if click.verdict is None or not is_new:
            return _shown(click, row)
        return _pressed(click, row, carried, click.verdict)
    except Refusal as refusal:
        return Outcome(refusal.words, status=answers.BAD)
    except DatabaseError:
        return _faulty()


def _faulty() -> Outcome:
    """Never words that nothing was decided while it may be, now or by whoever tries it again."""
    code = secrets.token_hex(3).upper()
    logger.exception("teams click was not recorded", extra={"fault": code})
    became = knocks.drop()
    if became is Dropped.HAPPENED:
        return Outcome()  # only the word that it was written was lost; its card tells it
    words = FAULT if became is Dropped.NOTHING else LATER
    return Outcome(words.format(code=code), status=answers.FAULT)


def _pressed(click: Click, row: ApprovalRequest, carried: Carried, verdict: Verdict) -> Outcome:
    at = knocks.moment(row)
    person = _person(click, verdict)
    if person is None:
        return _unknown(click, row, at=at)
    try:
        _check_words(click, verdict)
        if verdict is Verdict.APPROVE:
            _refuse_unread(click, row, person, at=at)
        lifecycle.decide(
            ref=str(row.public_id),
            person=person,
            verdict=verdict,
            comment=click.words,
            version=carried.version,
            shown=row.action_sha256,
            channel=rooms.ADAPTER,
            authenticated_by=AUTHENTICATED_BY,
            at=at,
        )
    except Refusal as refusal:
        wants_note = verdict is Verdict.APPROVE and refusal.facts.get("field") == "comment"
        return _refused(click, row, person, refusal.words, wants_note=wants_note, at=at)
    return _counted(click, row, person, at=at)


def _refuse_unread(click: Click, row: ApprovalRequest, person: Person, *, at: datetime) -> None:
    """The card may have been drawn before its room was limited, or critical ones kept out."""
    reading.refuse_unread(
        row,
        person=person,
        channel=rooms.ADAPTER,
        addresses=views.addresses(row, click.conversation),
        critical_on_web=configuration.current().critical_on_web,
        at=at,
    )


def _counted(click: Click, row: ApprovalRequest, person: Person, *, at: datetime) -> Outcome:
    """The decision stands, whether or not its card can be drawn."""
    try:
        return _view(click, row, person, at=at)
    except (DatabaseError, Refusal):
        logger.exception("teams card could not be drawn after a click")
        return Outcome()


def _shown(click: Click, row: ApprovalRequest) -> Outcome:
    """The present, for whoever asks; nothing is decided, so nobody need be known."""
    person = _known(click.account)
    link = _link(click.account) if person is None and row.closed_at is None else ""
    return _view(click, row, person, at=clock.now(), link=link)


def _unknown(click: Click, row: ApprovalRequest, *, at: datetime) -> Outcome:
    link = _link(click.account)
    outcome = _view(click, row, None, at=at, notice=UNKNOWN, link=link)
    return Outcome(UNKNOWN, outcome.card, in_public=UNKNOWN_IN_PUBLIC, link=link)


def _link(account: Account) -> str:
    """Where an account is linked; nowhere for one that could not count even then."""
    is_ours = account.external_id and account.tenant in configuration.current().tenants
    return linking.url(account) if is_ours else ""


def _refused(
    click: Click,
    row: ApprovalRequest,
    person: Person,
    words: str,
    *,
    wants_note: bool,
    at: datetime,
) -> Outcome:
    outcome = _view(click, row, person, at=at, notice=words, wants_note=wants_note)
    return Outcome(words, outcome.card)


def _view(
    click: Click,
    row: ApprovalRequest,
    person: Person | None,
    *,
    at: datetime,
    notice: str = "",
    link: str = "",
    wants_note: bool = False,
) -> Outcome:
    card = views.own(
        str(row.public_id),
        person,
        conversation=click.conversation,
        at=at,
        notice=notice,
        link=link,
        wants_note=wants_note,
    )
    return Outcome(card=card)


def _trusted(click: Click) -> tuple[ApprovalRequest, Carried]:
    """The request an action stands for. Raises Tampered, Changed or NotFound."""
    carried = seals.read(click.sealed)
    if carried is None:
        raise Tampered(NOT_OURS)
    row = queries.request(carried.request)
    if not _is_ours(row, carried, click):
        _audit(click, carried.request, NOT_OURS, reason=Tampered.code)
        raise Tampered(NOT_OURS)
    if not row.action_sha256.startswith(carried.shown):
        raise errors.Changed(
            "Not counted. The request changed after this message was drawn. "
            f"Read version {row.version}."
        )
    return row, carried


def _is_ours(row: ApprovalRequest, carried: Carried, click: Click) -> bool:
    """Say whether this service sent this action in this message.

    The receipt names the message. Until it is written, a moment after Teams shows the message, the
    conversation alone must do.
    """
    if not seals.is_genuine(carried, conversation=click.conversation):
        return False
    receipts = Receipt.objects.filter(request=row, adapter=rooms.ADAPTER)
    here = [
        handle["message"]
        for handle in receipts.values_list("handle", flat=True)
        if handle.get("conversation") == click.conversation
    ]
    return click.message in here if here else bool(click.message)


def _person(click: Click, verdict: Verdict) -> Person | None:
    """Who clicked; None and a line of history for somebody unknown. Raises Foreign."""
    carried = seals.read(click.sealed)
    request = carried.request if carried else ""
    if click.account.tenant not in configuration.current().tenants:
        _audit(click, request, FOREIGN, reason=Foreign.code)
        raise Foreign(FOREIGN)
    person = _known(click.account)
    if person is None:
        _audit(click, request, UNKNOWN, verdict=verdict)
    return person


def _known(account: Account) -> Person | None:
    if not account.external_id or account.tenant not in configuration.current().tenants:
        return None
    for external_id in (account.external_id, account.directory_id):
        person = people.by_identity(kind=linking.KIND, external_id=external_id)
        if person is not None:
            return person
    return None


def _audit(
    click: Click,
    request: str,
    words: str,
    *,
    reason: str = "unknown_person",
    verdict: Verdict | None = None,
) -> None:
    said = verdict or click.verdict
    if said is None:
        return  # a view was asked for, and no verdict is there to write down
    lifecycle.refuse_stranger(
        ref=request,
        who=str(click.account),
        verdict=said,
        channel=rooms.ADAPTER,
        words=words,
        reason=reason,
        at=clock.now(),
    )


def write_down_given_up(click: Click, words: str) -> None:
    """A line of history for a click that could not be decided in time, where its request is known."""
    carried = seals.read(click.sealed)
    if carried is not None:
        with suppress(errors.NotFound):
            _audit(click, carried.request, words, reason="given_up")


def _check_words(click: Click, verdict: Verdict) -> None:
    """Raise Invalid for words Teams itself would not have let through."""
    if not click.words and verdict is not Verdict.APPROVE:
        raise errors.Invalid(NO_WORDS, field="words")
    if len(click.words) > WORDS_LIMIT:
        raise errors.Invalid(TOO_MANY_WORDS, field="words")
