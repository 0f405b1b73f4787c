"""The nearest change that would make a request automatic: found by trying, at most `MOST_TRIALS` times.

Nothing is guessed: each change is judged by the same policy before it is offered. Tried are a lower
claim of risk, data declared as aggregated, smaller numbers, fewer recipients, and another hour; one
at a time, then numbers together with the claim. A denial is never worked around: the only one that
is answered is the one that asks for `aggregated`. The larger a body, the fewer trials it gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from approvals.domain.policy import quantities
from approvals.domain.policy.checks import Check, Result
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.quantities import Quantity
from approvals.domain.policy.strings import TooMuch, texts
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Approval

MOST_TRIALS = 56  # the service judges what is offered once more, within 64
MOST_LOOKED_THROUGH = 1_000_000  # letters in all trials together; each trial reads the whole body
A_TEXT_MORE = 10  # what one more text costs, in letters
MOST_QUANTITIES = 6
MOST_RECIPIENTS = 12
HOURS = (*range(1, 13), *range(15, 97, 3))
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One way to be automatic: the fields that differ with their new values, and the whole body.

    `at` is the moment to ask at, when that is what changes.
    """

    words: str
    fields: Mapping[str, Any]
    body: Body
    at: datetime | None = None


class Trials:
    """Judges bodies until the trials are used up; then nothing passes any more."""

    def __init__(self, policy: PolicySet, agent: str, body: Body, now: Circumstances) -> None:
        self.policy, self.agent, self.now = policy, agent, now
        self.left = min(MOST_TRIALS, MOST_LOOKED_THROUGH // _size(body))

    def passes(self, body: Body, *, at: datetime | None = None) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        now = replace(self.now, now=at) if at else self.now
        return evaluate(self.policy, subject_of(self.agent, body), now).verdict is Approval.AUTO


def _size(body: Body) -> int:
    """Roughly what it costs to judge it, in letters; too large or too deep a body is not tried."""
    try:
        return sum((len(text.words) + A_TEXT_MORE for text in texts(body, "")), start=1)
    except TooMuch:
        return MOST_LOOKED_THROUGH + 1


def changes(
    policy: PolicySet, agent: str, body: Body, now: Circumstances, judged: Evaluation
) -> tuple[Change, ...]:
    """Each alone would make it automatic; the first is the smallest. None when nothing tried would."""
    trials = Trials(policy, agent, body, now)
    if judged.verdict is Approval.FORBIDDEN:
        refused = [check for check in judged.checks if check.leads_to is Approval.FORBIDDEN]
        wants = all(check.reason == "data_not_aggregated" for check in refused)
        return tuple(_aggregated(body, trials)) if wants else ()
    if judged.verdict is Approval.AUTO:
        return ()
    asking = [check for check in judged.checks if check.leads_to is Approval.REQUIRED]
    found = [*_claim(body, judged, trials), *_aggregated(body, trials)]
    found += _numbers(body, asking, trials) or _numbers_and_claim(body, asking, judged, trials)
    found += _recipients(body, asking, trials)
    found += _hour(body, asking, now, trials)
    return tuple(found)


def _claim(body: Body, judged: Evaluation, trials: Trials) -> Iterator[Change]:
    """A claim above what policy computes; below it a claim means nothing."""
    if judged.claimed is None or judged.claimed.rank <= judged.computed.rank:
        return
    lower = _unclaimed(body, judged)
    if trials.passes(lower):
        words = f"Claim {judged.computed} risk if that is true: policy rates it no higher."
        yield Change(words, {"risk": judged.computed.value}, lower)


def _unclaimed(body: Body, judged: Evaluation) -> Body:
    return {**body, "risk": judged.computed.value}


def _aggregated(body: Body, trials: Trials) -> Iterator[Change]:
    other = {**body, "aggregated": True}
    if body.get("aggregated") or not body.get("data_classification"):
        return
    if trials.passes(other):
        words = "Send aggregated data only, and declare it: aggregated true."
        yield Change(words, {"aggregated": True}, other)


def _numbers_and_claim(
    body: Body, asking: list[Check], judged: Evaluation, trials: Trials
) -> list[Change]:
    """Smaller numbers that also bring the risk down are no use while the agent claims a higher one."""
    if judged.claimed is None or judged.claimed.rank <= judged.computed.rank:
        return []
    lower = _unclaimed(body, judged)
    also = f", and claim {judged.computed} risk if that is true"
    return [
        replace(
            change,
            words=change.words.removesuffix(".") + also + ".",
            fields={**change.fields, "risk": judged.computed.value},
        )
        for change in _numbers(lower, asking, trials)
    ]


def _numbers(body: Body, asking: list[Check], trials: Trials) -> list[Change]:
    """Parameters first; what the agent states of the impact only where no parameter decides it."""
    if not any(_is_measured(check) for check in asking):
        return []
    for part in ("parameters", "impact"):
        every = quantities.of(body, part)[:MOST_QUANTITIES]
        found = [change for each in every if (change := _less(body, each, trials))]
        if found:
            return found
    return []


def _is_measured(check: Check) -> bool:
    """Whether it was told from a number that lies beyond a limit."""
    values = check.values.values()
    return check.result is Result.FAIL and any(quantities.is_number(value) for value in values)


def _less(body: Body, quantity: Quantity, trials: Trials) -> Change | None:
    """The value nearest to what is asked that passes, from one that does: halved again and again."""
    for spread in (False, True) if quantity.has_impact(body) else (False,):
        for anchor in quantity.anchors:
            build = quantity.builder(body, anchor=anchor, spread=spread)
            if not trials.passes(build(anchor)):
                continue
            best = _nearest(anchor, quantity, build, trials)
            if quantity.is_nothing(best):
                continue
            words = f"Ask for {quantity.name} {best:g} instead of {quantity.value:g}"
            also = ", and state the impact that goes with it" if spread else ""
            other = build(best)
            return Change(f"{words}{also}.", quantity.differences(body, other), other)
    return None


def _nearest(
    good: float, quantity: Quantity, build: Callable[[float], Body], trials: Trials
) -> float:
    """Between a value that passes and the one asked for; what it returns was seen to pass."""
    step, bad = quantity.step, quantity.value
    while abs(bad - good) > step:
        middle = quantity.rounded((good + bad) / 2)
        if middle in (good, bad):
            break
        if trials.passes(build(middle)):
            good = middle
        elif trials.left <= 0:
            break
        else:
            bad = middle
    return good


def _recipients(body: Body, asking: list[Check], trials: Trials) -> Iterator[Change]:
    """Those to whom it could go by itself, as many of them as pass together."""
    every = list(body.get("recipients") or ())
    if not 1 < len(every) <= MOST_RECIPIENTS:
        return
    if not any("recipient" in name for check in asking for name in check.values):
        return
    alone = [who for who in every if trials.passes({**body, "recipients": [who]})]
    while alone and not trials.passes({**body, "recipients": alone}):
        if trials.left <= 0:
            return
        alone = alone[: len(alone) - 1]
    if alone and len(alone) < len(every):
        words = f"Send it to {len(alone)} of the {len(every)} recipients, as listed."
        yield Change(words, {"recipients": alone}, {**body, "recipients": alone})


def _hour(body: Body, asking: list[Check], now: Circumstances, trials: Trials) -> Iterator[Change]:
    """The next full hour at which it would pass, where the clock is what stands against it."""
    if not any("now" in check.values and check.result is Result.FAIL for check in asking):
        return
    start = now.now.replace(minute=0, second=0, microsecond=0)
    before = 0
    for hours in HOURS:
        if trials.passes(body, at=start + timedelta(hours=hours)):
            between = range(before + 1, hours)
            first = next(
                (each for each in between if trials.passes(body, at=start + timedelta(hours=each))),
                hours,
            )
            at = start + timedelta(hours=first)
            yield Change(f"Ask at {at:%H:%M} UTC on {at:%a} {at.day} {at:%b}.", {}, body, at)
            return
        before = hours
