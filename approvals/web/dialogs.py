"""The forms by which a person acts on one request, and what was typed into them so far."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.domain.cards import Card
from approvals.domain.state import RequestState
from approvals.domain.terms import RiskLevel, Verdict
from approvals.models import ApprovalRequest
from approvals.web import moments

CONFIRM_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person sent that did not count: into which form, and what was wrong with it."""

    key: str = ""
    text: str = ""
    error: str = ""
    confirm_error: str = ""
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
    is_required: bool = False
    is_primary: bool = False
    is_open: bool = False
    text: str = ""
    error: str = ""
    confirm_error: str = ""


def approve(card: Card, row: ApprovalRequest, state: RequestState, typed: Typed) -> Dialog:
    """Restates what runs and whether it can be undone; critical ones ask for a typed fact as well."""
    seats = state.current.seats
    needs_reason = state.plan.approve_reason_required
    last = confirmation(row)
    return _dialog(
        "approve", card, typed,
        question="Approve",
        submit="Approve",
        facing=(
            _size(card),
            _undo(row),
            f"You would be approval {state.filled + 1} of {seats}."
            if seats > 1
            else "Your approval is enough; the agent may then run it once.",
            *_counts_for(card),
        ),
        verdict=Verdict.APPROVE.value,
        label="Reason" if needs_reason else "Note (optional)",
        hint="The agent and its owner will see this.",
        is_required=needs_reason,
        confirm=f"Type “{last}”, the last {len(last)} characters of the target, to confirm" if last else "",
        progress=f"{state.filled + 1} of {seats}" if seats > 1 else "",
        is_primary=card.risk is not RiskLevel.CRITICAL,
    )  # fmt: skip


def _counts_for(card: Card) -> tuple[str, ...]:
    """Which requests a click here decides, when they are more than one."""
    if len(card.counts_for) < 2:
        return ()
    refs = ", ".join(card.counts_for)
    return (f"This counts for {len(card.counts_for)} identical requests: {refs}.",)


def deny(card: Card, typed: Typed) -> Dialog:
    return _dialog(
        "deny", card, typed,
        question="Deny",
        submit="Deny",
        facing=("One denial closes the request. Nothing will run.", *_counts_for(card)),
        verdict=Verdict.DENY.value,
        label="Reason",
        hint="The agent and its owner will see this. Say what would have to change.",
        is_required=True,
    )  # fmt: skip


def investigate(card: Card, state: RequestState, typed: Typed) -> Dialog:
    return _dialog(
        "investigate", card, typed,
        question="Ask first about",
        submit="Ask about",
        facing=(
            f"The clock pauses until the agent answers, for {moments.span(state.pause_left)} at most.",
            "Nothing is decided by asking.",
        ),
        verdict=Verdict.INVESTIGATE.value,
        label="Question to the agent",
        is_required=True,
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
    """The headline in the middle of a sentence."""
    return card.headline[:1].lower() + card.headline[1:]


def confirmation(row: ApprovalRequest) -> str:
    """What must be typed before a critical request is approved; empty for every other."""
    return (
        row.target.strip()[-CONFIRM_CHARACTERS:].strip() if row.risk == RiskLevel.CRITICAL else ""
    )


def _dialog(key: str, card: Card, typed: Typed, **facts: object) -> Dialog:
    verdict = facts.get("verdict")
    ours = typed if typed.key == key else Typed()
    return Dialog(
        key=key,
        action=f"/r/{card.ref}/{'decide' if verdict else key}",
        object=spoken(card),
        is_open=ours.reopens,
        text=ours.text,
        error=ours.error,
        confirm_error=ours.confirm_error,
        **facts,  # type: ignore[arg-type]  # the words above, each by its name
    )


def _size(card: Card) -> str:
    count = len(card.parameters)
    noun = "parameter" if count == 1 else "parameters"
    return f"{card.risk.capitalize()} risk. {count} {noun}, fingerprint {card.fingerprint}."


def _undo(row: ApprovalRequest) -> str:
    available = (row.submission.get("rollback") or {}).get("available")
    if available is None:
        return "The agent does not say whether it can be undone."
    return f"The agent says it {'can' if available else 'cannot'} be undone (not checked)."
