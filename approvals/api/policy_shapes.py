"""What is sent and answered about policies."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from approvals.api.fields import Body, Text, Whole
from approvals.api.shapes import Shape
from approvals.domain.terms import Approval
from approvals.services import policies
from approvals.services.replay import Effect

MOST_FILES = 100
STATUSES = ("applied", "unchanged", "proposed")


class Files(serializers.DictField):
    """Policy files: their texts by the path that errors and evaluations will name."""

    default_error_messages = {
        "not_a_dict": "This must be an object of texts: {{…}}.",
        "number": "1 to 100 files, with names of at most 200 characters.",
        "examples": "Examples (*.test.yaml) are no policies; leave them out.",
    }
    child = Text(allow_blank=True, max_length=256 * 1024)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if isinstance(data, dict):
            names = [str(name) for name in data]
            if not 1 <= len(names) <= MOST_FILES or max(map(len, names)) > 200:
                self.fail("number")
            if any(policies.is_examples(name) for name in names):
                self.fail("examples")
        files: dict[str, str] = super().to_internal_value(data)
        return files


class PolicyFiles(Body):
    """Files to look at."""

    files = Files()


class SimulatePolicy(PolicyFiles):
    """Files to replay the last days against."""

    days = Whole(required=False, limit=365)


class ApplyPolicy(PolicyFiles):
    """Files to put in force. `reason` is what approvers read when somebody has to approve."""

    commit = Text(required=False, allow_blank=True, max_length=80)
    reason = Text(required=False, allow_blank=True, max_length=5_000)


class PolicyHead(Shape):
    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    author = serializers.CharField()
    commit = serializers.CharField()
    applied_at = serializers.DateTimeField()
    in_force = serializers.BooleanField()


class PolicyPage(Shape):
    items = PolicyHead(many=True)
    next = serializers.CharField(allow_null=True)


class Policy(PolicyHead):
    files = serializers.DictField(child=serializers.CharField())


class PolicyValidated(Shape):
    valid = serializers.BooleanField()
    rules = serializers.IntegerField()
    teams = serializers.IntegerField()
    warnings = serializers.ListField(child=serializers.CharField())
    weakens = serializers.ListField(child=serializers.CharField())
    strengthens = serializers.ListField(child=serializers.CharField())


class PolicyAnswer(Shape):
    status = serializers.ChoiceField(choices=STATUSES)
    version = serializers.IntegerField(
        allow_null=True, help_text="The version in force now; it is not these files when proposed."
    )
    sha256 = serializers.CharField()
    request = serializers.CharField(allow_null=True, help_text="What waits for approval.")
    warnings = serializers.ListField(child=serializers.CharField())
    weakens = serializers.ListField(child=serializers.CharField())
    strengthens = serializers.ListField(child=serializers.CharField())


class PolicyChange(Shape):
    request = serializers.CharField()
    agent = serializers.CharField()
    action = serializers.CharField()
    target = serializers.CharField()
    asked_at = serializers.DateTimeField()
    effect = serializers.ChoiceField(choices=[effect.value for effect in Effect])
    before = serializers.ChoiceField(choices=[approval.value for approval in Approval])
    after = serializers.ChoiceField(choices=[approval.value for approval in Approval])
    because = serializers.CharField()


class PolicySimulated(Shape):
    days = serializers.IntegerField()
    requests = serializers.IntegerField()
    cut_off = serializers.BooleanField(
        help_text="Older requests were left out; the command line replays all of them."
    )
    sentence = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    not_replayed = serializers.ListField(child=serializers.CharField())
    changes = PolicyChange(many=True)
