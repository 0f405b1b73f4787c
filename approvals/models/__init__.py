"""The tables, one family a file; their constraints repeat the rules of the domain."""

from approvals.models.agents import Agent, AgentKey
from approvals.models.audit import AuditEvent, ChainHead
from approvals.models.desk import (
    Assignment,
    Export,
    ExportPart,
    HeldDecision,
    Preferences,
    ReminderMute,
    RequestLook,
    SavedView,
)
from approvals.models.duty import Absence, ShiftOverride
from approvals.models.guardrails import (
    Alert,
    AlertMute,
    BreakerTrip,
    Recipient,
    SuggestionMark,
    TeamQuestion,
)
from approvals.models.inbound import Knock, Replay
from approvals.models.outbox import Delivery, Receipt, Timer
from approvals.models.people import Identity, Person, PersonToken, Team, TeamMember
from approvals.models.places import Place
from approvals.models.policies import PolicyDraft, PolicyVersion
from approvals.models.requests import ApprovalRequest, Decision, RequestMessage
from approvals.models.sign_in import OneTimeSecret, Passkey
from approvals.models.trust import AgentStage, StageStart, StandingGrant
from approvals.models.workspaces import ChannelFinding, ChannelShowing, SlackWorkspace

__all__ = [
    "Absence",
    "Agent",
    "AgentKey",
    "AgentStage",
    "Alert",
    "AlertMute",
    "ApprovalRequest",
    "Assignment",
    "AuditEvent",
    "BreakerTrip",
    "ChainHead",
    "ChannelFinding",
    "ChannelShowing",
    "Decision",
    "Delivery",
    "Export",
    "ExportPart",
    "HeldDecision",
    "Identity",
    "Knock",
    "OneTimeSecret",
    "Passkey",
    "Person",
    "PersonToken",
    "Place",
    "PolicyDraft",
    "PolicyVersion",
    "Preferences",
    "Receipt",
    "Recipient",
    "ReminderMute",
    "Replay",
    "RequestLook",
    "RequestMessage",
    "SavedView",
    "ShiftOverride",
    "SlackWorkspace",
    "StageStart",
    "StandingGrant",
    "SuggestionMark",
    "Team",
    "TeamMember",
    "TeamQuestion",
    "Timer",
]
