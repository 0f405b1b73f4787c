"""Turn a click into one verdict or one undo, or into words that say why it did not count."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime

from django.db import DatabaseError

from approvals.domain import denials, errors, pausing
from approvals.domain.denials import SHORTEST_REASON
from approvals.domain.errors import Refusal
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Person
from approvals.services import clock, holding, knocks, reading
from approvals.services.clicks import Said
from approvals.services.knocks import Dropped
from integrations.teams import answers, configuration, linking, rooms, sayings, trusting, views
from integrations.teams.activities import Account
from integrations.teams.answers import Outcome
from integrations.teams.elements import WORDS_LIMIT
from integrations.teams.presses import Click
from integrations.teams.seals import Carried

logger = logging.getLogger(__name__)

AUTHENTICATED_BY = "teams_token"
NO_WORDS = "Write a few words. Nothing was decided yet."
TOO_FEW_WORDS = f"Say why in at least {SHORTEST_REASON} characters. Nothing was decided yet."
TOO_MANY_WORDS = f"Write at most {WORDS_LIMIT} characters. Nothing was decided yet."


def answer(click: Click, *, is_new: bool) -> Outcome:
    """Count it once; a click that came before, like a refresh, only shows what is there now."""
    in_short = sayings.of(click).in_short
    try:
        row, carried = trusting.trusted(click)
        return _pressed(click, row, carried) if click.changes and is_new else _shown(click, row)
    except Refusal as refusal:
        return Outcome(refusal.words, status=answers.BAD, in_short=in_short)
    except DatabaseError:
        return _faulty(click)


def _faulty(click: Click) -> Outcome:
    """Never words that nothing was done while it may be, now or by whoever tries it again."""
    code = secrets.token_hex(3).upper()
    logger.exception("teams click was not recorded", extra={"fault": code})
    became = knocks.drop()
    if became is Dropped.HAPPENED:
        return Outcome()  # only the word that it was written was lost; its card tells it
    known = sayings.of(click)
    words = known.fault if became is Dropped.NOTHING else known.later
    return Outcome(words.format(code=code), status=answers.FAULT, in_short=known.in_short)


def _pressed(click: Click, row: ApprovalRequest, carried: Carried) -> Outcome:
    at = knocks.moment(row)
    person = trusting.person(click)
    if person is None:
        return _unknown(click, row, at=at)
    try:
        if click.verdict is None:
            _take_back(row, carried, person, at=at)
        else:
            _decide(click, row, carried, person, click.verdict, at=at)
    except Refusal as refusal:
        is_approval = click.verdict is Verdict.APPROVE
        wants_note = is_approval and refusal.facts.get("field") == "comment"
        return _refused(click, row, person, refusal.words, wants_note=wants_note, at=at)
    return _counted(click, row, person, at=at)


def _decide(
    click: Click,
    row: ApprovalRequest,
    carried: Carried,
    person: Person,
    verdict: Verdict,
    *,
    at: datetime,
) -> None:
    """Hold the verdict until it can no longer be undone, or count it where it never can."""
    _check_words(click, verdict)
    denying = verdict is Verdict.DENY
    comment = denials.reason(click.why, click.words) if denying else click.words
    if verdict is Verdict.APPROVE:
        _refuse_unread(click, row, person, at=at)
    said = Said(
        person=person,
        verdict=verdict,
        comment=comment,
        version=carried.version,
        shown=row.action_sha256,
        channel=rooms.ADAPTER,
        authenticated_by=AUTHENTICATED_BY,
        asked_of=pausing.whom(click.whom),
    )
    holding.decide(said, ref=str(row.public_id), at=at, now=clock.now())


def _take_back(row: ApprovalRequest, carried: Carried, person: Person, *, at: datetime) -> None:
    """Undo what whoever pressed said, if it is what their card showed and can be undone."""
    holding.undo(ref=str(row.public_id), person=person, at=at, newest=carried.newest)


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
    """What was done stands, whether or not its card can be drawn."""
    try:
        return _view(click, row, person, at=at)
    except (DatabaseError, Refusal):
        logger.exception("teams card could not be drawn after a click")
        return Outcome()


def _shown(click: Click, row: ApprovalRequest) -> Outcome:
    """The present, for whoever asks; nothing is decided, so nobody need be known."""
    person = trusting.known(click.account)
    link = _link(click.account) if person is None and row.closed_at is None else ""
    return _view(click, row, person, at=clock.now(), link=link)


def _unknown(click: Click, row: ApprovalRequest, *, at: datetime) -> Outcome:
    link, known = _link(click.account), sayings.of(click)
    outcome = _view(click, row, None, at=at, notice=sayings.UNKNOWN, link=link)
    return Outcome(
        sayings.UNKNOWN,
        outcome.card,
        in_public=known.unknown_in_public,
        link=link,
        in_short=known.in_short,
    )


def _link(account: Account) -> str:
    """Where an account is linked; nowhere for one that could not count even then."""
    is_ours = account.external_id and trusting.is_at_home(account)
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
    return Outcome(words, outcome.card, in_short=sayings.of(click).in_short)


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


def _check_words(click: Click, verdict: Verdict) -> None:
    """Raise Invalid for words Teams itself would not have let through."""
    if not click.words and verdict is not Verdict.APPROVE:
        raise errors.Invalid(NO_WORDS, field="words")
    if verdict is Verdict.DENY and len(click.words) < SHORTEST_REASON:
        raise errors.Invalid(TOO_FEW_WORDS, field="words")
    if len(click.words) > WORDS_LIMIT:
        raise errors.Invalid(TOO_MANY_WORDS, field="words")
