"""Bound what is said beside a request: each message makes what people read longer, or out of date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from approvals.domain import errors
from approvals.domain.state import RequestState
from approvals.domain.terms import AskedOf, EventKind
from approvals.models import ApprovalRequest, Person, RequestMessage, states
from approvals.models.requests import lookup
from approvals.services.moves import Attempt

MOST_UNASKED = 5
MOST_BESIDE = 5
MOST_CONCERNED = 30
HOUR = timedelta(hours=1)
# A flood is told in history once, or history would be flooded in its place.
TOO_MUCH = Attempt(EventKind.DECISION_REFUSED, {"verdict": "write"}, errors.TooMany, once_in=HOUR)


def refuse_chatter(ref: str, asked_of: AskedOf | None) -> None:
    """Without a question to it an agent adds a few messages and no more; with one it may answer.

    Otherwise it could change the request faster than anybody reads it, and no denial would count.
    The caller holds the lock. Raises NotInvestigating.
    """
    if asked_of is not None and asked_of.takes_agent:
        return
    row = ApprovalRequest.objects.filter(**lookup(ref))
    if RequestMessage.objects.filter(request__in=row, from_agent=True).count() >= MOST_UNASKED:
        open_one = (
            "The open question is for the agent's owner" if asked_of else "No question is open"
        )
        raise errors.NotInvestigating(
            f"{open_one}, and the agent already added {MOST_UNASKED} messages or more. "
            "Nothing was recorded. Wait until a person asks the agent."
        )


def refuse_flood(state: RequestState, ref: str, person: Person, *, at: datetime) -> None:
    """A person adds so many messages to one request within an hour; those it concerns, more.

    The caller holds the lock. Raises TooMany.
    """
    most = MOST_CONCERNED if is_concerned(state, person, at=at) else MOST_BESIDE
    where: Mapping[str, Any] = {f"request__{name}": value for name, value in lookup(ref).items()}
    written = RequestMessage.objects.filter(person=person, at__gt=at - HOUR, **where)
    moments = list(written.order_by("-at").values_list("at", flat=True)[:most])
    if len(moments) == most:
        room = moments[-1] + HOUR - at
        raise errors.TooMany(
            f"You wrote {most} messages within an hour here, which is as many as one person may. "
            f"Nothing was recorded. Write again in {max(int(room.total_seconds()) // 60, 1)} min.",
            retry_after=max(int(room.total_seconds()), 1),
        )


def is_concerned(state: RequestState, person: Person, *, at: datetime) -> bool:
    """Whoever is or will be asked, asked the question, or is too close to the request to decide it.

    What they write is part of what people should read before they decide.
    """
    asked = {team for stage in range(len(state.plan.stages)) for team in state.asked_in(stage)}
    is_party = person.pk in state.conflicted or person.pk == state.investigator
    return is_party or bool(states.approver(person).rights(at=at) & asked)
