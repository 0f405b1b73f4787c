"""Use an approval once, and report how it went."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import bodies, permissions, shapes
from approvals.api.door import idempotency_key, shown
from approvals.api.examples import CONSUMING, REPORTING
from approvals.api.fields import checked
from approvals.api.parsers import read
from approvals.api.schema import IDEMPOTENCY_KEY, documented
from approvals.services import clock, grants, outcomes


class Consume(APIView):
    """`/requests/{ref}/consume`"""

    family = "running"

    @documented(
        "consume_grant",
        "Redeem the approval, once",
        request=bodies.Consume,
        parameters=[IDEMPOTENCY_KEY],
        answers={200: shapes.ApprovalRequest},
        refusals=(400, 404, 409, 410, 413, 415, 422),
        examples=[CONSUMING],
    )
    def post(self, request: Request, ref: str) -> Response:
        """Run the action only after a 200. Send the parameters about to run: any others than
        those approved are refused with 409 `parameters_changed`. The same `Idempotency-Key` again
        gives the same answer; a second redeem with another is refused with 409
        `already_consumed`."""
        agent, _ = permissions.agent(request, scope="requests:write")
        key = idempotency_key(request) or ""
        body = checked(bodies.Consume, read(request, may_be_empty=True))
        at = clock.now()
        row = grants.consume(
            ref=ref, agent=agent, key=key, parameters=body.get("parameters"), at=at
        )
        return Response(shown(row, permissions.caller(request), at=at))


class Outcome(APIView):
    """`/requests/{ref}/outcome`"""

    family = "running"

    @documented(
        "report_outcome",
        "Report how it went",
        request=bodies.Outcome,
        answers={200: shapes.ApprovalRequest},
        refusals=(400, 404, 409, 413, 415, 422),
        examples=[REPORTING],
    )
    def post(self, request: Request, ref: str) -> Response:
        """Once. The same report again changes nothing; what was a success or failure may later be
        reported as rolled back; anything else is refused with 409 `outcome_conflict`."""
        agent, _ = permissions.agent(request, scope="requests:write")
        outcome = checked(bodies.Outcome, read(request))
        at = clock.now()
        row = outcomes.report(ref=ref, agent=agent, outcome=outcome, at=at)
        return Response(shown(row, permissions.caller(request), at=at))


def jwks(request: HttpRequest) -> JsonResponse:
    """`/.well-known/jwks.json`: the public keys that grants are verified with, offline."""
    del request
    return JsonResponse(grants.jwks(), headers={"Cache-Control": "public, max-age=300"})
