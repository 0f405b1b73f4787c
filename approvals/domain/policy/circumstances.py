"""What the service itself knows at the moment of judging. Nothing here comes from the agent's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from approvals.domain.terms import BreakerAction, BreakerKind, OutcomeStatus, Phase, Stage

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Count:
    """How many requests of one action were let through or still wait, by when they were asked."""

    hour: int = 0
    day: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """How many requests of one action named this recipient in the last day (let through or waiting)."""

    action: str
    recipient: str
    day: int


@dataclass(frozen=True, slots=True)
class Reported:
    """The last time the agent reported an outcome other than success for this action."""

    action: str
    status: OutcomeStatus
    at: datetime


@dataclass(frozen=True, slots=True)
class Tripped:
    """A circuit breaker of this agent that is not closed. `policy` and `kind` name it."""

    policy: str
    kind: BreakerKind
    does: BreakerAction
    phase: Phase
    since: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A standing grant in force: what it covers, and how often still.

    `bounds` maps a parameter's name to what is allowed: `{"equals": value}` or `{"most": number}`
    or `{"least": number, "most": number}`; a parameter it does not name is not covered.
    """

    ref: str
    action: str
    target: str
    bounds: Mapping[str, Mapping[str, Any]]
    uses_left: int
    expires_at: datetime
    given_by: str


@dataclass(frozen=True, slots=True)
class Denial:
    """The last time a person denied exactly this action of this agent."""

    ref: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All of it. `passed` is by action; `stages` by class of action, `*` for every other class.

    `history` holds the counts rules and cards may quote (see `conditions`).
    """

    now: datetime
    passed: Mapping[str, Count] = field(default_factory=lambda: _NONE)
    sent: tuple[Sent, ...] = ()
    reported: tuple[Reported, ...] = ()
    tripped: tuple[Tripped, ...] = ()
    stages: Mapping[str, Stage] = field(default_factory=lambda: _NONE)
    standing: tuple[Standing, ...] = ()
    denied: Denial | None = None
    history: Mapping[str, Any] = field(default_factory=lambda: _NONE)


UNKNOWN = Circumstances(now=datetime(1970, 1, 1, tzinfo=UTC))
