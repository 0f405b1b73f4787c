"""The tables, one family a file; their constraints repeat the rules of the domain."""

from approvals.models.agents import Agent, AgentKey
from approvals.models.audit import AuditEvent, ChainHead
from approvals.models.inbound import Replay
from approvals.models.outbox import Delivery, Receipt, Timer
from approvals.models.people import Identity, Person, PersonToken, Team, TeamMember
from approvals.models.policies import PolicyVersion
from approvals.models.requests import ApprovalRequest, Decision, RequestMessage

__all__ = [
    "Agent",
    "AgentKey",
    "ApprovalRequest",
    "AuditEvent",
    "ChainHead",
    "Decision",
    "Delivery",
    "Identity",
    "Person",
    "PersonToken",
    "PolicyVersion",
    "Receipt",
    "Replay",
    "RequestMessage",
    "Team",
    "TeamMember",
    "Timer",
]
