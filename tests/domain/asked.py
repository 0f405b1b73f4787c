"""What tests of conditions share: a request that was asked, and a limit as YAML writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from approvals.domain.policy import yaml_text
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.reading import Value
from approvals.domain.policy.subject import Subject, subject_of

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = Circumstances(MONDAY_NOON)

names = st.sampled_from(
    [
        "from_replicas", "to_replicas", "replicas", "currentReplicas", "count", "from", "to", "delta",
        "percent", "pods", "instances", "users", "cost_per_hour", "cost_per_day", "increase_by", "x",
    ]
)  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 40)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["50%", "-20%", "1k", "8", "1e9%", "%", "٣%", "0.5.5%"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=4), inner),
    max_leaves=8,
)
parameters = st.dictionaries(names | st.text(max_size=4), anything, max_size=5)
impacts = st.dictionaries(
    st.sampled_from(["pods", "users", "replica_percent", "cost_per_hour_usd", "summary"]), scalars
)


def asked(action: str = "scale_up", /, **changes: Any) -> Subject:
    """A request of the agent robo; `changes` are fields of its submission."""
    return subject_of("robo", {"action": action, "target": "shop", "parameters": {}} | changes)


def scaled(before: Any, after: Any, action: str = "scale_up", **changes: Any) -> Subject:
    return asked(action, parameters={"from_replicas": before, "to_replicas": after}, **changes)


def written(text: str) -> Value:
    """A value as a policy file writes it, in the file `p.yaml`."""
    (value,) = yaml_text.documents("p.yaml", text)
    return value
