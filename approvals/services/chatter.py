"""Bound what an agent may say unasked: each message makes what people read out of date."""

from __future__ import annotations

from approvals.domain import errors
from approvals.models import ApprovalRequest, RequestMessage
from approvals.models.requests import lookup

MOST_UNASKED = 5


def refuse_chatter(ref: str) -> None:
    """Without a question an agent adds a few messages and no more; with one it may answer.

    Otherwise it could change the request faster than anybody reads it, and no denial would count.
    The caller holds the lock. Raises NotInvestigating.
    """
    row = ApprovalRequest.objects.filter(**lookup(ref))
    if RequestMessage.objects.filter(request__in=row, from_agent=True).count() >= MOST_UNASKED:
        raise errors.NotInvestigating(
            f"No question is open, and the agent already added {MOST_UNASKED} messages or more. "
            "Nothing was recorded. Wait until a person asks."
        )
