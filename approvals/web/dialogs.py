"""The forms by which a person acts on one request, and what was typed into them so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from approvals.domain import amounts, cards_words
from approvals.domain.cards import Card
from approvals.domain.denials import SHORTEST_REASON, WHY
from approvals.domain.state import RequestState, clock
from approvals.domain.terms import AskedOf, RiskLevel, Verdict
from approvals.models import ApprovalRequest, Person
from approvals.web import moments
from approvals.web.ladder import Ladder

STARTERS = ("Try again with …", "Wait until …", "Ask … first.")
ADD_TIME = "add-time"


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person sent that did not count: into which form, and what was wrong with which field."""

    key: str = ""
    text: str = ""
    choice: str = ""
    stop: bool = False
    wrong: Mapping[str, str] = field(default_factory=dict)
    reopens: bool = False


@dataclass(frozen=True, slots=True)
class Dialog:
    """One form: a question that names the object, the facts it faces, and the button's words."""

    key: str
    action: str
    question: str
    object: str
    submit: str
    facing: tuple[str, ...]
    verdict: str = ""
    label: str = ""
    hint: str = ""
    confirm: str = ""
    progress: str = ""
    how_much: str = ""
    why: Mapping[str, str] = field(default_factory=dict)
    whom: Mapping[str, str] = field(default_factory=dict)
    starters: tuple[str, ...] = ()
    offers_stop: bool = False
    needs_password: bool = False
    opened: str = ""
    shortest: int = 0
    is_required: bool = False
    is_primary: bool = False
    is_open: bool = False
    text: str = ""
    choice: str = ""
    stop: bool = False
    people: Sequence[Person] = ()
    wrong: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What approving asks of this reader: the ladder, whether it must be a fresh sign-in, the proof
    that everything was opened."""

    ladder: Ladder
    needs_password: bool
    opened: str


def approve(
    card: Card, row: ApprovalRequest, state: RequestState, asked: Asked, typed: Typed
) -> Dialog:
    """Restates what runs, how much and whether it can be undone; critical ones ask for more."""
    seats = state.current.seats
    steps = asked.ladder
    return _dialog(
        "approve", card, typed,
        question="Approve",
        submit="Approve",
        facing=(
            _size(card),
            *_how_much(row),
            undo_words(row),
            cards_words.after_approval(state),
            *_counts_for(card),
        ),
        verdict=Verdict.APPROVE.value,
        label="Reason" if steps.needs_reason else "Note (optional)",
        hint="The agent and its owner will see this.",
        is_required=steps.needs_reason,
        confirm=_confirm(steps),
        progress=f"{state.filled + 1} of {seats}" if seats > 1 else "",
        how_much=amounts.named(row.submission["parameters"]),
        needs_password=asked.needs_password,
        opened=asked.opened,
        is_primary=card.risk is not RiskLevel.CRITICAL,
    )  # fmt: skip


def _how_much(row: ApprovalRequest) -> tuple[str, ...]:
    name, _, value = amounts.told(row.submission["parameters"]).partition(" ")
    return (f"{name.capitalize()}: {value}.",) if name else ()


def _confirm(steps: Ladder) -> str:
    if steps.fact is None:
        return ""
    return f"Type “{steps.fact.wanted}”, {steps.fact.words}, to confirm"


def _counts_for(card: Card) -> tuple[str, ...]:
    """Which requests a click here decides, when they are more than one."""
    if len(card.counts_for) < 2:
        return ()
    refs = ", ".join(card.counts_for)
    return (f"This counts for {len(card.counts_for)} identical requests: {refs}.",)


def deny(card: Card, typed: Typed, *, may_stop: bool) -> Dialog:
    return _dialog(
        "deny", card, typed,
        question="Deny",
        submit="Deny",
        facing=("One denial closes the request. Nothing will run.", *_counts_for(card)),
        verdict=Verdict.DENY.value,
        label="Reason",
        hint=f"At least {SHORTEST_REASON} characters. The agent and its owner will see this. "
        "Say what would have to change.",
        why=WHY,
        starters=STARTERS,
        offers_stop=may_stop,
        shortest=SHORTEST_REASON,
        is_required=True,
    )  # fmt: skip


def investigate(
    card: Card, row: ApprovalRequest, state: RequestState, typed: Typed, *, now: datetime
) -> Dialog:
    whom = _whom(row)
    pause = state.pause_open
    return _dialog(
        "investigate", card, typed,
        question="Ask first about",
        submit="Ask about",
        facing=(
            *(() if whom else (f"It goes to the agent {row.agent.name}.",)),
            f"The clock pauses until you are answered, for {moments.span(pause)} at most, "
            f"so until {clock(now + pause)}.",
            "Nothing is decided by asking.",
        ),
        verdict=Verdict.INVESTIGATE.value,
        label="Question",
        hint="The agent and its owner can both read it, whoever is asked." if whom else "",
        whom=whom,
        usual=AskedOf.BOTH.value,
        is_required=True,
    )  # fmt: skip


def _whom(row: ApprovalRequest) -> Mapping[str, str]:
    """Who can be asked; no choice where the agent has no owner who could answer."""
    agent, owner = row.agent.name, row.agent.owner
    if owner is None or not owner.is_active:
        return {}
    return {
        AskedOf.BOTH.value: f"The agent {agent} or its owner {owner}, whoever answers first",
        AskedOf.OWNER.value: f"Only the owner, {owner}",
        AskedOf.AGENT.value: f"Only the agent {agent}",
    }


def assign(card: Card, typed: Typed, people: Sequence[Person], is_cut: bool) -> Dialog:
    """`is_cut`: there are more people than can be chosen from."""
    cut = (f"Only the first {len(people)} people by name can be chosen.",) if is_cut else ()
    return _dialog(
        "assign", card, typed,
        question="Ask somebody to look at",
        submit="Ask about",
        facing=(
            "They are told where a channel reaches them.",
            "It gives no right to decide: only the teams asked can.",
            *cut,
        ),
        people=people,
    )  # fmt: skip


def add_time(card: Card, state: RequestState, typed: Typed, added: timedelta) -> Dialog:
    """`added` is how much there is to give now."""
    return _dialog(
        ADD_TIME, card, typed,
        question=f"Add {moments.span(added)} to decide about",
        submit=f"Add {moments.span(added)} for",
        facing=(
            f"People may then decide until {clock(state.decide_by + added)}.",
            f"It is taken from the time for questions. Ends for good at {clock(state.expires_at)}, "
            "which nobody can move.",
            "Each person can do this once. The agent goes on waiting.",
        ),
    )  # fmt: skip


def cancel(card: Card, typed: Typed) -> Dialog:
    return _dialog(
        "cancel", card, typed,
        question="Withdraw",
        submit="Withdraw",
        facing=("You own this agent. Nobody has to decide any more, and nothing will run.",),
    )  # fmt: skip


def revoke(card: Card, typed: Typed) -> Dialog:
    return _dialog(
        "revoke", card, typed,
        question="Revoke the approval to",
        submit="Revoke",
        facing=("The agent has not started it. After this it cannot.",),
    )  # fmt: skip


def spoken(card: Card) -> str:
    """What would be done to what, in the middle of a sentence."""
    return card.object[:1].lower() + card.object[1:]


def undo_words(row: ApprovalRequest) -> str:
    """Whether what would run can be undone, as far as anybody said."""
    available = (row.submission.get("rollback") or {}).get("available")
    if available is None:
        return "The agent does not say whether it can be undone."
    return f"The agent says it {'can' if available else 'cannot'} be undone (not checked)."


def _dialog(key: str, card: Card, typed: Typed, *, usual: str = "", **facts: object) -> Dialog:
    """`usual` is what is chosen before anybody chose."""
    verdict = facts.get("verdict")
    ours = typed if typed.key == key else Typed()
    return Dialog(
        key=key,
        action=f"/r/{card.ref}/{'decide' if verdict else key}",
        object=spoken(card),
        is_open=ours.reopens,
        text=ours.text,
        choice=ours.choice or usual,
        stop=ours.stop,
        wrong=ours.wrong,
        **facts,  # type: ignore[arg-type]  # the words above, each by its name
    )


def _size(card: Card) -> str:
    count = len(card.parameters)
    noun = "parameter" if count == 1 else "parameters"
    return f"{card.risk.capitalize()} risk. {count} {noun}, fingerprint {card.fingerprint}."
