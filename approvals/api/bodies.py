"""Every request body, field by field. What is not named here is refused by name."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.api.fields import (
    Amount,
    Body,
    Choice,
    Name,
    Object,
    ObjectOrText,
    Span,
    Text,
    Truth,
    Whole,
)
from approvals.domain.terms import AskedOf, OutcomeStatus, RiskLevel, Verdict

DATA_CLASSES = ("public", "internal", "confidential", "restricted")
_SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]{0,99}")


@extend_schema_field({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,99}$"})
class ActionName(Text):
    """A snake_case name."""

    default_error_messages = {
        "invalid_name": "This must be a snake_case name such as scale_deployment: small letters, "
        "digits and _, at most 100 of them, a letter first."
    }

    def to_internal_value(self, data: object) -> str:
        text = super().to_internal_value(data)
        if not _SNAKE_CASE.fullmatch(text):
            self.fail("invalid_name")
        return text


class CallbackUrl(Text):
    """An address that the webhook adapter is willing to call."""

    default_error_messages = {"refused_url": "{words}"}

    def to_internal_value(self, data: object) -> str:
        url = super().to_internal_value(data)
        try:
            import_string(settings.CALLBACK_URL_CHECK)(url)
        except ValueError as error:
            self.fail("refused_url", words=str(error))
        return url


class Impact(Body):
    summary = Text(required=False, max_length=2_000)
    cost_per_hour_usd = Amount(required=False)
    pods = Amount(required=False)
    replica_percent = Amount(required=False)
    users = Amount(required=False)


class Resource(Body):
    namespace = Text(required=False, max_length=200)
    type = Text(required=False, max_length=200)


class Rollback(Body):
    available = Truth(required=False)
    how = Text(required=False, allow_blank=True, max_length=5_000)
    state_before = ObjectOrText(required=False)


class Context(Object):
    """Free, but for the two keys that history and cards know."""

    default_error_messages = {
        "triggered_by": "triggered_by must be text.",
        "related_incidents": "related_incidents must be a list of text.",
    }

    def to_internal_value(self, data: object) -> dict[str, Any]:
        context = super().to_internal_value(data)
        if not isinstance(context.get("triggered_by", ""), str):
            self.fail("triggered_by")
        incidents = context.get("related_incidents", [])
        if not isinstance(incidents, list) or not all(isinstance(name, str) for name in incidents):
            self.fail("related_incidents")
        return context


class ListOfText(serializers.ListField):
    """A list of text."""

    default_error_messages = {
        "not_a_list": "This must be a list of text.",
        "max_length": "This must have at most {max_length} entries.",
    }


class Labels(serializers.DictField):
    """Names and values, both text."""

    default_error_messages = {
        "not_a_dict": "This must be an object of text: {{…}}.",
        "too_many": "At most 50 labels, with names of at most 100 characters.",
    }
    child = Text(allow_blank=True, max_length=500)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if isinstance(data, dict) and len(data) > 50:
            self.fail("too_many")
        labels: dict[str, str] = super().to_internal_value(data)
        if any(len(name) > 100 for name in labels):
            self.fail("too_many")
        return labels


class Submission(Body):
    """What an agent asks for. `action`, `target` and `parameters` are what will be approved."""

    action = ActionName(max_length=100, help_text="A snake_case name, e.g. scale_deployment.")
    target = Name(max_length=500, help_text="What it acts on.")
    parameters = Object(help_text="The exact arguments. The approval is bound to their digest.")
    reasoning = Text(required=False, allow_blank=True, max_length=20_000)
    impact = Impact(required=False)
    risk = Choice(required=False, choices=[level.value for level in RiskLevel])
    risk_reason = Text(required=False, allow_blank=True, max_length=5_000)
    alternatives = ListOfText(required=False, max_length=20, child=Text(max_length=2_000))
    resource = Resource(required=False)
    data_classification = Choice(required=False, choices=DATA_CLASSES)
    aggregated = Truth(
        required=False,
        help_text="Whether the data is counts and sums alone: 47 customers, never their names.",
    )
    session = Text(required=False, allow_blank=True, max_length=200)
    context = Context(required=False)  # type: ignore[assignment]  # a field of the body, not of REST framework
    rollback = Rollback(required=False)
    recipients = ListOfText(required=False, max_length=100, child=Text(max_length=500))
    callback_url = CallbackUrl(required=False, max_length=2_000)
    expires_in = Span(
        required=False, help_text="Give up after this long: 10m, 4h, or whole seconds."
    )
    labels = Labels(required=False)


class Decide(Body):
    """One person's verdict. `version` and `shown_sha256` say what the person looked at; `asked_of`,
    whose answer a question waits for: the agent's, its owner's, or (left out) either."""

    verdict = Choice(choices=[verdict.value for verdict in Verdict])
    comment = Text(required=False, allow_blank=True, max_length=5_000)
    version = Whole(required=False)
    shown_sha256 = Text(
        required=False, max_length=64, help_text="The action_sha256 the person was shown."
    )
    asked_of = Choice(choices=[whom.value for whom in AskedOf], required=False)


class Message(Body):
    """A question or an answer. `resume` lets a person start the clock again."""

    text = Name(max_length=20_000)
    evidence = Object(required=False)
    resume = Truth(required=False)


class Consume(Body):
    """The parameters about to run; left out, only the approval itself is checked."""

    parameters = Object(required=False)


class RolledBack(Body):
    done = Truth(required=False)
    detail = Text(required=False, allow_blank=True, max_length=5_000)


class Outcome(Body):
    """How it went."""

    status = Choice(choices=[status.value for status in OutcomeStatus])
    detail = Text(required=False, allow_blank=True, max_length=20_000)
    duration_ms = Whole(required=False, limit=10**12)
    cost = Amount(required=False)
    rollback = RolledBack(required=False)


class CloseAlert(Body):
    """What a person found."""

    reason = Name(max_length=2_000)


class Nothing(Body):
    """No fields; an empty body will do."""
