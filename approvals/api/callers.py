"""Tell a caller who it is taken for."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import permissions, resources, shapes
from approvals.api.schema import documented


class MyAgent(APIView):
    """`/agents/me`"""

    family = "callers"

    @documented("read_own_agent", "The calling agent and its key", answers={200: shapes.Agent})
    def get(self, request: Request) -> Response:
        """With the day its key expires."""
        agent, key = permissions.agent(request, scope="requests:read")
        return Response(resources.agent(agent, key))


class Me(APIView):
    """`/me`"""

    family = "callers"

    @documented("read_me", "The calling person", answers={200: shapes.Person})
    def get(self, request: Request) -> Response:
        """Their role, their teams, and what this token or session may do."""
        person = permissions.person(request, scope="requests:read")
        known = permissions.caller(request)
        teams = person.memberships.values_list("team__name", flat=True)
        return Response(resources.person(person, teams=teams, scopes=known.scopes))
