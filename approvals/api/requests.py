"""Ask for an approval, read it, list what was asked."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals import queries
from approvals.api import bodies, filters, permissions, resources, shapes
from approvals.api.door import idempotency_key, shown, visible
from approvals.api.examples import SCALING
from approvals.api.fields import checked
from approvals.api.paging import page
from approvals.api.parsers import read
from approvals.api.schema import IDEMPOTENCY_KEY, LOCATION, documented
from approvals.services import asking, clock


class Requests(APIView):
    """`/requests`"""

    family = "requests"

    @documented(
        "submit_request",
        "Ask for an approval",
        request=bodies.Submission,
        parameters=[IDEMPOTENCY_KEY, LOCATION],
        answers={201: shapes.ApprovalRequest, 200: shapes.ApprovalRequest},
        refusals=(400, 409, 413, 415, 422, 429),
        examples=[SCALING],
    )
    def post(self, request: Request) -> Response:
        """Judged by policy at once: `status` says whether it is approved, denied or waits.

        With an `Idempotency-Key` it is always safe to send it again: the same key and body give the
        same request with 200, another body gives 422.
        """
        agent, key = permissions.agent(request, scope="requests:write")
        again = idempotency_key(request)
        submission = checked(bodies.Submission, read(request))
        at = clock.now()
        row, created = asking.submit(
            agent=agent, key=key, submission=submission, idempotency_key=again, at=at
        )
        body = shown(row, permissions.caller(request), at=at, untouched=created)
        return Response(
            body, status=201 if created else 200, headers={"Location": body["links"]["self"]}
        )

    @documented(
        "list_requests",
        "List requests, newest first",
        parameters=[filters.RequestFilters],
        answers={200: shapes.RequestPage},
        refusals=(422,),
    )
    def get(self, request: Request) -> Response:
        """An agent sees its own; people see all. Follow `next` until it is null."""
        known = permissions.anybody(request)
        wanted = filters.asked(request, filters.RequestFilters)
        rows = filters.requests(wanted)
        if known.agent is not None:
            rows = rows.filter(agent=known.agent)
        cursor = wanted.get("cursor", "")
        return Response(
            page(
                rows, request, limit=wanted["limit"], cursor=cursor, show=resources.approval_request
            )
        )


class OneRequest(APIView):
    """`/requests/{ref}`"""

    family = "requests"

    @documented(
        "read_request",
        "Read one request, and wait for it",
        parameters=[filters.Wait],
        answers={200: shapes.ApprovalRequest},
        refusals=(404, 422),
    )
    def get(self, request: Request, ref: str) -> Response:
        """`ref` is `REQ-12` or an id. With `wait` the answer is held until the request is final, or
        the time is up. The grant is in the answer for its own agent, while it can be used."""
        known = permissions.anybody(request)
        filters.asked(request, filters.Wait)
        return Response(shown(visible(ref, known), known, at=clock.now()))


class Evidence(APIView):
    """`/requests/{ref}/evidence`"""

    family = "history"

    @documented(
        "read_evidence",
        "Everything about one request, with its proof",
        answers={200: shapes.Evidence},
        refusals=(404,),
    )
    def get(self, request: Request, ref: str) -> Response:
        """The request, each event exactly as it was hashed, and what it takes to check the
        chain elsewhere."""
        permissions.person(request, scope="requests:read")
        row = visible(ref, permissions.caller(request))
        return Response(resources.evidence(row, queries.events_of(row)))
