"""What of a request is held now: one's own decision with its way back, and those of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from approvals.models import HeldDecision, Person

DONE = {"approve": "Approved", "deny": "Denied"}
NOUN = {"approve": "approval", "deny": "denial"}


@dataclass(frozen=True, slots=True)
class Held:
    """One's own decision that can still be undone until `until`; others' only as a sentence. `leader` is
    the request it was said of, where this one stands on its card."""

    words: str
    until: datetime
    seconds: int
    is_yours: bool
    leader: str = ""


def held_now(
    held: Sequence[HeldDecision],
    person: Person,
    *,
    now: datetime,
    held_for: Sequence[HeldDecision] = (),
) -> list[Held]:
    """Oldest first; one's own before those of others. `held_for` was said of the leader of the card."""
    found = [_drawn(each, person, now=now) for each in held if is_open(each)]
    found += [replace(_drawn(each, person, now=now), leader=each.request.ref) for each in held_for]
    return sorted(found, key=lambda each: not each.is_yours)


def lost(held: Sequence[HeldDecision], person: Person) -> str:
    """Why the last thing this person said did not count; empty when it did, or was taken back."""
    mine = [each for each in held if each.person_id == person.pk]
    if not mine or not mine[-1].why_not:
        return ""
    return f"Your {NOUN[mine[-1].verdict]} did not count. {mine[-1].why_not}"


def is_yours_held(held: Sequence[HeldDecision], person: Person) -> bool:
    return any(is_open(each) and each.person_id == person.pk for each in held)


def is_open(held: HeldDecision) -> bool:
    """Neither taken back nor counted yet."""
    return held.undone_at is None and held.released_at is None


def _drawn(held: HeldDecision, person: Person, *, now: datetime) -> Held:
    is_yours = held.person_id == person.pk
    words = f"{DONE[held.verdict]}."
    if not is_yours:
        words = f"{held.person} {DONE[held.verdict].lower()} this."
    seconds = max(int((held.release_at - now).total_seconds()), 0)
    return Held(words, held.release_at, seconds, is_yours)
