"""Answer what was asked about a request: by who owns the agent, or who may decide."""

from __future__ import annotations

from datetime import datetime

from approvals.domain import errors, workflow
from approvals.domain.state import Change, RequestState
from approvals.models import ApprovalRequest, Person, RequestMessage, states
from approvals.queries import questions
from approvals.services import actors, chatter, ledger
from approvals.services import questions as pauses
from approvals.services.moves import Others

LONGEST = 4_000


class NotYoursToAnswer(errors.NotAllowed):
    """The person neither owns the agent nor is asked to decide."""

    code = "not_yours_to_answer"


def answer(*, ref: str, person: Person, text: str, at: datetime) -> ApprovalRequest:
    """Add a person's answer to the thread; where a question to them is open, the clock runs again. The
    answer of whoever may decide ends any question, and the owner's none that only the agent was asked.

    Raises NotYoursToAnswer, Invalid, TooMany, AlreadyDecided or Expired.
    """
    words = text.strip()
    if not 0 < len(words) <= LONGEST:
        raise errors.Invalid(
            f"Write an answer of at most {LONGEST:,} characters. Nothing was recorded.",
            field="text",
        )

    def also(row: ApprovalRequest) -> None:
        RequestMessage.objects.create(
            request=row, person=person, from_agent=False, text=words, at=at
        )

    def move(state: RequestState) -> Change:
        workflow.refuse_closed(state, at=at)
        refuse_others(state, person, at=at)
        chatter.refuse_flood(state, ref, person, at=at)
        go_on = pauses.may_end(ref, state, person, questions.asked_of(ref, state), at=at)
        return workflow.add_message(state, by_agent=False, go_on=go_on, at=at)

    def move_too(state: RequestState) -> Change:
        return workflow.add_message(state, by_agent=False, go_on=True, at=at)

    who, others = actors.person(person), Others(pauses.answered_too, move_too)
    return ledger.transition(
        ref, move, actor=who, at=at, attempt=chatter.TOO_MUCH, also=also, others=others
    )


def refuse_others(state: RequestState, person: Person, *, at: datetime) -> None:
    """Raise NotYoursToAnswer for anybody but the agent's owner and those who are asked."""
    approver = states.approver(person)
    if state.is_conflicted(approver) or approver.rights(at=at) & set(state.teams_asked):
        return
    raise NotYoursToAnswer(
        "Not recorded. The agent's owner or somebody who may decide can answer, "
        "and you are neither."
    )
