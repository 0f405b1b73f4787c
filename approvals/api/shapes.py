"""What answers look like, for the OpenAPI document; tests compare it with what is answered."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.api.bodies import Submission
from approvals.api.fields import Object
from approvals.domain.policy.checks import Result
from approvals.domain.terms import AlertKind, Approval, AskedOf, Basis, RiskLevel, Status, Verdict

LEVELS = [level.value for level in RiskLevel]
Shape = serializers.Serializer[Any]


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class ObjectOrNull(Object):
    """An object, or null."""


class Risk(Shape):
    claimed = serializers.ChoiceField(choices=LEVELS, allow_null=True)
    computed = serializers.ChoiceField(choices=LEVELS)
    effective = serializers.ChoiceField(choices=LEVELS)
    because = serializers.ListField(child=serializers.CharField())


class Check(Shape):
    check = serializers.CharField()
    result = serializers.ChoiceField(choices=[result.value for result in Result])
    words = serializers.CharField()
    rule = serializers.CharField()
    file = serializers.CharField()
    line = serializers.IntegerField()
    leads_to = serializers.ChoiceField(
        choices=[approval.value for approval in Approval],
        required=False,
        help_text="The least this check asks for. Requests of earlier releases do not say.",
    )
    values = Object(required=False, help_text="The figures it was judged by.")


class Who(Shape):
    name = serializers.CharField()
    email = serializers.CharField()


class Decision(Shape):
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])
    comment = serializers.CharField()
    asked_of = serializers.ChoiceField(
        choices=[whom.value for whom in AskedOf],
        allow_null=True,
        help_text="Whose answer a question waits for; null for another verdict.",
    )
    by = Who()
    standing_in_for = Who(allow_null=True)
    at = serializers.DateTimeField()
    stage = serializers.IntegerField()
    version = serializers.IntegerField()
    channel = serializers.CharField()
    authenticated_by = serializers.CharField()
    shown_sha256 = serializers.CharField(allow_null=True)
    is_final = serializers.BooleanField()


class Said(Shape):
    by = serializers.CharField()
    from_agent = serializers.BooleanField()
    text = serializers.CharField()
    evidence = ObjectOrNull()
    at = serializers.DateTimeField()


class Grant(Shape):
    token = serializers.CharField(
        help_text="A compact JWS; its keys stand at /.well-known/jwks.json."
    )
    expires_at = serializers.DateTimeField()


class ApprovalRequest(Submission):
    """Everything submitted, and everything that became of it."""

    id = serializers.UUIDField()
    ref = serializers.CharField()
    agent = serializers.CharField()
    status = serializers.ChoiceField(choices=[status.value for status in Status])
    basis = serializers.ChoiceField(choices=[basis.value for basis in Basis], allow_null=True)
    reason_code = serializers.CharField(allow_null=True)
    version = serializers.IntegerField()
    risk = Risk()  # type: ignore[assignment]  # the claim that was sent is inside it
    evaluation = Check(many=True)
    plan = Object()
    policy_version = serializers.IntegerField()
    stage = serializers.IntegerField()
    shares_card_with = serializers.ListField(
        child=serializers.CharField(),
        help_text="Identical requests of the same agent on the same card. A decision about the oldest "
        "of them counts for each that was there at the version shown.",
    )
    parameters_sha256 = serializers.CharField()
    action_sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    decide_by = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.CharField(allow_null=True)
    decisions = Decision(many=True)
    messages = Said(many=True)
    grant = Grant(allow_null=True)
    grant_expires_at = serializers.DateTimeField(allow_null=True)
    consumed_at = serializers.DateTimeField(allow_null=True)
    outcome = ObjectOrNull()
    links = serializers.DictField(child=serializers.CharField())


class RequestPage(Shape):
    items = ApprovalRequest(many=True)
    next = serializers.CharField(
        allow_null=True, help_text="The address of the next page, or null."
    )


class Asked(Shape):
    stage = serializers.IntegerField()
    team = serializers.CharField()
    title = serializers.CharField()
    quorum = serializers.IntegerField()
    available = serializers.IntegerField(help_text="People of the team who could decide this now.")


class ExpectedWait(Shape):
    p50_seconds = serializers.IntegerField()
    p90_seconds = serializers.IntegerField()
    of = serializers.IntegerField(help_text="How many decided requests this is read from.")


class Change(Shape):
    """One change that alone would make it automatic; it was judged before it is offered."""

    words = serializers.CharField()
    fields = Object(help_text="The fields that differ, by path, with their new values.")  # type: ignore[assignment]  # a field of the answer
    at = serializers.DateTimeField(allow_null=True, help_text="When to ask, if that is the change.")


class Preflight(Shape):
    verdict = serializers.ChoiceField(choices=[approval.value for approval in Approval])
    basis = serializers.ChoiceField(
        choices=[Basis.POLICY.value, Basis.STANDING_GRANT.value], allow_null=True
    )
    reason_code = serializers.CharField()
    would_be = serializers.ChoiceField(
        choices=[approval.value for approval in Approval],
        allow_null=True,
        help_text="What would become of it but for shadow mode.",
    )
    risk = Risk()
    evaluation = Check(many=True)
    plan = ObjectOrNull()
    asked = Asked(many=True)
    expected_wait = ExpectedWait(allow_null=True)
    to_be_automatic = serializers.ListField(
        child=serializers.CharField(),
        help_text="In words: what would spare people, or else what policy has against it.",
    )
    nearest_changes = Change(many=True)
    policy_version = serializers.IntegerField()


class Alert(Shape):
    """Something operators should look at. `values` are the figures behind the words."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in AlertKind])
    agent = serializers.CharField(allow_null=True)
    words = serializers.CharField()
    values = Object()
    request = serializers.CharField(allow_null=True, help_text="The request that raised it.")
    at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.CharField(allow_null=True)
    closed_because = serializers.CharField(allow_null=True)


class AlertPage(Shape):
    items = Alert(many=True)
    next = serializers.CharField(allow_null=True)


class HowApproved(Shape):
    type = serializers.CharField()
    policy = serializers.CharField(allow_null=True)
    by = serializers.CharField(allow_null=True)


@extend_schema_field({})
class Anything(Object):
    """Any JSON value."""


class Event(Shape):
    """One line of history. `entry` is exactly what was hashed."""

    timestamp = serializers.DateTimeField()
    seq = serializers.IntegerField()
    type = serializers.CharField()
    chain = serializers.CharField()
    request = serializers.UUIDField(allow_null=True)
    ref = serializers.CharField(allow_null=True)
    actor = serializers.CharField()
    agent = serializers.CharField()
    session = serializers.CharField()
    action = serializers.CharField()
    target = serializers.CharField()
    parameters = ObjectOrNull()
    reasoning = serializers.CharField(allow_null=True)
    context = ObjectOrNull()  # type: ignore[assignment]  # a field of the answer, not of REST framework
    approval = HowApproved(allow_null=True)
    basis = serializers.CharField(allow_null=True)
    reason_code = serializers.CharField(allow_null=True)
    policy_version = serializers.IntegerField(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    rollback_available = serializers.BooleanField(allow_null=True)
    state_before = Anything()
    how_to_undo = serializers.CharField(allow_null=True)
    detail = Object()
    entry = Object()
    prev = serializers.CharField()
    hash = serializers.CharField()


class EventPage(Shape):
    items = Event(many=True)
    next = serializers.CharField(allow_null=True)


class Proof(Shape):
    chain = serializers.CharField()
    length = serializers.IntegerField()
    head = serializers.CharField()
    genesis = serializers.CharField()
    rule = serializers.CharField()
    intact = serializers.BooleanField()
    broken_at = serializers.IntegerField(allow_null=True)
    why = serializers.CharField(allow_null=True)


class Evidence(Shape):
    request = ApprovalRequest()
    events = serializers.ListField(child=Object())
    proof = Proof()


class Key(Shape):
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()


class Agent(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    is_enabled = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    key = Key()


class Person(Shape):
    id = serializers.IntegerField()
    email = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField()
    teams = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.CharField())


class Fault(Shape):
    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class Problem(Shape):
    """RFC 9457; `code` is stable, `detail` is for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    instance = serializers.CharField(required=False)
    errors = Fault(many=True, required=False)  # type: ignore[assignment]  # likewise
    facts = Object(required=False)
