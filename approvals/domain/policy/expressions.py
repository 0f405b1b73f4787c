"""`when:` in CEL over what is asked and what is known, bounded in size and cost.

It sees `parameters`, `target`, `resource` (`namespace`, `type`), `impact`, `context`, `agent`, `now` (UTC),
`history`, `action`, `risk` (as claimed, or null) and `recipients`. It must come out true or false; all
else (a missing field, a wrong type, too much to look through) could not be told, and a person is asked.
Kinds of number do not mix: write `parameters.cost * 2.0`. Comparing them is fine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import cel

from approvals.domain.policy import cel_text
from approvals.domain.policy.cel_text import Reading, Refused
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.conditions import Finding
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.subject import Subject

WORK_LIMIT = 3_000_000
VALUES_LIMIT = 2_000
CHARACTERS_LIMIT = 100_000
SHOWN_VALUES = 10
_SHORT = 200
_SYNTAX = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.{1,200})")


@dataclass(frozen=True, slots=True)
class Expression:
    """One CEL expression that must come out true or false."""

    source: str
    place: Place


def read(value: Value) -> Expression:
    """Compile-checked text. Raises PolicyInvalid, with the character the trouble starts at."""
    source = value.text().strip()
    try:
        _compiled(source)
    except Refused as error:
        near = " ".join(source[error.at - 1 :].split())[:30]
        where = f" (character {error.at}, at {near!r})" if near else ""
        raise value.fail(f"'when' is refused: {error.words}{where}") from None
    return Expression(source, value.place)


def find(expression: Expression, subject: Subject, circumstances: Circumstances) -> Finding:
    """Its value for this request; an error is a finding that could not be told."""
    source = " ".join(expression.source.split())[:_SHORT]
    program, reading = _compiled(expression.source)
    known = _inputs(subject, circumstances)
    inputs = {root: known[root] for root in reading.roots}
    values = _values(reading, inputs)
    if _work(reading, inputs) > WORK_LIMIT:
        return _untold(source, "there is too much to look through", values)
    try:
        result = program.execute(inputs)
    except Exception as error:  # the evaluator raises many kinds, and every one means the same
        return _untold(source, _reason(error), values)
    if not isinstance(result, bool):
        return _untold(source, "it is neither true nor false", values)
    return Finding(result, f"{source} {'holds' if result else 'does not hold'}", values)


def _untold(source: str, why: str, values: Mapping[str, Any]) -> Finding:
    return Finding(None, f"{source} could not be worked out: {why}", values)


def _reason(error: Exception) -> str:
    """What went wrong, for people; never the evaluator's own words."""
    if isinstance(error, KeyError) and error.args:
        return f"the request does not say {str(error.args[0])[:60]!r}"
    return next((words for kind, words in _REASONS if isinstance(error, kind)), "it went wrong")


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (TypeError, "it puts together values that do not go together"),
    (IndexError, "a list is shorter than it expects"),
    (ZeroDivisionError, "it divides by zero"),
    (OverflowError, "a number is too large"),
)


@lru_cache(maxsize=2_048)
def _compiled(source: str) -> tuple[cel.Program, Reading]:
    """Raises Refused. Compiling is a pure function of the text, so it is done once."""
    reading = cel_text.read(source)
    program = _compile(source)
    for pattern in reading.patterns:
        try:
            _compile(f"''.matches({pattern.text})").execute({})
        except Exception as error:
            raise Refused("the pattern cannot be read", pattern.at) from error
    return program, reading


def _compile(source: str) -> cel.Program:
    try:
        return cel.compile(source)
    except ValueError as error:
        found = _SYNTAX.search(str(error))
        if found is None:
            raise Refused("it is not CEL") from None
        raise Refused(
            _trouble(found[3]), _character(source, int(found[1]), int(found[2]))
        ) from None


def _trouble(words: str) -> str:
    """The parser's complaint without its list of everything it would have taken."""
    return words.partition(" expecting ")[0].replace("<EOF>", "its end").strip()


def _character(source: str, line: int, column: int) -> int:
    before = source.split("\n")[: line - 1]
    return min(sum(len(each) + 1 for each in before) + column, len(source) + 1)


def _inputs(subject: Subject, now: Circumstances) -> dict[str, Any]:
    """Everything an expression may name. What the agent did not say is absent, so that `has` tells."""
    resource = {"namespace": subject.namespace, "type": subject.resource_type}
    return {
        "parameters": dict(subject.parameters),
        "target": subject.target,
        "resource": {name: text for name, text in resource.items() if text},
        "impact": dict(subject.impact),
        "context": dict(subject.context),
        "agent": subject.agent,
        "now": now.now,
        "history": dict(now.history),
        "action": subject.action,
        "risk": subject.claimed.value if subject.claimed else None,
        "recipients": list(subject.recipients),
    }


def _work(reading: Reading, inputs: Mapping[str, Any]) -> int:
    """An upper bound of the work; over the limit at once when there is too much even to look at."""
    values = characters = longest = 0
    waiting: list[Any] = list(inputs.values())
    while waiting:
        found = waiting.pop()
        values += 1
        if isinstance(found, str):
            characters += len(found)
        elif isinstance(found, dict):
            longest = max(longest, len(found))
            characters += sum(len(key) for key in found)
            waiting.extend(found.values())
        elif isinstance(found, list):
            longest = max(longest, len(found))
            waiting.extend(found)
        if values + len(waiting) > VALUES_LIMIT or characters > CHARACTERS_LIMIT:
            return WORK_LIMIT + 1
    return reading.work(values=values, characters=characters, longest=longest)


def _values(reading: Reading, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What the expression reads by name, as far as it is short."""
    found = {".".join(path): _at(path, inputs) for path in reading.paths[:SHOWN_VALUES]}
    return {name: value for name, value in found.items() if value is not None}


def _at(path: tuple[str, ...], inputs: Mapping[str, Any]) -> object:
    value: Any = inputs
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value[:_SHORT]
    return value if isinstance(value, bool | int | float) else None
