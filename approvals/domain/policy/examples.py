"""Examples of how a policy must judge, kept beside it in `*.test.yaml`, and what came instead.

A file is a list of `{name, request, given?, expect}`. `request` is a submission and its `agent`; `given` is
what the service would know (`now, stage, passed, sent, reported, breakers, denied, history`); `expect` is
any of `verdict` or `status`, `risk`, `reason_code`, `asked` (teams) and `check` (results by layer).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from approvals.domain.policy import example_terms
from approvals.domain.policy.checks import Layer, Result
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.example_terms import known_names
from approvals.domain.policy.reading import Place, PolicyInvalid, Problem, Value
from approvals.domain.policy.subject import Subject
from approvals.domain.policy.yaml_text import documents
from approvals.domain.terms import Approval, RiskLevel

MONDAY_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
NOT_MADE = "not made"
STATUSES = {"approved": "auto", "pending": "required", "denied": "forbidden"}
_WORST = (Result.FAIL, Result.COULD_NOT_CHECK, Result.PASS)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that must come of it, and where that is written."""

    what: str
    wanted: Any
    place: Place


@dataclass(frozen=True, slots=True)
class Example:
    """One request under some circumstances, and what is expected of it."""

    name: str
    place: Place
    subject: Subject
    given: Circumstances
    expected: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """An expectation that was not met."""

    expectation: Expectation
    came: Any

    def __str__(self) -> str:
        place, wanted = self.expectation.place, _shown(self.expectation.wanted)
        return f"{place.file}:{place.line}: {self.expectation.what} is {_shown(self.came)}, not {wanted}"


@dataclass(frozen=True, slots=True)
class Tried:
    """An example that was judged; it is well when nothing was missed."""

    example: Example
    misses: tuple[Miss, ...]
    evaluation: Evaluation

    @property
    def is_well(self) -> bool:
        return not self.misses


def read(file: str, text: str) -> tuple[Example, ...]:
    """The examples of one file. Raises PolicyInvalid with the place of what cannot be one."""
    found: list[Example] = []
    problems: list[Problem] = []
    for document in example_terms.numbers(text, documents(file, text)):
        for item in document.items():
            try:
                found.append(_example(item))
            except PolicyInvalid as error:
                problems.extend(error.problems)
    if problems:
        raise PolicyInvalid(problems)
    return tuple(found)


def run(policy: PolicySet, examples: Sequence[Example]) -> Iterator[Tried]:
    """Judge each example by this policy."""
    for example in examples:
        evaluation = evaluate(policy, example.subject, example.given)
        misses = tuple(
            Miss(each, came)
            for each in example.expected
            if (came := _came(each.what, evaluation)) != each.wanted
        )
        yield Tried(example, misses, evaluation)


def _example(item: Value) -> Example:
    body = item.mapping("name", "request", "given", "expect")
    for key in ("name", "request", "expect"):
        if key not in body:
            raise item.fail(f"{key!r} is missing")
    expected = tuple(_expectations(body["expect"]))
    if not expected:
        raise body["expect"].fail(f"expect something: {', '.join(_EXPECTED)}")
    subject = example_terms.subject(body["request"])
    given = (
        example_terms.circumstances(body["given"], now=MONDAY_NOON)
        if "given" in body
        else Circumstances(MONDAY_NOON)
    )
    return Example(body["name"].text(), item.place, subject, given, expected)


def _expectations(value: Value) -> Iterator[Expectation]:
    for key, wanted in value.mapping(*_EXPECTED).items():
        if key == "check":
            for layer, result in known_names(wanted, [each.value for each in Layer]).items():
                said = result.one_of(*(each.value for each in Result), NOT_MADE)
                yield Expectation(f"check {layer}", said, result.place)
        elif key == "status":
            status = wanted.one_of(*STATUSES)
            yield Expectation("verdict", STATUSES[status], wanted.place)
        else:
            yield Expectation(key, _EXPECTED[key](wanted), wanted.place)


def _teams(value: Value) -> tuple[str, ...]:
    return tuple(sorted(each.text() for each in value.items()))


_EXPECTED: Mapping[str, Callable[[Value], Any]] = {
    "verdict": lambda value: value.one_of(*(each.value for each in Approval)),
    "status": lambda value: value.one_of(*STATUSES),
    "risk": lambda value: value.one_of(*(each.value for each in RiskLevel)),
    "reason_code": lambda value: value.text(),
    "asked": _teams,
    "check": lambda value: value.plain,
}


def _came(what: str, evaluation: Evaluation) -> Any:
    if what.startswith("check "):
        return _result(what.removeprefix("check "), evaluation)
    return {
        "verdict": evaluation.verdict.value,
        "risk": evaluation.effective.value,
        "reason_code": evaluation.reason_code,
        "asked": asked(evaluation),
    }[what]


def asked(evaluation: Evaluation) -> tuple[str, ...]:
    """The teams that must approve, in every stage; none when nobody is asked."""
    stages = evaluation.plan.stages if evaluation.plan else ()
    return tuple(sorted({each.team for stage in stages for each in stage.requirements}))


def _result(layer: str, evaluation: Evaluation) -> str:
    """The worst of the layer's checks."""
    results = {check.result for check in evaluation.checks if check.name.value == layer}
    return next((each.value for each in _WORST if each in results), NOT_MADE)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
