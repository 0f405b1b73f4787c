"""What was promised to whom and how far that got: the list, and another try for dead letters."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import bodies, filters, permissions
from approvals.api.fields import Text, checked
from approvals.api.paging import page
from approvals.api.parsers import read
from approvals.api.schema import documented
from approvals.api.shapes import Shape
from approvals.models.outbox import DeliveryState
from approvals.ports import MessageKind
from approvals.services import actors, clock, dead_letters

STATES = [state.value for state in DeliveryState]


class DeliveryFilters(filters.Paged):
    state = filters.Words(required=False, known=STATES)
    adapter = Text(required=False, max_length=20)


class Delivery(Shape):
    """A promise to tell one address one thing. `message_id` is what receivers know it by; of an address
    the query is left out."""

    id = serializers.IntegerField()
    message_id = serializers.UUIDField()
    request = serializers.CharField()
    adapter = serializers.CharField()
    address = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in MessageKind])
    event = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=STATES)
    attempts = serializers.IntegerField()
    last_error = serializers.CharField(allow_null=True)
    due_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class DeliveryPage(Shape):
    items = Delivery(many=True)
    next = serializers.CharField(allow_null=True)


class Deliveries(APIView):
    """`/deliveries`"""

    family = "deliveries"

    @documented(
        "list_deliveries",
        "What was promised to whom, and how far that got",
        parameters=[DeliveryFilters],
        answers={200: DeliveryPage},
        refusals=(422,),
    )
    def get(self, request: Request) -> Response:
        """Newest first, for managers, auditors and operators. `state=dead` are those given up."""
        permissions.auditor(request)
        wanted = filters.asked(request, DeliveryFilters)
        rows = dead_letters.matching(states=wanted.get("state"), adapter=wanted.get("adapter"))
        cursor = wanted.get("cursor", "")
        found = page(rows, request, limit=wanted["limit"], cursor=cursor, show=dead_letters.told)
        return Response(found)


class Resend(APIView):
    """`/deliveries/{number}/resend`"""

    family = "deliveries"

    @documented(
        "resend_delivery",
        "Try a dead letter again",
        request=bodies.Nothing,
        answers={200: Delivery},
        refusals=(400, 404, 409, 413, 415, 422),
    )
    def post(self, request: Request, number: int) -> Response:
        """For managers and operators. From the start, with the same `message_id`; it becomes history.
        What is not dead is refused with 409 `not_dead`."""
        person = permissions.person(request, scope="requests:decide")
        dead_letters.refuse_unless_resender(person)
        checked(bodies.Nothing, read(request, may_be_empty=True))
        actor = actors.person(person)
        delivery = dead_letters.resend(number=number, by=actor, at=clock.now())
        return Response(dead_letters.told(delivery))
