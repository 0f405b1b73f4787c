"""How a policy writes its circuit breakers, read into one `Breaker` for each.

`circuitBreaker: {errorRate: 0.1, window: 5m, minimum: 5, action, rest}` is one breaker, named by
`errorRate`, `rollbacks` or `costSpike`; `circuitBreakers` may list several. `circuit_breakers: {error_rate:
{threshold: 10%, window: 5m, minimum, action, rest}, rollback_count: {threshold: 3, window: 1h, …},
cost_spike: {threshold: 200%, baseline: 7d_average, …}}` names each by its kind. What is left out is as in
`DEFAULTS`; the rest is as long as the window, and an hour for a cost spike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from approvals.domain.policy.reading import Place, Value
from approvals.domain.terms import BreakerAction, BreakerKind

FORM: Mapping[str, BreakerKind] = {
    "errorRate": BreakerKind.ERROR_RATE,
    "rollbacks": BreakerKind.ROLLBACK_COUNT,
    "costSpike": BreakerKind.COST_SPIKE,
}
KINDS = tuple(kind.value for kind in BreakerKind)
ACTIONS = tuple(does.value for does in BreakerAction)
KEYS: Mapping[BreakerKind, tuple[str, ...]] = {
    BreakerKind.ERROR_RATE: ("window", "minimum", "action", "rest"),
    BreakerKind.ROLLBACK_COUNT: ("window", "action", "rest"),
    BreakerKind.COST_SPIKE: ("baseline", "action", "rest"),
}
DEFAULTS: Mapping[BreakerKind, tuple[BreakerAction, timedelta]] = {
    BreakerKind.ERROR_RATE: (BreakerAction.PAUSE_AND_ALERT, timedelta(minutes=5)),
    BreakerKind.ROLLBACK_COUNT: (BreakerAction.REQUIRE_HUMAN_REVIEW, timedelta(hours=1)),
    BreakerKind.COST_SPIKE: (BreakerAction.FREEZE_SCALING, timedelta(days=1)),
}
BASELINE, BASELINE_DAYS = "7d_average", 7
MINIMUM = 5
COST_REST = timedelta(hours=1)
_PERCENT = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,4})?)\s*%")
_SHARE = re.compile(r"0?\.[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker of one policy.

    `threshold` is a share (1/10 is 10 %) of outcomes, a number of rollbacks, or a multiple (2 is 200 %)
    of the average cost; `minimum` is how many outcomes there must be before a share means anything;
    `rest` is how long it stays open before one request is tried.
    """

    policy: str
    place: Place
    kind: BreakerKind
    threshold: Fraction
    does: BreakerAction
    window: timedelta
    rest: timedelta
    minimum: int = 1


def read(value: Value, *, policy: str) -> tuple[Breaker, ...]:
    """The breakers of one section, however it is written. Raises PolicyInvalid."""
    found = tuple(_read(value, policy))
    if not found:
        raise value.fail("a breaker is wanted here, such as errorRate: 10%")
    first: dict[BreakerKind, Breaker] = {}
    for each in found:
        if first.setdefault(each.kind, each) is not each:
            raise value.fail(
                f"one policy has one breaker of a kind; {each.kind.value} stands twice"
            )
    return found


def _read(value: Value, policy: str) -> Iterator[Breaker]:
    if isinstance(value.plain, list):
        for item in value.items():
            yield _formed(item, policy)
        return
    body = value.mapping()
    if not any(key in KINDS for key in body):
        yield _formed(value, policy)
        return
    for key, inner in value.mapping(*KINDS).items():
        kind = BreakerKind(key)
        parts = inner.mapping("threshold", *KEYS[kind])
        if "threshold" not in parts:
            raise inner.fail("'threshold' is missing")
        yield _breaker(kind, parts["threshold"], parts, inner.place, policy)


def _formed(value: Value, policy: str) -> Breaker:
    """The guardrails form: the key that names the kind holds its threshold."""
    every = dict.fromkeys(key for keys in KEYS.values() for key in keys)
    body = value.mapping(*FORM, *every)
    named = [key for key in FORM if key in body]
    if len(named) != 1:
        raise value.fail(f"a breaker is named by one of {', '.join(FORM)}; here are {len(named)}")
    kind = FORM[named[0]]
    body = value.mapping(named[0], *KEYS[kind])
    return _breaker(kind, body[named[0]], body, value.place, policy)


def _breaker(
    kind: BreakerKind, threshold: Value, body: Mapping[str, Value], place: Place, policy: str
) -> Breaker:
    does, window = DEFAULTS[kind]
    if "action" in body:
        does = BreakerAction(body["action"].one_of(*ACTIONS))
    if "window" in body:
        window = body["window"].span()
    if "baseline" in body:
        body["baseline"].one_of(BASELINE)
    rest = COST_REST if kind is BreakerKind.COST_SPIKE else window
    return Breaker(
        policy=policy,
        place=place,
        kind=kind,
        threshold=_THRESHOLDS[kind](threshold),
        does=does,
        window=window,
        rest=body["rest"].span() if "rest" in body else rest,
        minimum=_minimum(kind, body),
    )


def _minimum(kind: BreakerKind, body: Mapping[str, Value]) -> int:
    if "minimum" in body:
        return body["minimum"].whole(at_least=1)
    return MINIMUM if kind is BreakerKind.ERROR_RATE else 1


def _share(value: Value) -> Fraction:
    text = str(value.plain)
    percent = _PERCENT.fullmatch(text)
    share = Fraction(percent[1]) / 100 if percent else None
    if share is None and isinstance(value.plain, str) and _SHARE.fullmatch(text):
        share = Fraction(text)
    if share is None or not 0 < share <= 1:
        raise value.fail("a share of more than nothing, such as 10% or 0.1, is wanted here")
    return share


def _count(value: Value) -> Fraction:
    return Fraction(value.whole(at_least=1))


def _multiple(value: Value) -> Fraction:
    percent = _PERCENT.fullmatch(str(value.plain))
    if percent is None or Fraction(percent[1]) <= 100:
        raise value.fail(
            "a percentage of the average day is wanted here, such as 200%; the average itself is 100%"
        )
    return Fraction(percent[1]) / 100


_THRESHOLDS = {
    BreakerKind.ERROR_RATE: _share,
    BreakerKind.ROLLBACK_COUNT: _count,
    BreakerKind.COST_SPIKE: _multiple,
}
