"""What may be asked of the one writer, and how a refusal of it is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from approvals.domain.errors import Refusal
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import EventKind, Verdict
from approvals.models import ApprovalRequest


def _nothing(row: ApprovalRequest) -> None:
    del row


@dataclass(frozen=True, slots=True)
class Aside:
    """Something that belongs to a request's history and moves it nowhere; `also` adds its rows."""

    kind: EventKind
    detail: Mapping[str, Any] = field(default_factory=dict)
    also: Callable[[ApprovalRequest], None] = _nothing


Move = Callable[[RequestState], Change | Aside | None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How to write down a refusal: as which event, with which facts.

    Only those of a kind, where `only` says so, and each once per actor `once_in` so much time.
    """

    kind: EventKind
    facts: Mapping[str, Any]
    only: type[Refusal] = Refusal
    once_in: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Others:
    """What a move means for other requests on the same card: `whom` it concerns, and how it moves them.

    `whom` is given the request that was moved, the change before it is written, and the others.
    """

    whom: Callable[[ApprovalRequest, Change, Sequence[ApprovalRequest]], Sequence[ApprovalRequest]]
    move: Callable[[RequestState], Change | None]


def _nobody(
    row: ApprovalRequest, change: Change, beside: Sequence[ApprovalRequest]
) -> Sequence[ApprovalRequest]:
    del row, change, beside
    return ()


def _stay(state: RequestState) -> None:
    del state


ALONE = Others(_nobody, _stay)


def click_attempt(verdict: Verdict, channel: str) -> Attempt:
    """A refused click is history too."""
    return Attempt(EventKind.DECISION_REFUSED, {"verdict": verdict.value, "channel": channel})
