"""What the service itself knows at the moment of judging. Nothing here comes from the agent's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from approvals.domain.terms import (
    BreakerAction,
    BreakerKind,
    DataClass,
    OutcomeStatus,
    Phase,
    Stage,
)  # fmt: skip

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Count:
    """How many requests of one action were let through or still wait, by when they were asked.

    `hour_since` and `day_since` are the oldest of them: when it leaves the window there is room again.
    """

    hour: int = 0
    day: int = 0
    hour_since: datetime | None = None
    day_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """How many requests of one action named this recipient in the last day (let through or waiting)."""

    action: str
    recipient: str
    day: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """The last time the agent reported an outcome other than success for this action."""

    action: str
    status: OutcomeStatus
    at: datetime


@dataclass(frozen=True, slots=True)
class Tripped:
    """A circuit breaker of this agent that is not closed. `policy` and `kind` name it.

    `trial` is the request on trial while it is half-open, empty when there is none yet.
    """

    policy: str
    kind: BreakerKind
    does: BreakerAction
    phase: Phase
    since: datetime
    words: str
    half_open_at: datetime | None = None
    trial: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A standing grant in force: what it covers, and how often still.

    `bounds` maps a parameter's name to what is allowed: `{"equals": value}` or `{"most": number}`
    (from 0) or `{"least": number, "most": number}`; a parameter it does not name is not covered. The rest is
    what people saw beside the parameters; a request that states more is not covered.
    """

    ref: str
    action: str
    target: str
    bounds: Mapping[str, Mapping[str, Any]]
    uses_left: int
    expires_at: datetime
    given_by: str
    most_uses: int = 1
    impact: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    namespace: str = ""
    resource_type: str = ""
    data_class: DataClass | None = None
    recipients: tuple[str, ...] = ()


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
