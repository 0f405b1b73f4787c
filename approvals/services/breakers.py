"""Open circuit breakers by what agents report, try them after their rest, and close them.

A breaker that opened is a row; where it stands follows from the row and the moment, so no timer has to
fire. Whatever opens, tries or closes one holds the agent's row, so that two reports, or two requests,
cannot both be the one that does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from approvals.domain import errors
from approvals.domain.policy import breakers as rules
from approvals.domain.policy.breakers import Breaker, Trip
from approvals.domain.policy.circumstances import Tripped
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation
from approvals.domain.terms import (
    AlertKind,
    BreakerAction,
    BreakerKind,
    EventKind,
    OutcomeStatus,
)
from approvals.models import Agent, ApprovalRequest, BreakerTrip, Person
from approvals.models.people import Role
from approvals.services import actors, alerts, audit, autonomy, policies, tallies, tripped
from approvals.services.actors import Actor

logger = structlog.get_logger(__name__)
MOST_DIGITS = 18
LONGEST_REASON = 2_000
REST = "rest_s"  # kept with the figures, for when the policy no longer says


class NoSuchBreaker(errors.NotFound):
    """No breaker that opened has this number."""


class BreakerClosed(errors.Conflict):
    """It is closed already; the facts say by whom and when."""

    code = "already_closed"


class NotAManager(errors.NotAllowed):
    """Breakers are closed by managers, never by who answers for the agent."""


def hold(agent: Agent) -> None:
    """One at a time of whatever is counted about this agent. Needs a transaction."""
    Agent.objects.select_for_update(no_key=True).get(pk=agent.pk)


def standing(agent: Agent, policy: PolicySet, *, at: datetime) -> tuple[Tripped, ...]:
    """The breakers of this agent that are not closed, as far as they still stand in its policies."""
    wanted = {(each.policy, each.kind) for each in _of(agent, policy)}
    if not wanted:
        return ()
    return tuple(
        _tripped(row, at=at)
        for row in tripped.open_ones(agent)
        if (row.policy, BreakerKind(row.kind)) in wanted
    )


def remember(row: ApprovalRequest, evaluation: Evaluation, *, at: datetime) -> None:
    """Put a request just let through, or waiting, on trial wherever it was judged to be one.

    Needs the transaction that wrote the request, and the agent held since it was judged.
    """
    tried = rules.tried(evaluation.checks)
    if not tried or row.status in tripped.GIVEN_BACK:
        return
    for trip in tripped.open_ones(row.agent):
        if (trip.policy, trip.kind) in tried and tripped.on_trial(trip, at=at) is None:
            trip.trial = row
            trip.save(update_fields=["trial"])
            _tell(EventKind.BREAKER_TRIED, trip, actors.POLICY, at=at, trial=row.ref)


def reported(row: ApprovalRequest, *, at: datetime) -> None:
    """Look at the breakers of the agent after an outcome. Needs the transaction that wrote it."""
    found = _of(row.agent, policies.current())
    if not found and not BreakerTrip.objects.filter(agent=row.agent, closed_at=None).exists():
        return
    hold(row.agent)
    for trip in BreakerTrip.objects.filter(trial=row, closed_at=None).select_related("agent"):
        _judge_trial(trip, row, found, at=at)
    opened = {(trip.policy, trip.kind) for trip in tripped.open_ones(row.agent)}
    for breaker in found:
        key = (breaker.policy, breaker.kind.value)
        if key not in opened and (why := tallies.trip(breaker, row.agent, at=at)):
            _open(breaker, why, row, at=at)
            opened.add(key)


def reset(*, number: str, person: Person, reason: str, at: datetime) -> BreakerTrip:
    """A manager closes a breaker, with a reason.

    Raises Invalid without one, NoSuchBreaker, NotAManager, BreakerClosed.
    """
    return close(
        number=number, by=actors.person(person), reason=reason, at=at, refuse=_unless_theirs(person)
    )


def close(*, number: str, by: Actor, reason: str, at: datetime, refuse: Any = None) -> BreakerTrip:
    """Close a breaker for a reason; `refuse` may raise when it is known whose it is."""
    if not reason.strip():
        raise errors.Invalid(
            "Say in a sentence why it is safe to go on. The breaker stays open.", field="reason"
        )
    with transaction.atomic():
        agent = _found(number).agent
        hold(agent)
        trip = _found(number)
        if refuse is not None:
            refuse(agent)
        if trip.closed_at is not None:
            raise BreakerClosed(
                f"{trip.closed_by} closed this breaker at {audit.stamp(trip.closed_at)}. "
                "Nothing was changed.",
                by=trip.closed_by,
            )
        _close(trip, by, reason.strip()[:LONGEST_REASON], at=at)
    return trip


def _of(agent: Agent, policy: PolicySet) -> list[Breaker]:
    return [breaker for each in policy.concerning(agent.name) for breaker in each.breakers]


def _tripped(trip: BreakerTrip, *, at: datetime) -> Tripped:
    trial = tripped.on_trial(trip, at=at)
    return Tripped(
        policy=trip.policy,
        kind=BreakerKind(trip.kind),
        does=BreakerAction(trip.does),
        phase=tripped.phase(trip, at=at),
        since=trip.opened_at,
        words=trip.words,
        half_open_at=trip.half_open_at,
        trial=trial.ref if trial else "",
    )


def _judge_trial(
    trip: BreakerTrip, row: ApprovalRequest, found: Iterable[Breaker], *, at: datetime
) -> None:
    if row.outcome_status == OutcomeStatus.SUCCESS.value:
        _close(trip, actors.POLICY, f"The trial {row.ref} succeeded.", at=at)
        return
    same = [each for each in found if (each.policy, each.kind.value) == (trip.policy, trip.kind)]
    rest = same[0].rest if same else timedelta(seconds=trip.values[REST])
    told = row.outcome_status.replace("_", " ")
    trip.trial, trip.half_open_at = None, at + rest
    trip.words = f"The trial {row.ref} was reported as {told}."
    trip.save(update_fields=["trial", "half_open_at", "words"])
    _tell_opened(trip, row, at=at)


def _open(breaker: Breaker, trip: Trip, row: ApprovalRequest, *, at: datetime) -> None:
    opened = BreakerTrip.objects.create(
        agent=row.agent,
        policy=breaker.policy,
        kind=breaker.kind.value,
        does=breaker.does.value,
        words=trip.words,
        values={**trip.values, REST: int(breaker.rest.total_seconds())},
        opened_at=at,
        half_open_at=at + breaker.rest,
    )
    _tell_opened(opened, row, at=at)


def _tell_opened(trip: BreakerTrip, row: ApprovalRequest, *, at: datetime) -> None:
    """Stages first: whoever changes one holds it before the service's chain, and so does this."""
    autonomy.breaker_opened(agent=row.agent, words=trip.words, at=at)
    _tell(EventKind.BREAKER_OPENED, trip, actors.POLICY, at=at, request=row.ref)
    alerts.raise_once(
        kind=AlertKind.BREAKER_OPENED,
        key=f"{trip.pk}:{audit.stamp(at)}",
        agent=row.agent,
        words=f"{row.agent.name}: {trip.words}",
        values={**trip.values, "breaker": trip.pk, "kind": trip.kind, "does": trip.does},
        request=row,
        at=at,
    )


def _close(trip: BreakerTrip, by: Actor, reason: str, *, at: datetime) -> None:
    trip.closed_at, trip.closed_by, trip.close_reason = at, str(by)[:240], reason
    trip.save(update_fields=["closed_at", "closed_by", "close_reason"])
    _tell(EventKind.BREAKER_CLOSED, trip, by, at=at, reason=reason)


def _tell(kind: EventKind, trip: BreakerTrip, by: Actor, *, at: datetime, **more: str) -> None:
    facts = {
        "agent": trip.agent.name,
        "breaker": trip.pk,
        "policy": trip.policy,
        "kind": trip.kind,
        "does": trip.does,
        **more,
    }
    detail = {**facts, "words": trip.words, "half_open_at": audit.stamp(trip.half_open_at)}
    audit.append_service(kind, actor=by, at=at, detail={**detail, "values": trip.values})
    logger.warning(kind.value, **facts)


def _found(number: str) -> BreakerTrip:
    known = number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
    rows = BreakerTrip.objects.select_related("agent", "agent__owner", "trial")
    trip = rows.filter(pk=int(number)).first() if known else None
    if trip is None:
        raise NoSuchBreaker(f"There is no breaker {number[:40]!r}. Nothing was changed.")
    return trip


def _unless_theirs(person: Person) -> Any:
    def refuse(agent: Agent) -> None:
        if person.role != Role.MANAGER.value:
            raise NotAManager("Only a manager closes a circuit breaker. It stays as it was.")
        if agent.owner_id == person.pk:
            raise NotAManager(
                f"You answer for {agent.name}, so another manager closes its breakers. "
                "It stays as it was."
            )

    return refuse
