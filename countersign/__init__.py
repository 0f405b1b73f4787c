"""Ask a person before an AI agent acts: the client of a Countersign service.

    from countersign import Countersign, require_approval

`Countersign` speaks to the service, `require_approval` guards a function, `verify_grant` checks a
grant offline. Whatever goes wrong is a `CountersignError`, and never an approval.
"""

from __future__ import annotations

from countersign.answers import ApprovalRequest
from countersign.client import Countersign
from countersign.decorator import require_approval
from countersign.errors import (
    CountersignError,
    InvalidGrant,
    NotApproved,
    Refused,
    StillWaiting,
    Unreachable,
)
from countersign.verify import Grant, parameters_sha256, verify_grant

__all__ = [
    "ApprovalRequest",
    "Countersign",
    "CountersignError",
    "Grant",
    "InvalidGrant",
    "NotApproved",
    "Refused",
    "StillWaiting",
    "Unreachable",
    "parameters_sha256",
    "require_approval",
    "verify_grant",
]
