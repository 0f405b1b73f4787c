"""What may happen to an approval: used once, revoked before, lapsed; and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from approvals.domain import errors
from approvals.domain.state import Change, Grant, RequestState, clock, close
from approvals.domain.terms import (
    Basis,
    EventKind,
    OutcomeStatus,
    Status,
)


def revoke(state: RequestState, *, by: str, at: datetime) -> Change:
    """Take an approval back before it is used. Raises NotApproved or AlreadyConsumed."""
    if state.status is not Status.APPROVED or state.grant is None:
        raise errors.NotApproved(
            f"Only an approved request can be revoked; this one is {state.status}."
        )
    if state.grant.consumed_at:
        raise errors.AlreadyConsumed(
            f"Too late: the agent used this approval at {clock(state.grant.consumed_at)}."
        )
    return Change(
        EventKind.REVOKED,
        close(state, Status.REVOKED, Basis.PERSON, "revoked_before_use", by, at=at),
    )


def consume(
    state: RequestState, *, key: str, shown: str | None, expected: str, at: datetime
) -> Change | None:
    """Use the approval, once. None when the same `key` used it already: the same answer again.

    `shown` is the digest of the parameters about to run, `expected` of those approved. Raises
    NotApproved, ParametersChanged, AlreadyConsumed or GrantExpired.
    """
    if state.status is not Status.APPROVED or state.grant is None:
        raise errors.NotApproved(f"The request is {state.status}, not approved. Do not run it.")
    if shown is not None and shown != expected:
        raise errors.ParametersChanged(
            "These are not the parameters that were approved. Do not run them; submit a new request.",
            approved=expected,
            received=shown,
        )
    if state.grant.consumed_at:
        if key and key == state.grant.consumed_key:
            return None
        raise errors.AlreadyConsumed(
            f"This approval was used at {clock(state.grant.consumed_at)}; it works once. Do not run it again."
        )
    if state.grant.lapsed or at >= state.grant.expires_at:
        raise errors.GrantExpired(
            f"The approval ended unused at {clock(state.grant.expires_at)}. Do not run it; submit it again."
        )
    used = replace(state, grant=replace(state.grant, consumed_at=at, consumed_key=key))
    return Change(EventKind.CONSUMED, used)


def report_outcome(
    state: RequestState,
    outcome: Mapping[str, object],
    *,
    at: datetime,
) -> Change | None:
    """Write down how it went, once; a success may later be rolled back.

    None when the same outcome was reported before. Raises NotConsumed or OutcomeConflict.
    """
    if state.grant is None or state.grant.consumed_at is None:
        raise errors.NotConsumed("Nothing ran under this request: its approval was not consumed.")
    if state.outcome == outcome:
        return None
    if state.outcome is not None and not _rolls_back(state.outcome, outcome):
        raise errors.OutcomeConflict(f"The outcome {state.outcome['status']} was already reported.")
    return Change(
        EventKind.OUTCOME_REPORTED,
        replace(state, outcome=dict(outcome), outcome_at=at),
        detail=dict(outcome),
    )


def lapse(state: RequestState, grant: Grant, *, at: datetime) -> Change | None:
    if grant.consumed_at or grant.lapsed or at < grant.expires_at:
        return None
    lapsed = replace(state, grant=replace(grant, lapsed=True), reason_code="grant_expired")
    return Change(EventKind.GRANT_EXPIRED, lapsed)


def _rolls_back(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    return (
        before["status"] != OutcomeStatus.ROLLED_BACK
        and after["status"] == OutcomeStatus.ROLLED_BACK
    )
