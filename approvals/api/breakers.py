"""The circuit breakers that opened: the list, and a manager's reset with a reason."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import filters, permissions
from approvals.api.fields import Body, Name, Object, Text, checked
from approvals.api.paging import page
from approvals.api.parsers import read
from approvals.api.schema import documented
from approvals.api.shapes import Shape
from approvals.domain.terms import BreakerAction, BreakerKind, Phase
from approvals.services import breakers, clock, tripped

PHASES = [phase.value for phase in Phase]


class BreakerFilters(filters.Paged):
    agent = Text(required=False, max_length=80)
    phase = filters.Words(required=False, known=PHASES)


class ResetBreaker(Body):
    """Why it is safe to go on."""

    reason = Name(max_length=breakers.LONGEST_REASON)


class Breaker(Shape):
    """One time a breaker of an agent opened. `values` are the figures behind the words; `trial` is the
    one request tried while it is half-open."""

    id = serializers.IntegerField()
    agent = serializers.CharField()
    policy = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in BreakerKind])
    does = serializers.ChoiceField(choices=[does.value for does in BreakerAction])
    phase = serializers.ChoiceField(choices=PHASES)
    words = serializers.CharField()
    values = Object()
    opened_at = serializers.DateTimeField()
    half_open_at = serializers.DateTimeField()
    trial = serializers.CharField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.CharField(allow_null=True)
    close_reason = serializers.CharField(allow_null=True)


class BreakerPage(Shape):
    items = Breaker(many=True)
    next = serializers.CharField(allow_null=True)


class Breakers(APIView):
    """`/breakers`"""

    family = "breakers"

    @documented(
        "list_breakers",
        "The circuit breakers that opened",
        parameters=[BreakerFilters],
        answers={200: BreakerPage},
        refusals=(422,),
    )
    def get(self, request: Request) -> Response:
        """Newest first, for people. `phase` is as of now: one whose rest is over is `half_open`."""
        permissions.person(request, scope="requests:read")
        wanted = filters.asked(request, BreakerFilters)
        at = clock.now()
        rows = tripped.matching(agent=wanted.get("agent"), phases=wanted.get("phase"), at=at)

        def show(trip: Any) -> dict[str, Any]:
            return tripped.told(trip, at=at)

        cursor = wanted.get("cursor", "")
        return Response(page(rows, request, limit=wanted["limit"], cursor=cursor, show=show))


class Reset(APIView):
    """`/breakers/{number}/reset`"""

    family = "breakers"

    @documented(
        "reset_breaker",
        "Close a breaker by hand",
        request=ResetBreaker,
        answers={200: Breaker},
        refusals=(400, 404, 409, 413, 415, 422),
    )
    def post(self, request: Request, number: str) -> Response:
        """For managers, but not for who owns the agent. The reason becomes history."""
        person = permissions.person(request, scope="requests:decide")
        permissions.refuse_stale_session(request)
        body = checked(ResetBreaker, read(request))
        at = clock.now()
        trip = breakers.reset(number=number, person=person, reason=body["reason"], at=at)
        return Response(tripped.told(trip, at=at))
