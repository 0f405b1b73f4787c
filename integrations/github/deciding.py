"""Turn a button or a review into one verdict, or into words that say why it did not count.

GitHub shows whoever clicked nothing of our answer, so the words go into the check run's output.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from approvals import queries
from approvals.domain import errors, workflow
from approvals.domain.errors import Refusal
from approvals.domain.state import RequestState
from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Person
from approvals.models.outbox import Receipt
from approvals.services import actors, clock, ledger, lifecycle, moves, showing, telling
from integrations.github import asking, output, places
from integrations.github.configuration import Configuration
from integrations.github.payloads import Account, Pressed, Review
from integrations.github.places import Check

logger = logging.getLogger(__name__)

CHANNEL = "github"
BY_SIGNATURE, BY_READING = "github_signature", "github_api"
UNKNOWN = (
    "Not counted. The GitHub user {who} is linked to nobody here. An operator can link it; until "
    "then decide on the request's page."
)
NOT_OURS = "Not counted. This button was not drawn by this service for this request."
STALE = "Not counted. This review is of an earlier commit. Review the newest one."
VERDICTS = {"approved": Verdict.APPROVE, "changes_requested": Verdict.DENY}
STOCK = {
    Verdict.APPROVE: "",
    Verdict.DENY: "Deny was pressed on GitHub. No reason was written there.",
    Verdict.INVESTIGATE: (
        "Investigate was pressed on GitHub. No question was written there; whoever pressed it "
        "writes it here."
    ),
}
REQUESTED = "Changes were requested on GitHub, without words."


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether something counted, and the words for whoever did it."""

    counted: bool
    words: str = ""


NOTHING = Outcome(False)


@dataclass(frozen=True, slots=True)
class Act:
    """A verdict on its way in."""

    row: ApprovalRequest
    by: Account
    verdict: Verdict
    comment: str
    version: int | None
    shown: str
    authenticated_by: str


def press(pressed: Pressed, settings: Configuration) -> Outcome:
    """Count a button of a check run."""
    if not pressed.request or not _is_our_app(pressed, settings):
        return NOTHING
    try:
        row = queries.request(pressed.request)
    except errors.NotFound:
        return NOTHING
    if not isinstance(places.of(row.submission.get("labels") or {}), Check):
        return NOTHING
    receipt = _receipt(row, pressed)
    if receipt is None or pressed.verdict is None:
        _audit(
            row, pressed.sender, pressed.verdict or Verdict.INVESTIGATE, NOT_OURS, "not_our_button"
        )
        return Outcome(False, NOT_OURS)
    act = Act(
        row=row,
        by=pressed.sender,
        verdict=pressed.verdict,
        comment=STOCK[pressed.verdict],
        version=pressed.version,
        shown=receipt.shown_sha256,
        authenticated_by=BY_SIGNATURE,
    )
    return _count(act, settings)


def review(review: Review, settings: Configuration, *, authenticated_by: str) -> Outcome:
    """Count what a reviewer said of the newest commit; of an older one it is only told about."""
    row = _asked_about(review, settings)
    verdict = VERDICTS.get(review.state)
    if row is None or verdict is None:
        return NOTHING
    comment = review.body.strip() or (REQUESTED if verdict is Verdict.DENY else "")
    act = Act(row, review.user, verdict, comment, None, row.action_sha256, authenticated_by)
    return _count(act, settings, is_stale=review.commit != review.head)


def dismissed(review: Review, settings: Configuration) -> Outcome:
    """A review was taken back: what was approved by it must not stand.

    While the request waits, it is asked anew without that approval. Once approved, whoever dismissed
    it revokes it, as far as they may.
    """
    row = _asked_about(review, settings)
    person = asking.person_of(review.user)
    if row is None or person is None or not _approved_here(row, person):
        return NOTHING
    try:
        if not Status(row.status).is_final:
            lifecycle.cancel(ref=row.ref, agent=row.agent, at=clock.now())
            row.refresh_from_db()
        if row.status == Status.CANCELLED:  # perhaps by an attempt that came no further
            new = asking.again(row, round=str(review.id), settings=settings, at=clock.now())
            return Outcome(True, f"Asked again as {new.ref}.")
        by = asking.person_of(review.by)
        if by is None:
            raise errors.NotAllowed(UNKNOWN.format(who=review.by))
        lifecycle.revoke(ref=row.ref, person=by, at=clock.now())
    except Refusal as refusal:
        return _tell(row, f"The review was dismissed, and the approval stands. {refusal.words}")
    return Outcome(True, "Revoked.")


def _count(act: Act, settings: Configuration, *, is_stale: bool = False) -> Outcome:
    person = asking.person_of(act.by)
    if person is None:
        words = UNKNOWN.format(who=act.by)
        _audit(act.row, act.by, act.verdict, words, "unknown_person")
        return _tell(act.row, words)
    try:
        _refuse_unread(act, person, settings, is_stale=is_stale)
        lifecycle.decide(
            ref=act.row.ref,
            person=person,
            verdict=act.verdict,
            comment=act.comment,
            version=act.version,
            shown=act.shown,
            channel=CHANNEL,
            authenticated_by=act.authenticated_by,
            at=clock.now(),
        )
    except Refusal as refusal:
        return _tell(act.row, f"{act.by}: {refusal.words}")
    return Outcome(True, f"Counted: {act.verdict.value} on {act.row.ref}.")


def _refuse_unread(act: Act, person: Person, settings: Configuration, *, is_stale: bool) -> None:
    """Raise, and write down, when what the verdict is about did not stand there to be read."""
    words = STALE if is_stale else ""
    if not words and act.verdict is Verdict.APPROVE:
        stands_at = list(act.row.receipts.filter(adapter=CHANNEL).values_list("address", flat=True))
        card = showing.as_read(queries.card(act.row), adapter=CHANNEL, addresses=stands_at)
        why = output.why_not(card, critical_on_web=settings.critical_on_web) if card.is_open else ""
        words = f"Not counted. {why}" if why else ""
    if not words:
        return

    def move(state: RequestState) -> None:
        workflow.refuse_closed(state, at=at)
        raise errors.Changed(words) if is_stale else errors.NotAllowed(words)

    at = clock.now()
    attempt = moves.click_attempt(act.verdict, CHANNEL)
    ledger.transition(act.row.ref, move, actor=actors.person(person), at=at, attempt=attempt)


class NotYet(Refusal):
    """The check run was made a moment ago, and we have not written down which it is."""

    code = "not_yet"
    status = 503


def _receipt(row: ApprovalRequest, pressed: Pressed) -> Receipt | None:
    """The receipt of the very check run that was pressed, on the repository and commit we sent it to.

    Raises NotYet while there is none at all: the press comes again, and must not be lost.
    """
    receipts = list(row.receipts.filter(adapter=CHANNEL))
    if not receipts:
        raise NotYet("This check run is only just being made.")
    for receipt in receipts:
        place = places.read(receipt.address)
        is_there = (
            isinstance(place, Check)
            and place.repository.id == pressed.repository.id
            and place.sha == pressed.sha
        )
        if is_there and receipt.handle.get("check_run") == pressed.check_run:
            return receipt
    return None


def _asked_about(review: Review, settings: Configuration) -> ApprovalRequest | None:
    """The newest request for the head of a pull request."""
    key = asking.pull_key(review.repository.id, review.pull, review.head)
    rows = ApprovalRequest.objects.filter(
        agent__name=settings.agent, idempotency_key__startswith=key
    )
    newest = rows.order_by("-number").first()
    return queries.whole_request(newest.pk) if newest else None


def _approved_here(row: ApprovalRequest, person: Person) -> bool:
    return row.decisions.filter(
        person=person, verdict=Verdict.APPROVE.value, channel=CHANNEL
    ).exists()


def _is_our_app(pressed: Pressed, settings: Configuration) -> bool:
    """GitHub sends a button to the app that drew it; a number in the settings holds it to that."""
    return not settings.app_id.isdecimal() or pressed.app in (None, int(settings.app_id))


def _tell(row: ApprovalRequest, words: str) -> Outcome:
    """Put words into the output of the check run, when there is one, after GitHub has its answer."""
    for receipt in row.receipts.filter(adapter=CHANNEL):
        at = clock.now()
        said = f"{words} ({at:%H:%M:%S} UTC)"
        telling.tell(row, adapter=CHANNEL, address=receipt.address, words=said, at=at)
    return Outcome(False, words)


def _audit(row: ApprovalRequest, by: Account, verdict: Verdict, words: str, reason: str) -> None:
    lifecycle.refuse_stranger(
        ref=row.ref,
        who=f"{CHANNEL}:{by}",
        verdict=verdict,
        channel=CHANNEL,
        words=words,
        reason=reason,
        at=clock.now(),
    )
    logger.warning("github click not counted", extra={"ref": row.ref, "reason": reason})
