"""How far a test approval has come: posted, clicked, recorded, updated; and where it stuck, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from approvals.domain import channels, display
from approvals.domain.channels import CHANNELS, Channel, seconds, when
from approvals.domain.terms import EventKind, Status
from approvals.domain.trial import LIFE, ONLY
from approvals.models import ApprovalRequest, AuditEvent, Decision, Delivery, HeldDecision
from approvals.models.outbox import DeliveryState
from approvals.ports import MessageKind

SLOW = timedelta(seconds=15)
TELLS_ONCE = frozenset({"teams_workflow"})


class Stands(StrEnum):
    """`now` is what the test waits for; `unlike` went another way than the one that is tried."""

    DONE = "done"
    NOW = "now"
    LATER = "later"
    FAILED = "failed"
    UNLIKE = "unlike"


MARKS = {
    Stands.DONE: "✔",
    Stands.NOW: "…",
    Stands.LATER: "○",
    Stands.FAILED: "✖",
    Stands.UNLIKE: "!",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One of the four steps; `at` is when it was done, `fix` what to do where it stuck."""

    title: str
    stands: Stands
    words: str
    at: datetime | None = None
    fix: str = ""

    @property
    def mark(self) -> str:
        return MARKS[self.stands]


@dataclass(frozen=True, slots=True)
class Progress:
    """A test as its page shows it. `is_over` when nothing more will happen to it."""

    adapter: str
    title: str
    to: str
    ref: str
    steps: tuple[Step, ...]
    is_over: bool
    sentence: str
    sent_at: datetime


def progress(row: ApprovalRequest, *, now: datetime) -> Progress:
    """Where a test of a channel stands; four statements, whatever happened."""
    adapter = str(row.submission["labels"][ONLY])
    known = CHANNELS[adapter]
    cards = list(
        Delivery.objects.filter(request=row, adapter=adapter, kind=MessageKind.CARD.value).order_by(
            "id"
        )
    )
    decision = Decision.objects.filter(request=row).order_by("-id").first()
    held = HeldDecision.objects.filter(request=row, undone_at=None, released_at=None).first()
    refused = (
        AuditEvent.objects.filter(request=row, type=EventKind.DECISION_REFUSED.value)
        .order_by("-seq")
        .first()
    )
    posted = _posted(known, cards[:1], now=now)
    clicked = _clicked(known, row, posted, decision or held, refused)
    recorded = _recorded(row, decision or held)
    steps = (posted, clicked, recorded, _updated(known, row, cards, recorded, now=now))
    return Progress(
        adapter=adapter,
        title=known.title,
        to=channels.place(str(row.submission["parameters"].get("to", ""))),
        ref=row.ref,
        steps=steps,
        is_over=_is_over(row, steps),
        sentence=_sentence(known, steps),
        sent_at=row.created_at,
    )


def _posted(known: Channel, cards: Sequence[Delivery], *, now: datetime) -> Step:
    if not cards:
        words = f"{known.title} named no address for it, so nothing was posted."
        return Step("Posted", Stands.FAILED, words, fix="Run countersign doctor.")
    card = cards[0]
    to = channels.place(card.address)
    if card.state == DeliveryState.SENT:
        took = _seconds(card.created_at, card.finished_at)
        return Step("Posted", Stands.DONE, f"To {to}, after {took}.", card.finished_at)
    if card.state == DeliveryState.WAITING and not card.last_error:
        if now - card.created_at < SLOW or card.attempts:
            return Step("Posted", Stands.NOW, f"On its way to {to}.")
        words = f"No worker has taken it for {_seconds(card.created_at, now)}."
        return Step(
            "Posted",
            Stands.NOW,
            words,
            fix="Start a worker: countersign up, or the worker process.",
        )
    why, fix = (
        channels.reason(card.last_error),
        channels.fix(known.name, card.last_error, card.address),
    )
    if card.state == DeliveryState.WAITING:
        words = f"Not to {to} yet: {why} Next try {when(card.due_at, now)}."
        return Step("Posted", Stands.NOW, words, fix=fix)
    return Step("Posted", Stands.FAILED, f"Not to {to}: {why}", card.finished_at, fix)


def _clicked(
    known: Channel,
    row: ApprovalRequest,
    posted: Step,
    decision: Decision | HeldDecision | None,
    refused: AuditEvent | None,
) -> Step:
    title = "Clicked" if known.is_two_way else "Decided on the page"
    if decision is not None:
        return _decided(title, known, decision)
    if Status(row.status).is_final:
        words = f"Nobody did within {int(LIFE.total_seconds() // 60)} minutes, so the test expired."
        fix = _unclicked(known) if posted.stands is Stands.DONE else posted.fix
        return Step(title, Stands.FAILED, words, row.closed_at, fix)
    if refused is not None:
        said = display.show(str(refused.entry["detail"].get("words", "")), limit=300).text
        words = f"A click at {when(refused.at, refused.at)} did not count: {said}"
        return Step(title, Stands.NOW, words, fix="Mend what it says, and press the button again.")
    if posted.stands is not Stands.DONE:
        return Step(title, Stands.LATER, "")
    where = f"in {known.title}" if known.is_two_way else "on the page its link opens"
    return Step(
        title,
        Stands.NOW,
        f"Press Approve or Deny {where}, by {when(row.decide_by, row.decide_by)}.",
    )


def _decided(title: str, known: Channel, decision: Decision | HeldDecision) -> Step:
    pressed = {"approve": "Approve", "deny": "Deny"}.get(decision.verdict, decision.verdict)
    if known.is_two_way and decision.channel != known.name:
        words = (
            f"{pressed} was pressed, but in {channels.title(decision.channel)} and not in "
            f"{known.title}: whether clicks arrive from there is still open."
        )
        return Step(title, Stands.UNLIKE, words, decision.at, "Send another, and press there.")
    return Step(title, Stands.DONE, f"{pressed} was pressed.", decision.at)


def _recorded(row: ApprovalRequest, decision: Decision | HeldDecision | None) -> Step:
    if decision is not None and not Status(row.status).is_final:
        return Step("Recorded", Stands.NOW, "It can still be undone, and counts in a few seconds.")
    if decision is None:
        return Step("Recorded", Stands.LATER, "")
    words = f"{row.status.capitalize()} by {row.closed_by}, in the history of {row.ref}."
    return Step("Recorded", Stands.DONE, words, row.closed_at)


def _updated(
    known: Channel,
    row: ApprovalRequest,
    cards: Sequence[Delivery],
    recorded: Step,
    *,
    now: datetime,
) -> Step:
    title = "Card updated" if known.is_two_way else "Result sent"
    if recorded.stands is not Stands.DONE or row.closed_at is None:
        return Step(title, Stands.LATER, "")
    if known.name in TELLS_ONCE:
        return Step(
            title, Stands.DONE, f"{known.title} tells once, and is not updated.", row.closed_at
        )
    later = [card for card in cards if card.created_at >= row.closed_at]
    arrived = [card for card in later if card.state == DeliveryState.SENT]
    # One was also drawn while the decision could still be undone.
    if arrived and all(card.state != DeliveryState.WAITING for card in later):
        return Step(title, Stands.DONE, "It shows what was decided.", arrived[0].finished_at)
    last = next((card for card in later if card.last_error), None)
    if last is None:
        slow = now - row.closed_at > SLOW
        fix = "Look whether a worker runs: countersign doctor." if slow else ""
        return Step(title, Stands.NOW, "Being updated.", fix=fix)
    why, fix = (
        channels.reason(last.last_error),
        channels.fix(known.name, last.last_error, last.address),
    )
    if last.state == DeliveryState.DEAD:
        return Step(title, Stands.FAILED, f"Not updated: {why}", last.finished_at, fix)
    return Step(
        title, Stands.NOW, f"Not updated yet: {why} Next try {when(last.due_at, now)}.", fix=fix
    )


def _is_over(row: ApprovalRequest, steps: Sequence[Step]) -> bool:
    posted, *_, updated = steps
    if posted.stands is Stands.FAILED:
        return True
    return Status(row.status).is_final and updated.stands is not Stands.NOW


def _sentence(known: Channel, steps: Sequence[Step]) -> str:
    stands = [step.stands for step in steps]
    if all(each is Stands.DONE for each in stands):
        return f"{known.title} works, the whole way there and back."
    failed = next((step for step in steps if step.stands is Stands.FAILED), None)
    if failed is not None:
        return f"{known.title} failed at the step “{failed.title}”."
    if Stands.NOW in stands:
        return "Under way."
    return f"{known.title} was tried in part."


def _unclicked(known: Channel) -> str:
    if not known.is_two_way:
        return "Open the link in the message, and decide there."
    return (
        f"If you did press, {known.title} cannot reach this service. Look at the address it sends "
        "clicks to, at PUBLIC_URL, and at the proxy before it."
    )


def _seconds(since: datetime, until: datetime | None) -> str:
    return seconds(max(0.0, (until - since).total_seconds()) if until else 0.0)
