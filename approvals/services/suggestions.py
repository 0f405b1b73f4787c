"""What people say of suggestions made in shadow mode: right, or wrong."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from approvals.domain import errors
from approvals.domain.policy import matrix
from approvals.domain.policy.autonomy import SHADOW_MODE
from approvals.domain.terms import EventKind, RiskLevel
from approvals.models import ApprovalRequest, Person, SuggestionMark, states
from approvals.models.people import Role
from approvals.services import actors, ledger, policies


def mark(
    *, ref: str, person: Person, is_right: bool, comment: str = "", at: datetime
) -> SuggestionMark:
    """One mark per person and request, never edited; the same again changes nothing.

    Raises NotFound, Conflict for a request that shadow mode did not deny or for another mark than
    before, OwnAgent, NotAnApprover, or Invalid for a wrong without a reason.
    """
    with transaction.atomic(durable=True):
        row = ledger.locked(ref)
        _refuse_others(row)
        earlier = SuggestionMark.objects.filter(request=row, person=person).first()
        if earlier is not None:
            return _the_same(earlier, is_right)
        _refuse_stranger(row, person)
        if not is_right and not comment.strip():
            raise errors.Invalid("Say what is wrong about it. Nothing was marked.", field="comment")
        made = SuggestionMark.objects.create(
            request=row, person=person, is_right=is_right, comment=comment.strip(), at=at
        )
        detail = {"right": is_right, "comment": made.comment, "by": str(person)}
        ledger.note(
            row, EventKind.SUGGESTION_MARKED, actor=actors.person(person), at=at, detail=detail
        )
    return made


def _refuse_others(row: ApprovalRequest) -> None:
    if row.reason_code != SHADOW_MODE:
        raise errors.Conflict(
            f"{row.ref} is no suggestion: shadow mode did not deny it. Nothing was marked."
        )


def _the_same(earlier: SuggestionMark, is_right: bool) -> SuggestionMark:
    if earlier.is_right is is_right:
        return earlier
    before = "right" if earlier.is_right else "wrong"
    raise errors.Conflict(f"You marked this {before} already; a mark is never edited.")


def _refuse_stranger(row: ApprovalRequest, person: Person) -> None:
    """Those who would have been asked, and managers; never the agent's own people."""
    if person.pk in {row.agent.owner_id, row.owner_at_submission_id}:
        raise errors.OwnAgent("Not counted. This agent is yours, so someone else must mark it.")
    plan = matrix.asking(policies.current().matrix, RiskLevel(row.risk))
    asked = {team for stage in plan.stages for team in stage.teams(len(stage.rungs))}
    manages = person.is_active and person.role == Role.MANAGER
    if not manages and not states.approver(person).teams & asked:
        raise errors.NotAnApprover(
            f"Not counted. This is for {' or '.join(sorted(asked))}, and you are not one of them."
        )
