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
    RESUMED = "request.resumed"
    MESSAGE_ADDED = "request.message_added"
    GRANT_EXPIRED = "grant.expired"

    DECISION_REFUSED = "decision.refused"
    CONSUME_REFUSED = "grant.refused"
    DELIVERY_DEAD = "delivery.dead"
    POLICY_APPLIED = "policy.applied"
    AGENT_ADDED = "agent.added"
    AGENT_KEY_ISSUED = "agent.key_issued"
    AGENT_KEY_REVOKED = "agent.key_revoked"
    AGENT_STOPPED = "agent.stopped"
    AGENT_STARTED = "agent.started"
    PERSON_ADDED = "person.added"
    PERSON_CHANGED = "person.changed"
    PERSON_LINKED = "person.linked"
    PERSON_TOKEN_ISSUED = "person.token_issued"
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


class ActorKind(StrEnum):
    """Who caused an event."""

    PERSON = "person"
    AGENT = "agent"
    POLICY = "policy"
    SYSTEM = "system"
    OPERATOR = "operator"
