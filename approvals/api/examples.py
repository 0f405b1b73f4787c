"""The examples of the browsable documentation; a test sends each of them."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

SCALING = OpenApiExample(
    "Scale a deployment",
    request_only=True,
    value={
        "action": "scale_deployment",
        "target": "production-api",
        "parameters": {"from_replicas": 5, "to_replicas": 8},
        "reasoning": "CPU utilization exceeded threshold (85% > 80%) for 15 minutes",
        "impact": {"summary": "Three more replicas", "cost_per_hour_usd": 45, "pods": 3},
        "risk": "medium",
        "risk_reason": "Similar scaling performed 12 times this month",
        "alternatives": ["Wait for the peak to pass", "Shed load at the gateway"],
        "resource": {"namespace": "prod-api", "type": "deployments"},
        "session": "sess_abc123",
        "context": {
            "triggered_by": "monitoring_alert_12345",
            "related_incidents": ["INC-2026-0219"],
        },
        "rollback": {"available": True, "how": "Scale back to 5", "state_before": {"replicas": 5}},
        "expires_in": "30m",
    },
)
APPROVING = OpenApiExample("Approve", request_only=True, value={"verdict": "approve", "version": 1})
DENYING = OpenApiExample(
    "Deny",
    request_only=True,
    value={"verdict": "deny", "comment": "Not during the release freeze."},
)
CONSUMING = OpenApiExample(
    "Consume", request_only=True, value={"parameters": {"from_replicas": 5, "to_replicas": 8}}
)
REPORTING = OpenApiExample(
    "Report a success",
    request_only=True,
    value={"status": "success", "detail": "8 of 8 replicas ready", "duration_ms": 41_000},
)
