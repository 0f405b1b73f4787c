"""Identical open requests of one agent on one card: who may join it, and what a click on it covers.

Each request keeps its own deadline, decision, grant and outcome. The *leader* is the oldest of them
and has the card; the others are its *joiners*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from approvals.domain.state import Change, RequestState
from approvals.domain.terms import EventKind, Status

# More would be hard to grasp, and are decided in one transaction.
MOST_ON_A_CARD = 20
# What the agent claims and people weigh; its reasons may differ and stand on each request's page.
CLAIMS = (
    "risk", "impact", "resource", "data_classification", "aggregated", "recipients", "rollback",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Joined:
    """Requests that came onto a card, and the version the card had from then on."""

    version: int
    refs: tuple[str, ...]


def are_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two submissions of the same action claim the same of it."""
    return all(one.get(name) == other.get(name) for name in CLAIMS)


def may_be_joined(leader: RequestState, *, at: datetime) -> bool:
    """Only a card that nobody has acted on, before its first deadline."""
    is_untouched = not leader.approvals and leader.paused_at is None
    is_first = leader.stage == 0 and leader.rung == 0
    return leader.status is Status.PENDING and is_untouched and is_first and at < leader.decide_by


def joined(leader: RequestState, refs: Sequence[str], *, instead_of: str = "") -> Change:
    """The card now stands for these too, so what people should read has changed.

    `instead_of` names the closed request whose card this one takes over.
    """
    version = leader.version + bool(refs)
    detail = {"joined": list(refs), "version": version, "instead_of": instead_of}
    return Change(EventKind.CARD_SHARED, replace(leader, version=version), detail=detail)


def left(leader: RequestState, refs: Sequence[str]) -> Change:
    """The card stands for fewer: whoever saw more may still decide the rest, so no new version."""
    detail = {"left": list(refs), "version": leader.version}
    return Change(EventKind.CARD_SHARED, leader, detail=detail)


def unseen(seen: int, now: int, history: Sequence[Joined]) -> frozenset[str] | None:
    """The requests that were not on the card at version `seen`; None when more than that changed."""
    later = [each for each in history if each.version > seen]
    if now - seen != len(later):
        return None
    return frozenset(ref for each in later for ref in each.refs)


def counted(headline: str, requests: int) -> str:
    """A headline that says how many requests it is about: `Scale deployment · production-api ×3`."""
    return f"{headline} ×{requests}" if requests > 1 else headline


def reach(refs: Sequence[str]) -> str:
    """What a decision on a shared card does, after the line that says where it stands."""
    if len(refs) < 2:
        return ""
    return f" A decision here counts for each of {len(refs)} identical requests."


def fact(ref: str, beside: Sequence[str], *, leads: bool, is_open: bool) -> tuple[str, str]:
    """The line of a card about the requests beside it: its name, and its words."""
    others = ", ".join(beside)
    if not is_open:
        return "Decided together with", others
    if leads:
        return "Identical requests", f"×{1 + len(beside)}: {ref}, {others}"
    return "Shares a card with", f"{others}; a decision here counts for {ref} alone"
