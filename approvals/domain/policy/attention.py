"""How often an agent may ask people, and when a denied action may be asked again.

Several policies may concern one agent: the smallest budget counts, the longest cool-down, and one
that keeps requests on cards of their own is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.domain.policy import checks
from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.subject import Subject
from approvals.domain.state import clock

DENIED_LATELY = "denied_lately"


@dataclass(frozen=True, slots=True)
class Attention:
    """One section of one policy; None restricts nothing.

    `questions_per_hour` bounds the requests of one agent that ask people, `questions_per_approver`
    the cards any one person is asked to decide, both within any sixty minutes.
    """

    policy: str
    place: Place
    questions_per_hour: int | None = None
    questions_per_approver: int | None = None
    denied_cooldown: timedelta | None = None
    share_cards: bool = True


def read(value: Value, *, policy: str) -> Attention:
    """Raises PolicyInvalid."""
    body = value.mapping(
        "questions_per_hour", "questions_per_approver_per_hour", "denied_cooldown", "share_cards"
    )
    if not body:
        raise value.fail("this section is empty; say 'questions_per_hour' or leave it out")
    per_approver = body.get("questions_per_approver_per_hour")
    return Attention(
        policy=policy,
        place=value.place,
        questions_per_hour=_whole(body.get("questions_per_hour")),
        questions_per_approver=_whole(per_approver),
        denied_cooldown=body["denied_cooldown"].span() if "denied_cooldown" in body else None,
        share_cards=body["share_cards"].yes_no() if "share_cards" in body else True,
    )


def _whole(value: Value | None) -> int | None:
    """A budget of nothing would forbid asking, which no agent should meet as "too often"."""
    return None if value is None else value.whole(at_least=1)


def questions_per_hour(found: Sequence[Attention]) -> int | None:
    """The smallest budget of an agent; None where nobody set one."""
    return min((each.questions_per_hour for each in found if each.questions_per_hour), default=None)


def questions_per_approver(found: Sequence[Attention]) -> int | None:
    """The smallest budget of a person; None where nobody set one."""
    return min(
        (each.questions_per_approver for each in found if each.questions_per_approver), default=None
    )


def shares_cards(found: Sequence[Attention]) -> bool:
    """Whether identical open requests may stand on one card; they may unless a policy says not."""
    return all(each.share_cards for each in found)


def longest_cooldown(found: Sequence[Attention]) -> timedelta | None:
    """How long a denied action rests before it may be asked again; None where nobody said."""
    strictest = _strictest(found)
    return strictest.denied_cooldown if strictest else None


def check(found: Sequence[Attention], subject: Subject, now: Circumstances) -> list[Check]:
    """Refuses what a person denied a moment ago; no step where no policy sets a cool-down."""
    del subject  # `now.denied` speaks of exactly this action
    strictest = _strictest(found)
    if strictest is None or strictest.denied_cooldown is None:
        return []
    rule, rest = f"{strictest.policy}.attention.denied_cooldown", strictest.denied_cooldown
    denied = now.denied
    if denied is None or now.now >= denied.at + rest:
        words = f"Nobody denied exactly this within the last {_minutes(rest)}."
        return [checks.passed(Layer.RATE, words, rule=rule, place=strictest.place)]
    words = (
        f"{denied.by} denied exactly this ({denied.ref}) at {clock(denied.at)}. "
        f"It may be asked again after {clock(denied.at + rest)}."
    )
    return [
        checks.refuses(
            Layer.RATE,
            words,
            reason=DENIED_LATELY,
            rule=rule,
            place=strictest.place,
            denied=denied.ref,
            denied_by=denied.by,
            denied_at=denied.at.isoformat(),
            ask_again_at=(denied.at + rest).isoformat(),
        )
    ]


def room_at(times: Sequence[datetime], *, budget: int, window: timedelta) -> datetime:
    """When one more fits, given at least `budget` moments within the window; any order."""
    return sorted(times, reverse=True)[budget - 1] + window


def _strictest(found: Sequence[Attention]) -> Attention | None:
    """The section with the longest cool-down; by name among equals, so that order means nothing."""
    resting = [each for each in found if each.denied_cooldown]
    return max(resting, key=lambda each: (each.denied_cooldown, each.policy), default=None)


def _minutes(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}s" if count > 1 else unit
    return f"{seconds} seconds"
