"""What a suggestion made in shadow mode shows: what would have become of it, and what people said."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.domain import display
from approvals.domain.policy.autonomy import SHADOW_MODE
from approvals.domain.terms import Approval
from approvals.models import ApprovalRequest, Person, SuggestionMark

_WOULD_BE = {
    Approval.AUTO: "Without it, policy would have let this run without asking anybody.",
    Approval.REQUIRED: "Without it, people would have been asked.",
    Approval.FORBIDDEN: "Without it, policy would have refused this all the same.",
}


@dataclass(frozen=True, slots=True)
class Marked:
    """What one person said of it."""

    by: str
    word: str
    comment: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`may_mark` is False once this person has marked it, and for the agent's own people."""

    words: str
    marks: tuple[Marked, ...]
    may_mark: bool


def of(row: ApprovalRequest, person: Person) -> Suggestion | None:
    """None for what shadow mode did not deny."""
    if row.reason_code != SHADOW_MODE:
        return None
    would_be = _WOULD_BE[Approval(row.would_be)] if row.would_be else ""
    marks = list(SuggestionMark.objects.filter(request=row).select_related("person").order_by("pk"))
    is_theirs = person.pk in {row.agent.owner_id, row.owner_at_submission_id}
    return Suggestion(
        words=f"The agent is in shadow mode, so nothing ran. {would_be}".strip(),
        marks=tuple(
            Marked(
                display.show_identifier(str(mark.person)).text,
                "right" if mark.is_right else "wrong",
                display.show(mark.comment).text,
            )
            for mark in marks
        ),
        may_mark=not is_theirs and all(mark.person_id != person.pk for mark in marks),
    )
