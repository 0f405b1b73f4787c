"""What a plan asks of an approval beside a seat: words that say why, and proof of who gives it."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.domain import errors
from approvals.domain.plan import Plan
from approvals.domain.state import Click, RequestState
from approvals.domain.terms import RiskLevel


@dataclass(frozen=True, slots=True)
class Proof:
    """What one approval takes: a sign-in of just now, words that say why, and which version was read."""

    fresh: bool
    reason: bool
    version: bool


def wanted(plan: Plan, *, by_session: bool) -> Proof:
    """A browser's session lies open for hours, so with one a critical approval takes all of it, at
    whichever door it is used; with anything else what the policy asks for."""
    is_grave = by_session and plan.risk is RiskLevel.CRITICAL
    return Proof(
        fresh=is_grave or plan.step_up,
        reason=is_grave or plan.approve_reason_required,
        version=is_grave,
    )


def refuse_short(state: RequestState, click: Click) -> None:
    """Raise FreshSignInNeeded or Invalid for what this approval lacks.

    Only a door that saw its person sign in just now says so; every other door leaves the click as it is.
    """
    proof = wanted(state.plan, by_session=click.by_session)
    if proof.fresh and not click.is_fresh:
        raise errors.FreshSignInNeeded(
            "Not counted. Approve it on the web: this needs a fresh sign-in."
        )
    if proof.version and click.version is None:
        raise errors.Invalid(
            "Say which version of this critical request you read. Nothing was decided.",
            field="version",
        )
    if proof.reason and not click.comment.strip():
        raise errors.Invalid(
            "This risk needs a reason to approve. Nothing was decided.", field="comment"
        )
