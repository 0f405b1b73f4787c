"""How a test stands between the service and its fake Teams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.test import RequestFactory

from approvals.models import ApprovalRequest
from approvals.services import clock, deliveries, people, places
from integrations.teams import answers, door
from tests.fakes import adaptive
from tests.fakes.teams import ROOM, TENANT, Body, FakeTeams, Knock, Sent, guid
from tests.support import cast


def send(body: bytes, headers: Mapping[str, str], kind: str = "application/json") -> HttpResponse:
    """Straight to the door, without the walk through the middleware."""
    extra: dict[str, Any] = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()
    }
    made = RequestFactory().post("/messages", body, content_type=kind, **extra)
    return door.messages(made)


def knock(knocked: Knock) -> HttpResponse:
    return send(knocked.body, knocked.headers)


def clicked(teams: FakeTeams, activity: Body) -> Body:
    """What Teams is answered to a click of its own."""
    answer = knock(teams.signed(activity))
    assert answer.status_code == 200
    body: Body = json.loads(answer.content)
    if body.get("type") == answers.CARD:
        assert adaptive.faults(body["value"]) == []
    return body


def let_in(teams: FakeTeams, room: str = ROOM, *, name: str = "Ops") -> None:
    """The bot was installed in this conversation."""
    teams.rooms.add(room)
    handle = {"service_url": teams.service_url, "team": ROOM}
    places.remember(adapter="teams", external_id=room, name=name, handle=handle, at=clock.now())


def linked(name: str, number: int = 1, *, external_id: str = "") -> None:
    """Bind a Teams account to somebody of the cast."""
    people.link(
        person=cast.person(name),
        kind="teams",
        external_id=external_id or f"{TENANT}:{guid(number)}",
        verified_by="tests",
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def shown(teams: FakeTeams, row: ApprovalRequest) -> Sent:
    """The message of a request, after everything due was delivered."""
    deliveries.send_due()
    return next(message for message in teams.sent if row.ref in message.text)
