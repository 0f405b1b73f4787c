"""Standing grants: made from an approval, proposed as a draft, listed, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import bodies, permissions, shapes
from approvals.api.door import shown
from approvals.api.fields import Body, Choice, Name, Object, Text, Whole, checked
from approvals.api.filters import Paged, Words, asked
from approvals.api.paging import page
from approvals.api.parsers import read
from approvals.api.problems import Fault, InvalidBody
from approvals.api.resources import moment
from approvals.api.schema import documented
from approvals.domain.policy.standing import MOST_USES
from approvals.models import Agent, Person, StandingGrant
from approvals.services import agents, clock, proposals, standing

OF_A_DRAFT = ("agent", "action", "target", "reason")
SURROUNDINGS = ("impact", "resource", "recipients", "data_classification")
MOST_BOUNDS = 200


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": True}}
)
class Bounds(Object):
    """What each parameter may be: `{"equals": value}` or `{"least": number, "most": number}`."""

    default_error_messages = {
        "no_bound": '{name} must be {{"equals": value}} or {{"least": number, "most": number}}.',
        "too_many": "At most {limit} parameters.",
    }

    def to_internal_value(self, data: object) -> dict[str, Any]:
        bounds = super().to_internal_value(data)
        if len(bounds) > MOST_BOUNDS:
            self.fail("too_many", limit=MOST_BOUNDS)
        for name, bound in bounds.items():
            if not isinstance(bound, dict) or not bound:
                self.fail("no_bound", name=name[:60])
        return bounds


class AskedStanding(Body):
    """Either `made_from` a request one has approved, or a draft for others to approve."""

    made_from = Text(required=False, max_length=60, help_text="REQ-12, approved by the caller.")
    agent = Text(required=False, max_length=80, help_text="Of a draft, as all below.")
    action = bodies.ActionName(required=False, max_length=100)
    target = Name(required=False, max_length=500)
    reason = Name(required=False, max_length=2_000)
    impact = bodies.Impact(required=False)
    resource = bodies.Resource(required=False)
    recipients = bodies.ListOfText(required=False, max_length=100, child=Text(max_length=500))
    data_classification = Choice(required=False, choices=bodies.DATA_CLASSES)
    until = serializers.DateTimeField(help_text="At most 30 days from now.")
    most_uses = Whole(limit=MOST_USES)
    bounds = Bounds(
        required=False,
        help_text="Made from a request: only numbers that may be smaller. Of a draft: each parameter.",
    )


class GrantFilters(Paged):
    agent = Text(required=False, max_length=80)
    in_force = Words(required=False, known=["true"], help_text="`true`: only those usable now.")


class StandingGrantShape(shapes.Shape):
    """This agent may do this action within these bounds, so often, until then."""

    id = serializers.UUIDField()
    ref = serializers.CharField()
    agent = serializers.CharField()
    action = serializers.CharField()
    target = serializers.CharField()
    bounds = Object()
    most_uses = serializers.IntegerField()
    uses = serializers.IntegerField()
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField()
    made_from = serializers.CharField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    revoked_by = serializers.CharField(allow_null=True)


class GrantPage(shapes.Shape):
    items = StandingGrantShape(many=True)
    next = serializers.CharField(allow_null=True)


class StandingGrants(APIView):
    """`/standing-grants`"""

    family = "autonomy"

    @documented(
        "list_standing_grants",
        "List standing grants, newest first",
        parameters=[GrantFilters],
        answers={200: GrantPage},
        refusals=(422,),
    )
    def get(self, request: Request) -> Response:
        """People see all, an agent its own."""
        known = permissions.anybody(request)
        wanted = asked(request, GrantFilters)
        now = clock.now() if "in_force" in wanted else None
        rows = standing.grants(agent=wanted.get("agent", ""), in_force_at=now)
        if known.agent is not None:
            rows = rows.filter(agent=known.agent)
        cursor = wanted.get("cursor", "")
        return Response(page(rows, request, limit=wanted["limit"], cursor=cursor, show=_grant))

    @documented(
        "make_standing_grant",
        "Let an approval stand, or propose a grant that will",
        request=AskedStanding,
        answers={201: StandingGrantShape, 202: shapes.ApprovalRequest},
        refusals=(400, 404, 409, 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """With `made_from` the caller lets a request of at most medium risk stand that they alone
        approved: 201. Without, a draft is answered with 202 and the request that others must
        approve. Never more than 30 days or 100 uses, never wider than what was approved."""
        person = permissions.person(request, scope="requests:decide", deciding=True)
        body = checked(AskedStanding, read(request))
        _refuse_both(body)
        at = clock.now()
        if "made_from" in body:
            made = standing.make_from(
                ref=body["made_from"],
                person=person,
                until=body["until"],
                most_uses=body["most_uses"],
                bounds=body.get("bounds"),
                at=at,
            )
            return Response(_grant(made), status=201)
        draft = _draft(body, _trusted(body["agent"], person))
        row = proposals.standing_grant(draft=draft, reason=body["reason"], by=person, at=at)
        return Response(shown(row, permissions.caller(request), at=at), status=202)


class Revoke(APIView):
    """`/standing-grants/{ref}/revoke`"""

    family = "autonomy"

    @documented(
        "revoke_standing_grant",
        "End a standing grant at once",
        request=bodies.Nothing,
        answers={200: StandingGrantShape},
        refusals=(400, 404, 409, 413, 415, 422),
    )
    def post(self, request: Request, ref: str) -> Response:
        """`ref` is `SG-12` or an id. By an approver of its request, the agent's owner, a manager or
        an operator."""
        person = permissions.person(request, scope="requests:decide", deciding=True)
        checked(bodies.Nothing, read(request, may_be_empty=True))
        return Response(_grant(standing.revoke(ref=ref, person=person, at=clock.now())))


def _refuse_both(body: Mapping[str, Any]) -> None:
    """A body is of one form, and of that form whole. Raises InvalidBody."""
    if "made_from" in body:
        extra = [name for name in (*OF_A_DRAFT, *SURROUNDINGS) if name in body]
        words = "This belongs to a draft; with made_from it is taken from the request."
        faults = [Fault(name, "of_a_draft", words) for name in extra]
    else:
        missing = [name for name in (*OF_A_DRAFT, "bounds") if name not in body]
        words = "This is required, unless made_from names a request."
        faults = [Fault(name, "required", words) for name in missing]
    if faults:
        raise InvalidBody(*faults)


def _trusted(name: str, person: Person) -> Agent:
    agent = agents.by_name(name)
    proposals.refuse_outsider(person, agent)
    return agent


def _draft(body: Mapping[str, Any], agent: Agent) -> standing.Draft:
    return standing.Draft(
        agent=agent.name,
        action=body["action"],
        target=body["target"],
        bounds=body["bounds"],
        most_uses=body["most_uses"],
        until=body["until"],
        surroundings={name: body[name] for name in SURROUNDINGS if name in body},
    )


def _grant(grant: StandingGrant) -> dict[str, Any]:
    return {
        "id": str(grant.public_id),
        "ref": standing.ref_of(grant),
        "agent": grant.agent.name,
        "action": grant.action,
        "target": grant.target,
        "bounds": grant.bounds,
        "most_uses": grant.most_uses,
        "uses": grant.uses,
        "made_at": moment(grant.made_at),
        "made_by": grant.made_by,
        "made_from": grant.made_from,
        "expires_at": moment(grant.expires_at),
        "revoked_at": moment(grant.revoked_at),
        "revoked_by": grant.revoked_by or None,
    }
