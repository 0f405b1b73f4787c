"""Decide with a moment to think again: a verdict is recorded at once, and counts once that has passed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from approvals.domain import errors, timing
from approvals.domain.state import Change, RequestState, clock
from approvals.domain.terms import EventKind, RiskLevel, TimerKind, Verdict
from approvals.models import ApprovalRequest, HeldDecision, Person
from approvals.models.requests import lookup
from approvals.services import actors, clicks, knocks, ledger, lifecycle, outbox, sharing
from approvals.services.clicks import PAST, Said
from approvals.services.held import OPEN
from approvals.services.moves import Aside, click_attempt

# Critical ones ask for enough before the click; after it there is stopping the agent.
USUAL_SECONDS: Mapping[RiskLevel, int] = {
    RiskLevel.LOW: 5,
    RiskLevel.MEDIUM: 10,
    RiskLevel.HIGH: 10,
    RiskLevel.CRITICAL: 0,
}
SHORTEST = timedelta(seconds=1)  # less is no chance to think again
MOST_UNDONE = 5  # by one person on one request within an hour
HOUR = timedelta(hours=1)
MOVES_DEADLINE = frozenset({TimerKind.DEADLINE, TimerKind.RESUME})


def decide(said: Said, *, ref: str, at: datetime, now: datetime | None = None) -> ApprovalRequest:
    """Record a verdict and hold it for as long as it may be undone; where that is not at all, count it.

    `at` is the moment of the click, and `now` that from which it can be undone, where it is recorded
    later. The same verdict sent twice is one. Raises what `lifecycle.decide` raises, and Conflict while
    another verdict of the same person is held, or for a click they made before they took this back.
    """
    since = max(at, now or at)
    if said.verdict is Verdict.INVESTIGATE:
        return _at_once(said, ref=ref, at=at)

    def move(state: RequestState) -> Change | Aside | None:
        held = list(open_on_card(ref))
        mine = [each for each in held if each.person_id == said.person.pk]
        if mine and _is_said_before(mine, said, ref, at=at):
            knocks.settle()  # it must not come up again once that was taken back
            return None
        change = clicks.move(said, ref, at=at)(state)
        until = min(since + window(state, said, beside=held), _next_turn(state, at=at))
        return change if until - since < SHORTEST else _hold(said, state, at=at, until=until)

    return ledger.transition(
        ref,
        move,
        actor=actors.person(said.person),
        at=at,
        attempt=click_attempt(said.verdict, said.channel),
        others=clicks.others(said, at=at),
    )


def undo(*, ref: str, person: Person, at: datetime, newest: int | None = None) -> ApprovalRequest:
    """Take back what this person said, while it is held.

    Raises Conflict once it is not, with why, and TooMany for who took back too often within an hour.
    A click in hand takes back nothing that was said after it came in, nor after `newest`, the number of
    the last held decision its card showed, where its door knows.
    """
    came_in = knocks.came_in()
    said_before: dict[str, Any] = {} if came_in is None else {"at__lte": came_in}
    if newest is not None:
        said_before["pk__lte"] = newest

    def move(state: RequestState) -> Aside:
        del state
        held = open_on(ref).filter(person=person, **said_before).first()
        if held is None:
            raise _too_late(ref, person, said_before)
        _refuse_to_and_fro(held, at=at)
        detail = {"verdict": held.verdict, "by": str(person), "said_at": held.at.isoformat()}

        def also(row: ApprovalRequest) -> None:
            held.undone_at = at
            held.save(update_fields=["undone_at"])
            outbox.redraw(row, at=at)

        return Aside(EventKind.DECISION_UNDONE, detail, also)

    return ledger.transition(ref, move, actor=actors.person(person), at=at)


def open_on(ref: str) -> QuerySet[HeldDecision]:
    """What is held on a request now, oldest first."""
    where: dict[str, Any] = {f"request__{name}": value for name, value in lookup(ref).items()}
    return HeldDecision.objects.filter(**OPEN, **where).select_related("person").order_by("id")


def open_on_card(ref: str) -> QuerySet[HeldDecision]:
    """What is held now on a request and on those that share its card, oldest first."""
    return clicks.held_on_card(ref).filter(**OPEN).select_related("person").order_by("id")


def window(state: RequestState, said: Said, *, beside: list[HeldDecision]) -> timedelta:
    """How long this verdict may be undone. A denial does not wait behind an approval on its way.

    `beside` is what is held on the card: an approval of another on it may be one of this, too.
    """
    risk = state.plan.risk
    if said.verdict is Verdict.DENY and any(each.verdict == Verdict.APPROVE for each in beside):
        return timedelta(0)
    if settings.UNDO_SECONDS is None or risk is RiskLevel.CRITICAL:
        return timedelta(seconds=USUAL_SECONDS[risk])
    return timedelta(seconds=settings.UNDO_SECONDS)


def _at_once(said: Said, *, ref: str, at: datetime) -> ApprovalRequest:
    return lifecycle.decide(
        ref=ref,
        person=said.person,
        verdict=said.verdict,
        comment=said.comment,
        version=said.version,
        shown=said.shown,
        channel=said.channel,
        authenticated_by=said.authenticated_by,
        asked_of=said.asked_of,
        at=at,
    )


def _next_turn(state: RequestState, *, at: datetime) -> datetime:
    """When time itself next moves the request: by then what was said in time is given out."""
    turns = (due.at for due in timing.timers(state) if due.kind in MOVES_DEADLINE)
    return min(turns, default=at)


def _hold(said: Said, state: RequestState, *, at: datetime, until: datetime) -> Aside:
    detail = {
        "verdict": said.verdict.value,
        "comment": said.comment.strip(),
        "by": str(said.person),
        "channel": said.channel,
        "authenticated_by": said.authenticated_by,
        "version": state.version if said.version is None else said.version,
        "shown_sha256": said.shown or state.action_sha256,
        "until": until.isoformat(),
    }

    def also(row: ApprovalRequest) -> None:
        HeldDecision.objects.create(
            request=row,
            person=said.person,
            verdict=said.verdict.value,
            comment=said.comment.strip(),
            version=detail["version"],
            shown_sha256=detail["shown_sha256"],
            channel=said.channel,
            authenticated_by=said.authenticated_by,
            at=at,
            release_at=until,
        )
        outbox.redraw(row, at=at)

    return Aside(EventKind.DECISION_HELD, detail, also)


def _is_said_before(mine: list[HeldDecision], said: Said, ref: str, *, at: datetime) -> bool:
    """Whether just this is held already.

    Raises Conflict for the opposite, of any on the card, and for what it did not show yet.
    """
    row = ApprovalRequest.objects.get(**lookup(ref))
    for held in mine:
        if held.verdict != said.verdict:
            raise _another(held, row, at=at)
    same = next((held for held in mine if held.request_id == row.pk), None)
    if same is not None:
        _refuse_more(same, said, row)
    return same is not None


def _refuse_more(held: HeldDecision, said: Said, row: ApprovalRequest) -> None:
    """The same again, by somebody who meanwhile read of requests that came onto the card."""
    if said.version is None or said.version <= held.version:
        return
    joined = sharing.joined_after(row, held.version)
    on_card = row.joiners.filter(closed_at=None).order_by("number")
    came = [other.ref for other in on_card if other.ref in joined]
    if came:
        raise errors.Conflict(
            f"Not counted again. You {PAST[Verdict(held.verdict)]} this at {clock(held.at)}, and that "
            f"covers only what was shown then. {', '.join(came)} came onto this card since. "
            "Decide on that once yours has taken effect, or undo it and decide anew."
        )


def _another(held: HeldDecision, row: ApprovalRequest, *, at: datetime) -> errors.Refusal:
    what = "this" if held.request_id == row.pk else held.request.ref
    seconds = max(int((held.release_at - at).total_seconds()), 1)
    return errors.Conflict(
        f"Not counted. You {PAST[Verdict(held.verdict)]} {what} at {clock(held.at)}, which takes "
        f"effect in {seconds} s. Undo that first."
    )


def _refuse_to_and_fro(held: HeldDecision, *, at: datetime) -> None:
    """Each round is two lines of history and two edits of every message."""
    undone = HeldDecision.objects.filter(
        request=held.request_id, person=held.person_id, undone_at__gt=at - HOUR
    )
    newest = undone.order_by("-undone_at").values_list("undone_at", flat=True)[:MOST_UNDONE]
    moments = [moment for moment in newest if moment is not None]
    if len(moments) == MOST_UNDONE:
        room = moments[-1] + HOUR - at
        raise errors.TooMany(
            f"Not undone. You took back {MOST_UNDONE} decisions on this within an hour, which is as "
            f"many as one person may. This one takes effect at {clock(held.release_at)}. "
            "An approval can still be revoked then, until it is used.",
            retry_after=max(int(room.total_seconds()), 1),
        )


def _too_late(ref: str, person: Person, said_before: Mapping[str, Any]) -> errors.Refusal:
    """Why there was nothing to undo then."""
    where: dict[str, Any] = {f"request__{name}": value for name, value in lookup(ref).items()}
    mine = HeldDecision.objects.filter(person=person, **said_before, **where)
    last = mine.order_by("-id").first()
    if last is None:
        return errors.Conflict(_of_others(ref, person))
    if last.undone_at is not None:
        return errors.Conflict(
            f"You took this back at {clock(last.undone_at)} already. Nothing was changed."
        )
    if last.why_not:
        return errors.Conflict(f"There is nothing to undo: it did not count. {last.why_not}")
    return errors.Conflict(
        f"Too late to undo: you {PAST[Verdict(last.verdict)]} this at {clock(last.at)}, and it has "
        "taken effect."
    )


def _of_others(ref: str, person: Person) -> str:
    """Whose it is to undo what is held, for somebody who held nothing when that Undo was theirs to press."""
    held = list(open_on(ref))
    if any(each.person_id == person.pk for each in held):
        return (
            "Not undone. This Undo is from before what you said, which still waits. Press Undo on the "
            "card as it stands now."
        )
    whose = [f"{each.person}, who {PAST[Verdict(each.verdict)]} this," for each in held]
    only = f" Only {' or '.join(whose)} can undo that." if whose else ""
    return f"Nothing of yours waits to be undone here.{only} Nothing was changed."
