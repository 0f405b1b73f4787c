"""Ask beforehand: what would become of a submission, and who would be asked. Without any effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import bodies, filters, permissions, shapes
from approvals.api.authentication import Caller
from approvals.api.examples import SCALING
from approvals.api.fields import checked
from approvals.api.parsers import read
from approvals.api.problems import Fault, InvalidBody
from approvals.api.schema import documented
from approvals.domain import plan as plans
from approvals.domain.plan import Plan
from approvals.domain.policy.evaluate import Evaluation
from approvals.domain.terms import OPEN, Approval, Basis
from approvals.models import Agent, ApprovalRequest, Person, Team
from approvals.services import asking, clock, policies

RECENT = 200


class Evaluate(APIView):
    """`/evaluate`"""

    family = "requests"

    @documented(
        "evaluate",
        "Ask beforehand, without any effect",
        request=bodies.Submission,
        parameters=[filters.ForAgent],
        answers={200: shapes.Preflight},
        refusals=(400, 413, 415, 422),
        examples=[SCALING],
    )
    def post(self, request: Request) -> Response:
        """The same body as a submission. Nothing is recorded and nobody is told."""
        known = permissions.anybody(request)
        agent = _for_whom(known, filters.asked(request, filters.ForAgent).get("agent"))
        submission = checked(bodies.Submission, read(request))
        judged = asking.judge(agent=agent, submission=submission, at=clock.now())
        return Response(_preflight(judged, agent=agent, action=submission["action"]))


def _for_whom(known: Caller, named: str | None) -> str:
    if known.agent is None:
        return named or "nobody"
    if named not in {None, known.agent.name}:
        raise InvalidBody(
            Fault("agent", "another_agent", "An agent asks for itself. Leave this out.")
        )
    return known.agent.name


def _preflight(judged: Evaluation, *, agent: str, action: str) -> dict[str, Any]:
    return {
        "verdict": judged.verdict.value,
        "reason_code": judged.reason_code,
        "risk": {
            "claimed": judged.claimed.value if judged.claimed else None,
            "computed": judged.computed.value,
            "effective": judged.effective.value,
            "because": list(judged.because),
        },
        "evaluation": judged.to_json(),
        "plan": plans.to_json(judged.plan) if judged.plan else None,
        "asked": list(_asked(judged.plan, agent)) if judged.plan else [],
        "expected_wait": _expected_wait(action) if judged.verdict is Approval.REQUIRED else None,
        "to_be_automatic": list(_to_be_automatic(judged, action)),
        "policy_version": policies.current().version,
    }


def _asked(plan: Plan, agent: str) -> Iterator[dict[str, Any]]:
    owner = Agent.objects.filter(name=agent).values_list("owner", flat=True).first()
    too_close = set() if plan.owner_may_decide else {owner}
    names = {requirement.team for stage in plan.stages for requirement in stage.requirements}
    teams = {
        team.name: team for team in Team.objects.filter(name__in=names).prefetch_related("people")
    }
    for number, stage in enumerate(plan.stages):
        for requirement in stage.requirements:
            team = teams.get(requirement.team)
            yield {
                "stage": number,
                "team": requirement.team,
                "title": team.title if team else requirement.team,
                "quorum": requirement.quorum,
                "available": sum(_can(person, too_close) for person in team.people.all())
                if team
                else 0,
            }


def _can(person: Person, too_close: set[int | None]) -> bool:
    return person.is_active and person.pk not in too_close


def _expected_wait(action: str) -> dict[str, int] | None:
    """How long people took for this action lately; None when they never decided one."""
    decided = ApprovalRequest.objects.filter(action=action, basis=Basis.PERSON.value).exclude(
        status__in=[status.value for status in OPEN]
    )
    moments = decided.order_by("-number").values_list("created_at", "closed_at")[:RECENT]
    waits = sorted(int((closed - made).total_seconds()) for made, closed in moments if closed)
    if not waits:
        return None
    return {
        "p50_seconds": waits[len(waits) // 2],
        "p90_seconds": waits[min(len(waits) * 9 // 10, len(waits) - 1)],
        "of": len(waits),
    }


def _to_be_automatic(judged: Evaluation, action: str) -> Iterator[str]:
    if judged.verdict is Approval.FORBIDDEN:
        yield f"Nothing in the request can: policy forbids {action}."
    elif judged.verdict is Approval.REQUIRED and judged.effective.rank > judged.computed.rank:
        yield f"Claim {judged.computed} risk if that is true: policy rates {action} no higher."
    elif judged.verdict is Approval.REQUIRED:
        yield f"A policy rule for {action} with risk: low and approval: auto."
