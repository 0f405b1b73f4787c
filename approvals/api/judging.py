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
from approvals.domain.policy.nearest import Change
from approvals.domain.terms import Approval
from approvals.models import Agent, Person, Team
from approvals.services import clock, policies, preflight
from approvals.services.preflight import Preflight


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
        at = clock.now()
        found = preflight.look(agent=agent, submission=submission, at=at)
        return Response(_preflight(found, agent=agent, action=submission["action"]))


def _for_whom(known: Caller, named: str | None) -> str:
    if known.agent is None:
        return named or "nobody"
    if named not in {None, known.agent.name}:
        raise InvalidBody(
            Fault("agent", "another_agent", "An agent asks for itself. Leave this out.")
        )
    return known.agent.name


def _preflight(found: Preflight, *, agent: str, action: str) -> dict[str, Any]:
    judged = found.judged
    is_asked = judged.plan is not None and judged.verdict is Approval.REQUIRED
    return {
        "verdict": judged.verdict.value,
        "basis": None if is_asked else judged.basis.value,
        "reason_code": judged.reason_code,
        "would_be": judged.would_be.value if judged.would_be else None,
        "risk": {
            "claimed": judged.claimed.value if judged.claimed else None,
            "computed": judged.computed.value,
            "effective": judged.effective.value,
            "because": list(judged.because),
        },
        "evaluation": judged.to_json(),
        "plan": plans.to_json(judged.plan) if judged.plan else None,
        "asked": list(_asked(judged.plan, agent)) if judged.plan else [],
        "expected_wait": _expected(judged.plan, action) if judged.plan and is_asked else None,
        "to_be_automatic": [each.words for each in found.changes] or list(found.otherwise),
        "nearest_changes": [_change(each) for each in found.changes],
        "policy_version": policies.current().version,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "words": change.words,
        "fields": dict(change.fields),
        "at": change.at.isoformat().replace("+00:00", "Z") if change.at else None,
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


def _expected(plan: Plan, action: str) -> dict[str, int] | None:
    wait = preflight.expected_wait(plan, action)
    if wait is None:
        return None
    return {"p50_seconds": wait.p50, "p90_seconds": wait.p90, "of": wait.of}
