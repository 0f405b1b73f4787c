"""What a card says of decisions that are recorded and can still be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.domain.state import clock
from approvals.domain.terms import Verdict

DID = {Verdict.APPROVE: "Approved", Verdict.DENY: "Denied"}
NOUN = {Verdict.APPROVE: "APPROVAL", Verdict.DENY: "DENIAL"}


@dataclass(frozen=True, slots=True)
class Pending:
    """One person's decision on its way: it counts at `until`, and `ends` the request as it stands now."""

    by: str
    verdict: Verdict
    at: datetime
    until: datetime
    ends: bool


def badge(pending: Sequence[Pending]) -> str:
    """Icon and words for what takes effect first; empty where nothing is on its way."""
    return f"◔ {NOUN[pending[0].verdict]} ON ITS WAY" if pending else ""


def line(pending: Sequence[Pending]) -> str:
    """Who decided, and when it takes effect; the earliest first."""
    return " ".join(map(_told, pending))


def _told(one: Pending) -> str:
    then = "Goes to the agent" if one.ends else "Counts"
    return (
        f"{DID[one.verdict]} by {one.by} ({clock(one.at)}). {then} at {one.until:%H:%M:%S} UTC; "
        "until then it can be undone."
    )
