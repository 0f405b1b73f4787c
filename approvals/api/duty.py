"""Who is away and who stands in, said by themselves; and the teams there are, to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import permissions, shapes
from approvals.api.fields import Body, Text, checked
from approvals.api.parsers import read
from approvals.api.problems import Fault, InvalidBody
from approvals.api.resources import moment
from approvals.api.schema import documented
from approvals.domain.policy.matrix import Row
from approvals.domain.terms import RiskLevel
from approvals.models import Absence, Person, Team
from approvals.queries import oncall
from approvals.services import absence, clock, people, policies


class AskedAbsence(Body):
    starts_at = serializers.DateTimeField(required=False, help_text="Now, unless it is said.")
    ends_at = serializers.DateTimeField(help_text="Within a year after the start.")
    stand_in = Text(
        required=False,
        max_length=254,
        help_text="The e-mail address of somebody in one of your teams, who decides for you meanwhile.",
    )
    note = Text(required=False, max_length=absence.LONGEST_NOTE, allow_blank=True)


class AbsenceShape(shapes.Shape):
    """Somebody is away from then until then. `ended_at` is set when they came back earlier."""

    person = shapes.Who()
    stand_in = shapes.Who(allow_null=True)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    note = serializers.CharField()


class AbsencesShape(shapes.Shape):
    """`current` holds now, `planned` later, and `stands_in_for` are those whose part one gives now."""

    current = AbsenceShape(allow_null=True)
    planned = AbsenceShape(many=True)
    stands_in_for = AbsenceShape(many=True)


class QuorumUse(shapes.Shape):
    """Where the policy in force asks for this team; `quorum` is 0 where it is asked in addition."""

    risk = serializers.ChoiceField(choices=shapes.LEVELS)
    quorum = serializers.IntegerField()


class TeamShape(shapes.Shape):
    name = serializers.CharField()
    title = serializers.CharField()
    members = shapes.Who(many=True)
    asked_for = QuorumUse(many=True)


class TeamsShape(shapes.Shape):
    items = TeamShape(many=True)


class MyAbsence(APIView):
    """`/me/absence`"""

    family = "callers"

    @documented("read_my_absence", "Whether the caller is away", answers={200: AbsencesShape})
    def get(self, request: Request) -> Response:
        """Now and later, and for whom the caller stands in."""
        person = permissions.person(request, scope="requests:read")
        return Response(_absences(person, at=clock.now()))

    @documented(
        "set_my_absence",
        "Say that the caller is away",
        request=AskedAbsence,
        answers={200: AbsencesShape},
        refusals=(400, 413, 415, 422),
    )
    def put(self, request: Request) -> Response:
        """Instead of whatever was said before. The stand-in decides what the caller could, in their
        own name and for one seat, until the end or until the caller is back."""
        person = permissions.person(request, scope="requests:decide", deciding=True)
        body, at = checked(AskedAbsence, read(request)), clock.now()
        absence.put(
            person,
            starts_at=body.get("starts_at", at),
            ends_at=body["ends_at"],
            stand_in=_stand_in(body),
            by=person,
            at=at,
            note=body.get("note", ""),
        )
        return Response(_absences(person, at=at))

    @documented("end_my_absence", "Say that the caller is back", answers={200: AbsencesShape})
    def delete(self, request: Request) -> Response:
        """Whoever stood in can decide nothing for the caller from now on. What was planned is off."""
        person = permissions.person(request, scope="requests:decide", deciding=True)
        at = clock.now()
        for row in absence.ahead(person, at):
            absence.end(row, by=person, at=at)
        return Response(_absences(person, at=at))


class Teams(APIView):
    """`/teams`"""

    family = "callers"

    @documented("list_teams", "The teams, their people, and where they are asked",
                answers={200: TeamsShape})  # fmt: skip
    def get(self, request: Request) -> Response:
        """By name. Read-only: the policy and operators say who is in a team."""
        permissions.person(request, scope="requests:read")
        uses = oncall.uses(_matrix())
        rows = oncall.declared().prefetch_related("people")
        return Response({"items": [_team(team, uses) for team in rows.order_by("name")]})


def _matrix() -> Mapping[RiskLevel, Row]:
    try:
        return policies.current().matrix
    except policies.NoPolicy:
        return {}


def _stand_in(body: Mapping[str, Any]) -> Person | None:
    """Raises InvalidBody for an address of nobody."""
    if "stand_in" not in body:
        return None
    found = people.by_email(body["stand_in"])
    if found is None:
        words = "Nobody here has this address. Nothing was changed."
        raise InvalidBody(Fault("stand_in", "unknown_person", words))
    return found


def _absences(person: Person, *, at: datetime) -> dict[str, Any]:
    mine = absence.ahead(person, at)
    return {
        "current": next((_absence(row) for row in mine if row.starts_at <= at), None),
        "planned": [_absence(row) for row in mine if row.starts_at > at],
        "stands_in_for": [_absence(row) for row in absence.stands_in(person, at)],
    }


def _absence(row: Absence) -> dict[str, Any]:
    return {
        "person": _who(row.person),
        "stand_in": _who(row.stand_in) if row.stand_in else None,
        "starts_at": moment(row.starts_at),
        "ends_at": moment(row.ends_at),
        "note": row.note,
    }


def _who(person: Person) -> dict[str, str]:
    return {"name": str(person), "email": person.email}


def _team(team: Team, uses: Mapping[str, list[oncall.Use]]) -> dict[str, Any]:
    members = sorted((one for one in team.people.all() if one.is_active), key=str)
    return {
        "name": team.name,
        "title": team.title,
        "members": [_who(one) for one in members],
        "asked_for": [
            {"risk": use.risk.value, "quorum": use.quorum} for use in uses.get(team.name, [])
        ],
    }
