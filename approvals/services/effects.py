"""What the service itself does when one of its own requests is approved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils.module_loading import import_string

from approvals.models import ApprovalRequest

# Found by dotted path: each takes the request and the moment, within the approving transaction,
# and raises a Refusal when what was approved can no longer be done; then nothing is decided.
EFFECTS: Mapping[str, str] = {
    "apply_policy": "approvals.services.policy_changes.take_effect",
    "change_stage": "approvals.services.promotions.take_effect",
    "stand": "approvals.services.standing.take_effect",
    "channel_test": "approvals.services.trials.take_effect",
}


def take(row: ApprovalRequest, *, at: datetime) -> None:
    """Do what the request says. The caller holds its lock."""
    import_string(EFFECTS[row.effect])(row, at=at)
