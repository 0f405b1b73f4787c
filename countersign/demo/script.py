"""What the demo's agent asks for, and who answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the cast, with an account in the demo's own Slack."""

    email: str
    name: str
    team: str
    slack: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of the agent, and who presses Approve, in this order."""

    action: str
    target: str
    parameters: dict[str, Any]
    more: dict[str, Any]
    approvers: tuple[Person, ...] = ()


LEAD = Person("lead@example.com", "Lin (team lead)", "team-leads", "U0DEMOLIN")
MANAGER = Person("demo.manager@example.com", "Ada (manager)", "managers", "U0DEMOADA")
SECURITY = Person("security@example.com", "Grace (security)", "security", "U0DEMOGRACE")
FIRST = Person("board.one@example.com", "Chen (change board)", "change-board", "U0DEMOCHEN")
SECOND = Person("board.two@example.com", "Dana (change board)", "change-board", "U0DEMODANA")
CAST = (LEAD, MANAGER, SECURITY, FIRST, SECOND)

ASKS = (
    Ask(
        "view_logs",
        "checkout-service",
        {"since": "15m", "lines": 200},
        {"reasoning": "Look for the cause of the latency alert"},
    ),
    Ask(
        "restart_service",
        "checkout-service",
        {"service": "checkout", "graceful": True},
        {"reasoning": "Memory has grown for six hours and a restart clears it", "risk": "medium"},
        (LEAD,),
    ),
    Ask(
        "config_change",
        "checkout-service",
        {"key": "db.pool.size", "from": 20, "to": 40},
        {
            "reasoning": "Connections are exhausted at the evening peak",
            "risk": "high",
            "rollback": {"available": True, "how": "Set db.pool.size back to 20"},
        },
        (MANAGER, SECURITY),
    ),
    Ask(
        "database_migration",
        "orders-db",
        {"migration": "0042_add_currency", "online": True},
        {
            "reasoning": "Orders need a currency before the launch",
            "risk": "critical",
            "rollback": {"available": True, "how": "Drop the column; nothing reads it yet"},
        },
        (FIRST, SECOND),
    ),
    Ask(
        "scale_deployment",
        "production-api",
        {"from_replicas": 5, "to_replicas": 8},
        {
            "reasoning": "CPU utilization exceeded threshold (85% > 80%) for 15 minutes",
            "impact": {"summary": "Three more replicas", "cost_per_hour_usd": 45, "pods": 3},
            "risk": "medium",
            "risk_reason": "Similar scaling performed 12 times this month",
            "alternatives": ["Wait for the peak to pass", "Shed load at the gateway"],
            "resource": {"namespace": "production", "type": "deployments"},
            "session": "sess_abc123",
            "context": {
                "triggered_by": "monitoring_alert_12345",
                "related_incidents": ["INC-2026-0219"],
            },
            "rollback": {
                "available": True,
                "how": "Scale back to 5 replicas",
                "state_before": {"replicas": 5},
            },
        },
        (LEAD,),
    ),
)
