"""The tables, one family a file; their constraints repeat the rules of the domain."""

from approvals.models.agents import Agent, AgentKey
from approvals.models.audit import AuditEvent, ChainHead
from approvals.models.guardrails import (
    Alert,
    BreakerTrip,
    Recipient,
    SuggestionMark,
    TeamQuestion,
)
from approvals.models.inbound import Replay
from approvals.models.outbox import Delivery, Receipt, Timer
from approvals.models.people import Identity, Person, PersonToken, Team, TeamMember
from approvals.models.places import Place
from approvals.models.policies import PolicyDraft, PolicyVersion
from approvals.models.requests import ApprovalRequest, Decision, RequestMessage
from approvals.models.trust import AgentStage, StandingGrant

__all__ = [
    "Agent",
    "AgentKey",
    "AgentStage",
    "Alert",
    "ApprovalRequest",
    "AuditEvent",
    "BreakerTrip",
    "ChainHead",
    "Decision",
    "Delivery",
    "Identity",
    "Person",
    "PersonToken",
    "Place",
    "PolicyDraft",
    "PolicyVersion",
    "Receipt",
    "Recipient",
    "Replay",
    "RequestMessage",
    "StandingGrant",
    "SuggestionMark",
    "Team",
    "TeamMember",
    "TeamQuestion",
    "Timer",
]
