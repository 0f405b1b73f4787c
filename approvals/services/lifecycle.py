"""The verbs about a request that waits: decide, ask and answer, cancel, revoke."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from approvals.domain import errors, running, workflow
from approvals.domain.state import Change, Click, RequestState
from approvals.domain.terms import AskedOf, EventKind, Verdict
from approvals.models import Agent, ApprovalRequest, Person, RequestMessage, states
from approvals.queries import questions
from approvals.services import actors, chatter, clicks, ledger
from approvals.services import questions as pauses
from approvals.services.actors import Actor
from approvals.services.clicks import Said
from approvals.services.moves import Attempt, Others, click_attempt


def decide(
    *,
    ref: str,
    person: Person,
    verdict: Verdict,
    at: datetime,
    comment: str = "",
    version: int | None = None,
    shown: str | None = None,
    channel: str = "api",
    authenticated_by: str = "",
    is_fresh: bool = False,
    by_session: bool = False,
    asked_of: AskedOf = AskedOf.BOTH,
) -> ApprovalRequest:
    """Count one person's verdict, also for the requests that shared the card at the version shown.

    `asked_of` says whose answer a question waits for; without an owner it cannot be theirs alone.
    Raises the refusals of `workflow.decide`; each is written down.
    """

    said = Said(
        person=person,
        verdict=verdict,
        comment=comment,
        version=version,
        shown=shown,
        channel=channel,
        authenticated_by=authenticated_by,
        is_fresh=is_fresh,
        by_session=by_session,
        asked_of=asked_of,
    )
    return ledger.transition(
        ref,
        clicks.move(said, ref, at=at),
        actor=actors.person(person),
        at=at,
        attempt=click_attempt(verdict, channel),
        others=clicks.others(said, at=at),
    )


def foresee(
    *, ref: str, person: Person, verdict: Verdict, version: int | None, channel: str, at: datetime
) -> None:
    """Raise what the rules would say to this click before words are asked for.

    The refusal is written down like that of a counted click; nothing is, when the click could count.
    """

    def move(state: RequestState) -> None:
        seen = clicks.as_seen(ref, version, state)
        click = Click(states.approver(person), verdict, comment="foreseen", version=seen)
        workflow.decide(state, click, at=at)

    attempt = click_attempt(verdict, channel)
    ledger.transition(ref, move, actor=actors.person(person), at=at, attempt=attempt)


def add_message(
    *,
    ref: str,
    text: str,
    at: datetime,
    person: Person | None = None,
    agent: Agent | None = None,
    go_on: bool = False,
    evidence: Mapping[str, Any] | None = None,
) -> ApprovalRequest:
    """Add to the question thread. The answer of the agent where it was asked, and the `go_on` of the
    owner where they were or of an approver, let the clock run again.

    What a bystander writes is shown and voids no click: it leaves the version as it is.

    Raises NotAnApprover when somebody else wants it to go on, NotInvestigating when an agent talks
    on unasked, TooMany when a person does, AlreadyDecided or Expired.
    """
    if not text.strip():
        raise errors.Invalid("The message is empty. Nothing was recorded.", field="text")

    def move(state: RequestState) -> Change:
        workflow.refuse_closed(state, at=at)
        if person is not None:
            return _written(state, ref, person, go_on=go_on, at=at)
        asked = questions.asked_of(ref, state)
        chatter.refuse_chatter(ref, asked)
        return workflow.add_message(
            state, by_agent=True, go_on=go_on, asked_of=asked or AskedOf.BOTH, at=at
        )

    def move_too(state: RequestState) -> Change:
        return workflow.add_message(state, by_agent=person is None, go_on=go_on, at=at)

    also = _message(text, person, evidence, at=at)
    who, others = _who(person, agent), Others(pauses.answered_too, move_too)
    return ledger.transition(
        ref, move, actor=who, at=at, attempt=chatter.TOO_MUCH, also=also, of=agent, others=others
    )


def _message(
    text: str, person: Person | None, evidence: Mapping[str, Any] | None, *, at: datetime
) -> Callable[[ApprovalRequest], None]:
    """What keeps the words with each request they move; without a person they are the agent's."""

    def keep(row: ApprovalRequest) -> None:
        RequestMessage.objects.create(
            request=row,
            person=person,
            from_agent=person is None,
            text=text,
            evidence=dict(evidence) if evidence is not None else None,
            at=at,
        )

    return keep


def _written(state: RequestState, ref: str, person: Person, *, go_on: bool, at: datetime) -> Change:
    """What a person writes is part of what people should read where it concerns them, else beside it."""
    if go_on and not pauses.may_end(ref, state, person, questions.asked_of(ref, state), at=at):
        raise errors.NotAnApprover(
            "Not recorded. Only who was asked, whoever asked, or somebody who may decide can let the "
            "clock run again."
        )
    chatter.refuse_flood(state, ref, person, at=at)
    if chatter.is_concerned(state, person, at=at):
        return workflow.add_message(state, by_agent=False, go_on=go_on, at=at)
    return Change(EventKind.MESSAGE_ADDED, state, detail={"version": state.version})


def cancel(
    *, ref: str, at: datetime, agent: Agent | None = None, person: Person | None = None
) -> ApprovalRequest:
    """Withdraw a request that still waits; by its agent or the agent's owner.

    Raises NotAllowed, AlreadyDecided or Expired.
    """

    def move(state: RequestState) -> Change:
        if person is not None and person.pk not in state.conflicted:
            raise errors.NotAllowed(
                "Only the agent or its owner can withdraw this. You can deny it instead."
            )
        return workflow.cancel(state, by=who.title, at=at)

    who = _who(person, agent)
    return ledger.transition(ref, move, actor=who, at=at, of=agent)


def revoke(*, ref: str, person: Person, at: datetime) -> ApprovalRequest:
    """Take an approval back before it is used; by somebody who could have given it, or the owner.

    Raises NotAnApprover, NotApproved or AlreadyConsumed.
    """

    def move(state: RequestState) -> Change:
        asked = {team for stage in state.plan.stages for team in stage.teams(len(stage.rungs))}
        if person.pk not in state.conflicted and not states.approver(person).rights(at=at) & asked:
            raise errors.NotAnApprover(
                "Only an approver of this request or the agent's owner can revoke it."
            )
        return running.revoke(state, by=str(person), at=at)

    attempt = Attempt(EventKind.DECISION_REFUSED, {"verdict": "revoke"})
    return ledger.transition(ref, move, actor=actors.person(person), at=at, attempt=attempt)


def refuse_stranger(
    *,
    ref: str,
    who: str,
    verdict: str,
    channel: str,
    words: str,
    at: datetime,
    reason: str = "unknown_person",
) -> None:
    """Write down a click that no person of ours can answer for: an account that belongs to nobody,
    or a button that is not ours. `verdict` is what it tried, an undo too. Raises NotFound."""
    actor = Actor(actors.SYSTEM.kind, f"unknown:{who}"[:200], "somebody unknown")
    with transaction.atomic(durable=True):
        row = ledger.locked(ref)
        detail = {"verdict": str(verdict), "channel": channel, "who": who[:200], "words": words}
        detail["refused_because"] = reason
        ledger.note(row, EventKind.DECISION_REFUSED, actor=actor, at=at, detail=detail)


def _who(person: Person | None, agent: Agent | None) -> Actor:
    if person is not None:
        return actors.person(person)
    if agent is None:
        raise TypeError("either a person or an agent acts")
    return actors.agent(agent)
