"""One person's click as a move of the request it was made on, and of those that shared its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q, QuerySet

from approvals.domain import errors, workflow
from approvals.domain.state import Change, Click, RequestState, clock
from approvals.domain.terms import AskedOf, Verdict
from approvals.models import ApprovalRequest, HeldDecision, Person, states
from approvals.models.requests import lookup
from approvals.services import knocks, sharing
from approvals.services.moves import Others

PAST = {Verdict.APPROVE: "approved", Verdict.DENY: "denied"}


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said, and what they were looking at; None where their door cannot know.

    `is_fresh` says that their door saw them sign in just now, and `by_session` that it knows them by the
    session of a browser; `was_held` that the version was the present one when they said it, and this is
    that said again at its time. `asked_of` is for a question.
    """

    person: Person
    verdict: Verdict
    comment: str = ""
    version: int | None = None
    shown: str | None = None
    channel: str = "api"
    authenticated_by: str = ""
    is_fresh: bool = False
    by_session: bool = False
    was_held: bool = False
    asked_of: AskedOf = AskedOf.BOTH

    def __post_init__(self) -> None:
        # No database keeps a NUL: whichever door it came through, the other words are kept.
        object.__setattr__(self, "comment", self.comment.replace("\0", ""))

    @property
    def stands(self) -> bool:
        """Whether it counts though people should read more now: nothing said later makes a denial unsafe."""
        return self.was_held and self.verdict is Verdict.DENY


def move(said: Said, ref: str, *, at: datetime) -> Callable[[RequestState], Change]:
    """Count the click on the request it was made on. The caller holds the lock.

    Whatever its channel, raises Conflict for one its giver has thought better of since.
    """

    def counted(state: RequestState) -> Change:
        if not said.was_held and said.verdict in PAST:
            _refuse_overtaken(said, ref, at=at)
        seen = None if said.stands else as_seen(ref, said.version, state)
        change = workflow.decide(state, _click(said, state, seen), at=at)
        if said.asked_of is AskedOf.OWNER:
            _refuse_unowned(ref)
        if said.stands and said.version != state.version:
            return replace(change, detail={**change.detail, "seen_version": said.version})
        return change

    return counted


def others(said: Said, *, at: datetime) -> Others:
    """Count it for the requests that were on the card at the version shown, too."""

    def counted_too(state: RequestState) -> Change:
        return workflow.decide(state, _click(said, state, None), at=at)

    def shown_with(
        row: ApprovalRequest, change: Change, beside: Sequence[ApprovalRequest]
    ) -> Sequence[ApprovalRequest]:
        del change
        if said.stands and said.version is not None:
            hidden: frozenset[str] | None = sharing.joined_after(row, said.version)
        else:
            hidden = sharing.unseen(row, said.version)
        if row.joined_id is not None or hidden is None:
            return ()
        return [other for other in beside if other.ref not in hidden]

    return Others(shown_with, counted_too)


def as_seen(ref: str, version: int | None, state: RequestState) -> int | None:
    """The version to hold a click against: more requests on the card do not make it stale, for it
    counts only for those it was shown. The caller holds the lock."""
    if version is None or version == state.version:
        return version
    row = ApprovalRequest.objects.get(**lookup(ref))
    return version if sharing.unseen(row, version) is None else state.version


def held_on_card(ref: str) -> QuerySet[HeldDecision]:
    """Everything that is held or was on a request and on those that share its card."""
    row = ApprovalRequest.objects.only("number", "joined").get(**lookup(ref))
    leader = row.joined_id or row.pk
    card = ApprovalRequest.objects.filter(Q(pk=leader) | Q(joined=leader))
    return HeldDecision.objects.filter(request__in=card)  # by indices, however much was ever held


def _refuse_overtaken(said: Said, ref: str, *, at: datetime) -> None:
    """A click made before its giver took the same back, or decided anew, that comes up only now.

    One in hand was made when it came in, whatever was written since: a reminder makes it no newer.
    """
    came_in = knocks.came_in()
    later = Q(undone_at__gte=came_in or at)
    if came_in is not None:
        later |= Q(at__gt=came_in)
    newest = held_on_card(ref).filter(later, person=said.person).order_by("-id").first()
    if newest is None:
        return
    if newest.undone_at is not None:
        raise errors.Conflict("Not counted. You took this back after that click.")
    raise errors.Conflict(
        f"Not counted. You {PAST[Verdict(newest.verdict)]} {newest.request.ref} after that click, "
        f"at {clock(newest.at)}."
    )


def _refuse_unowned(ref: str) -> None:
    """A question to nobody would stop the clock and never be answered."""
    if not ApprovalRequest.objects.filter(agent__owner__is_active=True, **lookup(ref)).exists():
        raise errors.Invalid(
            "This agent has no owner who could answer. Ask the agent. Nothing was asked.",
            field="asked_of",
        )


def _click(said: Said, state: RequestState, seen: int | None) -> Click:
    return Click(
        approver=states.approver(said.person),
        verdict=said.verdict,
        comment=said.comment.strip(),
        version=seen,
        shown=said.shown or (state.action_sha256 if said.version is not None else None),
        channel=said.channel,
        authenticated_by=said.authenticated_by,
        is_fresh=said.is_fresh,
        by_session=said.by_session,
        asked_of=said.asked_of,
    )
