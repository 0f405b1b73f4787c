"""The request and the circumstances of a policy's example, as its YAML writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import yaml

from approvals.domain.policy.breaker_sections import DEFAULTS
from approvals.domain.policy.circumstances import (
    Circumstances,
    Count,
    Denial,
    Reported,
    Sent,
    Tripped,
)
from approvals.domain.policy.reading import Value
from approvals.domain.policy.subject import Subject, subject_of
from approvals.domain.terms import (
    BreakerAction,
    BreakerKind,
    DataClass,
    OutcomeStatus,
    Phase,
    RiskLevel,
    Stage,
)

SOME_AGENT, SOME_TARGET = "some-agent", "some-target"
IMPACT = ("summary", "cost_per_hour_usd", "pods", "replica_percent", "users")
RESOURCE = ("namespace", "type", "name")
_DECIMAL = re.compile(r"[-+]?[0-9_]*\.?[0-9_]+(?:[eE][-+]?[0-9]{1,3})?|[-+]?[0-9_]+\.")
Read = Callable[[Value], Any]


def numbers(text: str, values: Iterable[Value]) -> Iterator[Value]:
    """The documents of a text with its decimal numbers as numbers; policies keep them as they are written."""
    nodes = yaml.compose_all(text, Loader=yaml.SafeLoader)
    bodies = (node for node in nodes if isinstance(node, yaml.CollectionNode))
    for value in values:
        yield value if not isinstance(value.plain, dict | list) else _typed(value, next(bodies))


def _typed(value: Value, node: yaml.Node) -> Value:
    if isinstance(node, yaml.MappingNode):
        below = {key.value: _typed(value.plain[key.value], each) for key, each in node.value}
        return replace(value, plain=below)
    if isinstance(node, yaml.SequenceNode):
        pairs = zip(value.plain, node.value, strict=True)
        return replace(value, plain=[_typed(item, each) for item, each in pairs])
    if node.tag != "tag:yaml.org,2002:float":
        return value
    number = float(node.value.replace("_", "")) if _DECIMAL.fullmatch(node.value) else math.nan
    if not math.isfinite(number):
        raise value.fail("a number that JSON can hold is wanted here")
    return replace(value, plain=number)


def subject(value: Value) -> Subject:
    """A submission with its agent. Only `action` must be there. Raises PolicyInvalid."""
    found = {"target": SOME_TARGET, "parameters": {}} | submission(value)
    return subject_of(str(found.pop("agent", SOME_AGENT)), found)


def submission(value: Value) -> dict[str, Any]:
    """What a submission says, its agent with it. Only `action` must be there. Raises PolicyInvalid."""
    body = value.mapping(*_REQUEST)
    if "action" not in body:
        raise value.fail("'action' is missing")
    return {name: _REQUEST[name](each) for name, each in body.items()}


def circumstances(value: Value, *, now: datetime) -> Circumstances:
    """What the service is taken to know; `now` unless the example says another moment."""
    body = value.mapping(*_GIVEN)
    at = _moment(body["now"]) if "now" in body else now
    found = {_NAMED.get(name, name): _GIVEN[name](each, at) for name, each in body.items()}
    return Circumstances(**{**found, "now": at})


def known_names(value: Value, names: Iterable[str]) -> dict[str, Value]:
    """A mapping with some of these names."""
    return value.mapping(*names)


def plain(value: Value) -> Any:
    """A value of any shape as JSON would hold it."""
    if isinstance(value.plain, dict):
        return {name: plain(each) for name, each in value.plain.items()}
    if isinstance(value.plain, list):
        return [plain(each) for each in value.plain]
    return value.plain


def _object(value: Value) -> dict[str, Any]:
    value.mapping()
    return {name: plain(each) for name, each in value.plain.items()}


def _number(value: Value) -> float:
    try:
        number = float(str(value.plain))
    except ValueError:
        raise value.fail("a number is wanted here") from None
    if isinstance(value.plain, bool) or not math.isfinite(number) or number < 0:
        raise value.fail("a number of at least 0 is wanted here")
    return int(number) if number.is_integer() else number


def _impact(value: Value) -> dict[str, Any]:
    return {
        name: each.text() if name == "summary" else _number(each)
        for name, each in value.mapping(*IMPACT).items()
    }


def _texts(value: Value) -> list[str]:
    return [each.text() for each in value.items()]


_REQUEST: Mapping[str, Read] = {
    "agent": Value.text,
    "action": Value.text,
    "target": Value.text,
    "parameters": _object,
    "reasoning": Value.text,
    "impact": _impact,
    "risk": lambda value: value.one_of(*(each.value for each in RiskLevel)),
    "risk_reason": Value.text,
    "alternatives": _texts,
    "resource": lambda value: {
        name: each.text() for name, each in value.mapping(*RESOURCE).items()
    },
    "data_classification": lambda value: value.one_of(*(each.value for each in DataClass)),
    "aggregated": Value.yes_no,
    "session": Value.text,
    "context": _object,
    "recipients": _texts,
    "labels": _object,
}


def _moment(value: Value) -> datetime:
    try:
        found = datetime.fromisoformat(str(value.plain))
    except ValueError:
        raise value.fail("a moment such as 2026-01-05T12:00:00Z is wanted here") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _stages(value: Value, at: datetime) -> dict[str, Stage]:
    del at
    words = tuple(each.value for each in Stage)
    if not isinstance(value.plain, dict):
        return {"*": Stage(value.one_of(*words))}
    return {name: Stage(each.one_of(*words)) for name, each in value.plain.items()}


def _passed(value: Value, at: datetime) -> dict[str, Count]:
    found: dict[str, Count] = {}
    for action, counts in value.mapping().items():
        body = counts.mapping("hour", "day")
        hour = body["hour"].whole() if "hour" in body else 0
        day = body["day"].whole() if "day" in body else hour
        found[action] = Count(hour, max(hour, day), hour_since=at, day_since=at)
    return found


def _sent(value: Value, at: datetime) -> tuple[Sent, ...]:
    listed = [_all_of(item, "action", "recipient", "day") for item in value.items()]
    return tuple(
        Sent(body["action"].text(), body["recipient"].text(), body["day"].whole(), at)
        for body in listed
    )


def _reported(value: Value, at: datetime) -> tuple[Reported, ...]:
    words = tuple(each.value for each in OutcomeStatus if each is not OutcomeStatus.SUCCESS)
    listed = [_all_of(item, "action", "status", "ago") for item in value.items()]
    return tuple(
        Reported(
            body["action"].text(),
            OutcomeStatus(body["status"].one_of(*words)),
            at - body["ago"].span(),
        )
        for body in listed
    )


def _breakers(value: Value, at: datetime) -> tuple[Tripped, ...]:
    return tuple(_tripped(item, at) for item in value.items())


def _tripped(item: Value, at: datetime) -> Tripped:
    body = item.mapping("policy", "kind", "action", "phase")
    for key in ("policy", "kind"):
        if key not in body:
            raise item.fail(f"{key!r} is missing")
    kind = BreakerKind(body["kind"].one_of(*(each.value for each in BreakerKind)))
    does, _ = DEFAULTS[kind]
    if "action" in body:
        does = BreakerAction(body["action"].one_of(*(each.value for each in BreakerAction)))
    phases = (Phase.OPEN.value, Phase.HALF_OPEN.value)
    phase = Phase(body["phase"].one_of(*phases)) if "phase" in body else Phase.OPEN
    return Tripped(body["policy"].text(), kind, does, phase, at, "given by the example", at)


def _denied(value: Value, at: datetime) -> Denial | None:
    return Denial("REQ-1", "somebody", at) if value.yes_no() else None


def _all_of(item: Value, *keys: str) -> dict[str, Value]:
    body = item.mapping(*keys)
    for key in keys:
        if key not in body:
            raise item.fail(f"{key!r} is missing")
    return body


_NAMED = {"stage": "stages", "breakers": "tripped"}
_GIVEN: Mapping[str, Callable[[Value, datetime], Any]] = {
    "now": lambda value, _: _moment(value),
    "stage": _stages,
    "passed": _passed,
    "sent": _sent,
    "reported": _reported,
    "breakers": _breakers,
    "denied": _denied,
    "history": lambda value, _: _object(value),
}
