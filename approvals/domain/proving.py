"""What a plan asks of an approval beside a seat: words that say why, and proof of who gives it."""

from __future__ import annotations

from approvals.domain import errors
from approvals.domain.state import Click, RequestState


def refuse_short(state: RequestState, click: Click) -> None:
    """Raise FreshSignInNeeded or Invalid for what this approval lacks.

    Only a door that saw its person sign in just now says so; every other door leaves the click as it is.
    """
    if state.plan.step_up and not click.is_fresh:
        raise errors.FreshSignInNeeded(
            "Not counted. Approve it on the web: this needs a fresh sign-in."
        )
    if state.plan.approve_reason_required and not click.comment.strip():
        raise errors.Invalid(
            "This risk needs a reason to approve. Nothing was decided.", field="comment"
        )
