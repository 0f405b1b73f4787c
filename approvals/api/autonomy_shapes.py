"""What is sent and answered about how far an agent is trusted."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from approvals.api import shapes
from approvals.api.fields import Body, Choice, Name, Text, Truth
from approvals.api.filters import Query
from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.terms import Stage

STAGES = [stage.value for stage in Stage]
CLASS_HELP = "A class of action such as scaling_events, an action's name, or * for all others."


class ChangeStage(Body):
    """A stage for a class of action. `*` is every class without a stage of its own."""

    stage = Choice(choices=STAGES)
    reason = Name(max_length=2_000)
    starts = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When a higher one begins; null: on approval."
    )
    ends = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When a higher one ends; null: never."
    )

    def get_fields(self) -> dict[str, Any]:
        """`class` cannot be an attribute's name in Python."""
        named: dict[str, Any] = {"class": Text(max_length=100, help_text=CLASS_HELP)}
        return named | dict(super().get_fields())


class OfClass(Query):
    def get_fields(self) -> dict[str, Any]:
        asked_for = Text(required=False, max_length=100, default=EVERY_CLASS, help_text=CLASS_HELP)
        return {"class": asked_for} | dict(super().get_fields())


class MarkSuggestion(Body):
    """Whether what an agent suggested in shadow mode was right. A wrong one needs a reason."""

    right = Truth()
    comment = Text(required=False, allow_blank=True, max_length=5_000)


class StageOfClass(shapes.Shape):
    stage = serializers.ChoiceField(choices=STAGES)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(
        allow_null=True, help_text="From then on it counts as `falls_to`; null: for good."
    )
    falls_to = serializers.ChoiceField(choices=STAGES, allow_null=True)
    changed_by = serializers.CharField()
    reason = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        return {"class": serializers.CharField()} | dict(super().get_fields())


class PlannedStage(shapes.Shape):
    stage = serializers.ChoiceField(choices=STAGES)
    starts = serializers.DateTimeField()
    ends = serializers.DateTimeField(allow_null=True)
    request = serializers.CharField(help_text="Where people agreed to it.")

    def get_fields(self) -> dict[str, Any]:
        return {"class": serializers.CharField()} | dict(super().get_fields())


class AgentStages(shapes.Shape):
    agent = serializers.CharField()
    stages = StageOfClass(many=True)
    planned = PlannedStage(many=True, help_text="Stages people agreed to that begin later.")
    past = StageOfClass(many=True, help_text="Stages that have ended, newest first.")


class DeniedInShort(shapes.Shape):
    ref = serializers.CharField()
    by = serializers.CharField()
    reason = serializers.CharField()


class Figure(serializers.FloatField):
    """A number, or null where nothing was there to count."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)


class StageEvidence(shapes.Shape):
    """Figures since the stage began. Shares are between 0 and 1, times are seconds."""

    agent = serializers.CharField()
    stage = serializers.ChoiceField(choices=STAGES, allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField()
    requests = serializers.IntegerField()
    asked = serializers.IntegerField()
    decided = serializers.IntegerField()
    agreement = Figure()
    denials = DeniedInShort(many=True)
    decision_seconds = Figure(help_text="The median time people took.")
    success_rate = Figure()
    escalation_rate = Figure()
    taken_back = serializers.IntegerField(
        allow_null=True, help_text="Withdrawn after somebody asked a question; null without one."
    )
    turnaround_p50 = Figure()
    turnaround_p90 = Figure()
    false_positives = serializers.IntegerField(allow_null=True)
    incident_coverage = Figure()
    intervention_rate = Figure()
    cost_per_incident = Figure()
    seconds_to_outcome = Figure()
    automation_rate = Figure()
    exception_rate = Figure()
    customer_impact = Figure()
    warnings = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, Any]:
        return {"class": serializers.CharField()} | dict(super().get_fields())


class Mark(shapes.Shape):
    ref = serializers.CharField()
    right = serializers.BooleanField()
    comment = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()
