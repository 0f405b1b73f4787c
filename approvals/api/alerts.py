"""What operators should look at: the list, and closing one with what was found."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import bodies, filters, permissions, shapes
from approvals.api.fields import checked
from approvals.api.paging import page
from approvals.api.parsers import read
from approvals.api.schema import documented
from approvals.models import Alert
from approvals.services import alerts, audit, clock

FOUND = "closed_because"


class Alerts(APIView):
    """`/alerts`"""

    family = "alerts"

    @documented(
        "list_alerts",
        "What operators should look at",
        parameters=[filters.AlertFilters],
        answers={200: shapes.AlertPage},
        refusals=(422,),
    )
    def get(self, request: Request) -> Response:
        """Newest first, for people. Each stands for one cause in one hour."""
        permissions.person(request, scope="requests:read")
        wanted = filters.asked(request, filters.AlertFilters)
        is_open = wanted.get("open")
        rows = alerts.matching(
            kinds=wanted.get("kind"),
            agent=wanted.get("agent"),
            is_open=None if is_open is None else is_open == "true",
        )
        cursor = wanted.get("cursor", "")
        return Response(page(rows, request, limit=wanted["limit"], cursor=cursor, show=shown))


class Close(APIView):
    """`/alerts/{number}/close`"""

    family = "alerts"

    @documented(
        "close_alert",
        "Close an alert with what was found",
        request=bodies.CloseAlert,
        answers={200: shapes.Alert},
        refusals=(400, 404, 409, 413, 415, 422),
    )
    def post(self, request: Request, number: int) -> Response:
        """For managers and operators, but not for who owns the agent. It becomes history."""
        person = permissions.person(request, scope="requests:decide")
        body = checked(bodies.CloseAlert, read(request))
        return Response(
            shown(alerts.close(number=number, person=person, reason=body["reason"], at=clock.now()))
        )


def shown(alert: Alert) -> dict[str, Any]:
    """One alert as programs read it."""
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "agent": alert.agent.name if alert.agent else None,
        "words": alert.words,
        "values": {name: value for name, value in alert.values.items() if name != FOUND},
        "request": alert.request.ref if alert.request else None,
        "at": audit.stamp(alert.at),
        "closed_at": audit.stamp(alert.closed_at) if alert.closed_at else None,
        "closed_by": alert.closed_by or None,
        "closed_because": alert.values.get(FOUND),
    }
