"""How far an agent is trusted: its stages, the evidence for the next one, and marks on suggestions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import permissions, shapes
from approvals.api.authentication import Caller
from approvals.api.autonomy_shapes import (
    AgentStages,
    ChangeStage,
    Mark,
    MarkSuggestion,
    OfClass,
    StageEvidence,
)
from approvals.api.door import shown
from approvals.api.fields import checked
from approvals.api.filters import asked
from approvals.api.parsers import read
from approvals.api.resources import moment
from approvals.api.schema import documented
from approvals.domain import errors
from approvals.domain.autonomy import Evidence
from approvals.domain.stage_dates import Dates
from approvals.domain.terms import Stage
from approvals.models import Agent, AgentStage, ApprovalRequest, StageStart
from approvals.services import (
    actors,
    agents,
    autonomy,
    clock,
    promotions,
    proposals,
    record,
    suggestions,
)  # fmt: skip

MOST_PAST = 200


class Stages(APIView):
    """`/agents/{name}/stages`"""

    family = "autonomy"

    @documented(
        "read_stages",
        "How far an agent is trusted",
        answers={200: AgentStages},
        refusals=(404,),
    )
    def get(self, request: Request, name: str) -> Response:
        """By class of action, with the stages it had before. An agent sees its own."""
        agent = _visible(name, permissions.anybody(request))
        return Response(_stages(agent, at=clock.now()))

    @documented(
        "change_stage",
        "Trust an agent less at once, or ask people to trust it more",
        request=ChangeStage,
        answers={200: AgentStages, 202: shapes.ApprovalRequest},
        refusals=(400, 404, 409, 413, 415, 422),
    )
    def post(self, request: Request, name: str) -> Response:
        """For managers, operators and the agent's owner. A lower stage holds at once. A higher one
        is answered with 202 and the request that others must approve, with its evidence; one stage
        at a time."""
        person = permissions.person(request, scope="requests:decide", deciding=True)
        body = checked(ChangeStage, read(request))
        agent = agents.by_name(name)
        proposals.refuse_outsider(person, agent)
        at, stage = clock.now(), Stage(body["stage"])
        if proposals.would_raise(agent=agent, action_class=body["class"], stage=stage, at=at):
            permissions.refuse_stale_session(request)
        changed = proposals.change_stage(
            agent=agent,
            action_class=body["class"],
            stage=stage,
            reason=body["reason"],
            by=person,
            actor=actors.person(person),
            at=at,
            dates=Dates(body.get("starts"), body.get("ends")),
        )
        if isinstance(changed, ApprovalRequest):
            return Response(shown(changed, permissions.caller(request), at=at), status=202)
        return Response(_stages(agent, at=at))


class AgentEvidence(APIView):
    """`/agents/{name}/evidence`"""

    family = "autonomy"

    @documented(
        "read_agent_evidence",
        "What an agent's record says of it",
        parameters=[OfClass],
        answers={200: StageEvidence},
        refusals=(404, 422),
    )
    def get(self, request: Request, name: str) -> Response:
        """For one class of action, since its stage began. A figure is null where nothing was there
        to count; 0 says that there was."""
        agent = _visible(name, permissions.anybody(request))
        kind = autonomy.checked_class(asked(request, OfClass)["class"])
        at = clock.now()
        held = autonomy.governing(agent, kind, at=at)
        found = record.evidence(agent, kind, stage=held, at=at)
        return Response(_evidence(agent, kind, found))


class SuggestionMarks(APIView):
    """`/requests/{ref}/mark`"""

    family = "autonomy"

    @documented(
        "mark_suggestion",
        "Say whether a suggestion was right",
        request=MarkSuggestion,
        answers={200: Mark},
        refusals=(400, 404, 409, 413, 415, 422),
    )
    def post(self, request: Request, ref: str) -> Response:
        """For requests that shadow mode denied; by those who would have been asked, and managers.
        Once per person; the same again changes nothing."""
        person = permissions.person(request, scope="requests:decide", deciding=True)
        body = checked(MarkSuggestion, read(request))
        made = suggestions.mark(
            ref=ref,
            person=person,
            is_right=body["right"],
            comment=body.get("comment", ""),
            at=clock.now(),
        )
        told = {"ref": made.request.ref, "right": made.is_right, "comment": made.comment}
        return Response({**told, "by": str(person), "at": moment(made.at)})


def _visible(name: str, known: Caller) -> Agent:
    """Raises NotFound, also for what an agent may not see."""
    if known.agent is not None and known.agent.name != name:
        raise errors.NotFound(f"There is no agent {name[:80]!r} that you may see.")
    return agents.by_name(name)


def _stages(agent: Agent, *, at: datetime) -> dict[str, Any]:
    rows = autonomy.history(agent, at=at)
    ended = [row for row in rows if row.until is not None]
    return {
        "agent": agent.name,
        "stages": [_stage(row) for row in rows if row.until is None],
        "planned": [_planned(start) for start in promotions.upcoming(agent)],
        "past": [_stage(row) for row in ended[:MOST_PAST]],
    }


def _stage(row: AgentStage) -> dict[str, Any]:
    return {
        "class": row.action_class,
        "stage": row.stage,
        "since": moment(row.since),
        "until": moment(row.until),
        "ends_at": moment(row.ends_at),
        "falls_to": row.falls_to or None,
        "changed_by": row.changed_by,
        "reason": row.reason,
    }


def _planned(start: StageStart) -> dict[str, Any]:
    return {
        "class": start.action_class,
        "stage": start.stage,
        "starts": moment(start.starts_at),
        "ends": moment(start.ends_at),
        "request": start.request.ref,
    }


def _evidence(agent: Agent, kind: str, found: Evidence) -> dict[str, Any]:
    times = {"since": moment(found.since), "until": moment(found.until)}
    return {"agent": agent.name, "class": kind, **found.to_json(), **times}
