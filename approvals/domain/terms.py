"""The words of the service, each written in one place."""

from __future__ import annotations

from enum import StrEnum


class RiskLevel(StrEnum):
    """How much harm a wrong action could do, from least to most."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(RiskLevel).index(self)

    @classmethod
    def highest(cls, *levels: RiskLevel) -> RiskLevel:
        return max(levels, key=lambda level: level.rank)


class Status(StrEnum):
    """Where a request stands. All but the first two are final."""

    PENDING = "pending"
    INVESTIGATING = "investigating"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REVOKED = "revoked"

    @property
    def is_final(self) -> bool:
        return self not in OPEN


# In a fixed order: it stands in database constraints, which migrations compare.
OPEN = (Status.PENDING, Status.INVESTIGATING)


class Verdict(StrEnum):
    """What one person says about one request."""

    APPROVE = "approve"
    DENY = "deny"
    INVESTIGATE = "investigate"


class AskedOf(StrEnum):
    """Whose answer a question waits for. Whoever may decide can always let the clock run again."""

    BOTH = "both"
    OWNER = "owner"
    AGENT = "agent"

    @property
    def takes_agent(self) -> bool:
        return self is not AskedOf.OWNER

    @property
    def takes_owner(self) -> bool:
        return self is not AskedOf.AGENT


class Basis(StrEnum):
    """Why a request became what it is."""

    POLICY = "policy"
    PERSON = "person"
    TIMEOUT = "timeout"
    STANDING_GRANT = "standing_grant"
    BREAK_GLASS = "break_glass"


class Approval(StrEnum):
    """What a rule asks for."""

    AUTO = "auto"
    REQUIRED = "required"
    FORBIDDEN = "forbidden"

    @property
    def rank(self) -> int:
        """How much it restricts: deny beats ask beats auto."""
        return list(Approval).index(self)

    @classmethod
    def strictest(cls, *verdicts: Approval) -> Approval:
        return max(verdicts, key=lambda verdict: verdict.rank)


class DataClass(StrEnum):
    """What kind of data an action touches, as its agent declares it."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Stage(StrEnum):
    """How far an agent is trusted with one class of action, from least to most."""

    SHADOW = "shadow"
    SUPERVISED = "supervised"
    AUTONOMOUS = "autonomous"
    FULL = "full"

    @property
    def rank(self) -> int:
        return list(Stage).index(self)


class BreakerKind(StrEnum):
    """What a circuit breaker watches."""

    ERROR_RATE = "error_rate"
    ROLLBACK_COUNT = "rollback_count"
    COST_SPIKE = "cost_spike"


class BreakerAction(StrEnum):
    """What an open circuit breaker does."""

    PAUSE_AND_ALERT = "pause_and_alert"
    REQUIRE_HUMAN_REVIEW = "require_human_review"
    FREEZE_SCALING = "freeze_scaling"


class Phase(StrEnum):
    """Where a circuit breaker stands; half-open lets one trial through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class AlertKind(StrEnum):
    """What the service tells operators of, beside what single requests say."""

    REPEATED_DENIALS = "repeated_approval_denials"
    UNUSUAL_PATTERN = "unusual_action_patterns"
    SCOPE_VIOLATION = "scope_violation_attempts"
    BREAKER_OPENED = "circuit_breaker_activations"
    RATE_APPROACHED = "rate_limit_approaches"
    FORGED_MESSAGE = "forged_channel_messages"


class OnTimeout(StrEnum):
    """What silence means when the last deadline of a stage has passed."""

    ESCALATE = "escalate"
    EXPIRE = "expire"
    APPROVE = "approve"


class OutcomeStatus(StrEnum):
    """What the agent reports after it ran."""

    SUCCESS = "success"
    FAILURE = "failure"
    ROLLED_BACK = "rolled_back"


class EventKind(StrEnum):
    """One line of history. The first group is also sent to agents as webhooks."""

    SUBMITTED = "request.submitted"
    STAGE_PASSED = "request.stage_passed"
    INVESTIGATING = "request.investigating"
    APPROVED = "request.approved"
    DENIED = "request.denied"
    EXPIRED = "request.expired"
    CANCELLED = "request.cancelled"
    REVOKED = "request.revoked"
    CONSUMED = "grant.consumed"
    OUTCOME_REPORTED = "outcome.reported"

    SEAT_FILLED = "request.seat_filled"
    ESCALATED = "request.escalated"
    REMINDED = "request.reminded"
    TIME_ADDED = "request.time_added"
    RESUMED = "request.resumed"
    MESSAGE_ADDED = "request.message_added"
    GRANT_EXPIRED = "grant.expired"
    CARD_SHARED = "request.card_shared"

    DECISION_HELD = "decision.held"
    DECISION_UNDONE = "decision.undone"
    DECISION_REFUSED = "decision.refused"
    ASSIGNED = "request.assigned"
    CONSUME_REFUSED = "grant.refused"
    DELIVERY_DEAD = "delivery.dead"
    DELIVERY_RESENT = "delivery.resent"
    POLICY_PROPOSED = "policy.proposed"
    POLICY_APPLIED = "policy.applied"
    BREAKER_OPENED = "breaker.opened"
    BREAKER_TRIED = "breaker.half_open"
    BREAKER_CLOSED = "breaker.closed"
    ALERT_RAISED = "alert.raised"
    ALERT_TAKEN = "alert.taken"
    ALERT_MUTED = "alert.muted"
    ALERT_SCOPE_ASKED = "alert.scope_asked"
    ALERT_CLOSED = "alert.closed"
    STAGE_CHANGED = "agent.stage_changed"
    STAGE_PLANNED = "agent.stage_planned"
    STAGE_DROPPED = "agent.stage_dropped"
    STAGE_EXPLAINED = "agent.stage_explained"
    INCIDENT_REPORTED = "agent.incident_reported"
    SUGGESTION_MARKED = "suggestion.marked"
    BLOCK_MARKED = "block.marked"
    STANDING_GRANT_MADE = "standing_grant.made"
    STANDING_GRANT_REVOKED = "standing_grant.revoked"
    AGENT_ADDED = "agent.added"
    AGENT_KEY_ISSUED = "agent.key_issued"
    AGENT_KEY_REVOKED = "agent.key_revoked"
    AGENT_SECRET_ROTATED = "agent.secret_rotated"
    AGENT_ZONE_CHANGED = "agent.zone_changed"
    AGENT_STOPPED = "agent.stopped"
    AGENT_STARTED = "agent.started"
    QUESTION_REFUSED = "agent.question_refused"
    PERSON_ADDED = "person.added"
    PERSON_CHANGED = "person.changed"
    PERSON_LINKED = "person.linked"
    PERSON_TOKEN_ISSUED = "person.token_issued"
    PERSON_AWAY = "person.away"
    PERSON_BACK = "person.back"
    SHIFT_CHANGED = "team.shift_changed"
    SHOWING_CHANGED = "channel.showing_changed"
    CHANNEL_TRIED = "channel.tried"
    WORKSPACE_INSTALLED = "workspace.installed"
    WORKSPACE_REVOKED = "workspace.revoked"
    SIGN_IN_CHANGED = "person.sign_in_changed"
    AUDIT_EXPORTED = "audit.exported"


TOLD_TO_AGENTS = frozenset(
    {
        EventKind.SUBMITTED,
        EventKind.STAGE_PASSED,
        EventKind.INVESTIGATING,
        EventKind.APPROVED,
        EventKind.DENIED,
        EventKind.EXPIRED,
        EventKind.CANCELLED,
        EventKind.REVOKED,
        EventKind.CONSUMED,
        EventKind.OUTCOME_REPORTED,
    }
)


class TimerKind(StrEnum):
    """What must happen later."""

    REMIND = "remind"
    DEADLINE = "deadline"
    RESUME = "resume"
    GRANT_EXPIRY = "grant_expiry"
    DIGEST = "digest"


class ActorKind(StrEnum):
    """Who caused an event."""

    PERSON = "person"
    AGENT = "agent"
    POLICY = "policy"
    SYSTEM = "system"
    OPERATOR = "operator"
