"""
Why something did not go ahead. Nothing here ever means "approved".

CountersignError
├── Unreachable     nobody could tell: no answer, a failing server, a redirect, an answer that makes no sense
├── Refused         the service understood and said no; `code` is stable, `status` is HTTP's
├── NotApproved     the request ended any other way than approved; `request` says how
│   └── StillWaiting    nobody decided in the time that was given
└── InvalidGrant    a grant that must not be believed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from countersign.answers import ApprovalRequest


class CountersignError(Exception):
    """Something did not go ahead; the words say what happened and what to do."""


class Unreachable(CountersignError):
    """Whether the action is approved could not be found out, so it must not run."""

    def __init__(self, words: str, *, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.retry_after = retry_after


class Refused(CountersignError):
    """The service said no to this very call.

    `retry_after` is in seconds, where the service names a time to ask again (`attention_budget_exceeded`).
    """

    def __init__(
        self, words: str, *, code: str, status: int, retry_after: float | None = None
    ) -> None:
        super().__init__(words)
        self.code = code
        self.status = status
        self.retry_after = retry_after


class NotApproved(CountersignError):
    """The action must not run. `request` is the request as it stands."""

    def __init__(self, words: str, *, request: ApprovalRequest) -> None:
        super().__init__(words)
        self.request = request


class StillWaiting(NotApproved):
    """The time to wait is over and nobody has decided."""


class InvalidGrant(CountersignError):
    """The token is not a grant of this service for this use."""
