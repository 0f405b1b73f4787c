"""Where a request stands, as icon, word and weight; the word alone is always enough."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.domain.state import RequestState
from approvals.domain.terms import Status


@dataclass(frozen=True, slots=True)
class Standing:
    """`css` is one of the three weights, or the two exceptions for denied and failed."""

    words: str
    css: str


CLOSED = {
    Status.DENIED: Standing("✖ Denied", "status-denied"),
    Status.EXPIRED: Standing("⌛ Not decided in time", "status-closed"),
    Status.CANCELLED: Standing("⊘ Withdrawn", "status-closed"),
    Status.REVOKED: Standing("⊘ Revoked before use", "status-closed"),
}
OUTCOMES = {
    "success": Standing("✔▷ Ran", "status-closed"),
    "failure": Standing("! Approved but failed", "status-failed"),
    "rolled_back": Standing("! Ran, rolled back", "status-failed"),
}


def of(state: RequestState, *, is_yours: bool = False) -> Standing:
    """The badge of a request; `is_yours` when the reader can decide it now."""
    if state.status is Status.APPROVED:
        return _approved(state)
    if state.status.is_final:
        return CLOSED[state.status]
    return Standing(_waiting(state), "status-yours" if is_yours else "status-open")


def _waiting(state: RequestState) -> str:
    if state.status is Status.INVESTIGATING:
        return "? Question open"
    if state.filled:
        return f"◐ {state.filled} of {state.current.seats} approved"
    return "⇧ Escalated" if state.rung else "◷ Waiting"


def _approved(state: RequestState) -> Standing:
    if state.outcome:
        return OUTCOMES[str(state.outcome["status"])]
    if state.grant and state.grant.consumed_at:
        return Standing("▷ Running", "status-closed")
    if state.grant and state.grant.lapsed:
        return Standing("⌛ Approved, not used in time", "status-closed")
    return Standing("✔ Approved", "status-closed")
