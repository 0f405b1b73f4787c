"""One step of an evaluation: what was looked at, how it went, and what it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from approvals.domain.policy.reading import Place
from approvals.domain.terms import Approval

NO_VALUES: Mapping[str, Any] = MappingProxyType({})


class Result(StrEnum):
    """How one check went."""

    PASS = "pass"
    FAIL = "fail"
    COULD_NOT_CHECK = "could_not_check"


class Layer(StrEnum):
    """The checks in the order they are made; also their names."""

    AGENT = "agent"
    FORBIDDEN = "forbidden"
    SCOPE = "scope"
    DATA = "data_classification"
    BREAKER = "circuit_breaker"
    RATE = "rate_limit"
    BLAST = "blast_radius"
    RULE = "action_rule"
    AUTONOMY = "autonomy"
    MATRIX = "risk_matrix"
    STANDING = "standing_grant"


@dataclass(frozen=True, slots=True)
class Check:
    """One step. `leads_to` is the least this step asks for: `auto` is no objection, `required` asks a
    person whatever else passes, `forbidden` refuses with `reason` as the request's reason code.

    `values` are the facts it was judged by, as JSON; `rule`, `file` and `line` say what judged.
    """

    name: Layer
    result: Result
    words: str
    rule: str = ""
    file: str = ""
    line: int = 0
    leads_to: Approval = Approval.AUTO
    reason: str = ""
    values: Mapping[str, Any] = field(default_factory=lambda: NO_VALUES)

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.name.value,
            "result": self.result.value,
            "words": self.words,
            "rule": self.rule,
            "file": self.file,
            "line": self.line,
            "leads_to": self.leads_to.value,
            "values": dict(self.values),
        }


def passed(
    name: Layer, words: str, *, rule: str = "", place: Place | None = None, **values: Any
) -> Check:
    """Nothing stands against it."""
    return _check(name, Result.PASS, words, rule, place, Approval.AUTO, "", values)


def asks(
    name: Layer, words: str, *, rule: str = "", place: Place | None = None, **values: Any
) -> Check:
    """A limit was met: a person is asked, never silently passed."""
    return _check(name, Result.FAIL, words, rule, place, Approval.REQUIRED, "", values)


def unsure(
    name: Layer, words: str, *, rule: str = "", place: Place | None = None, **values: Any
) -> Check:
    """It could not be checked, so a person is asked."""
    return _check(name, Result.COULD_NOT_CHECK, words, rule, place, Approval.REQUIRED, "", values)


def refuses(
    name: Layer,
    words: str,
    *,
    reason: str,
    rule: str = "",
    place: Place | None = None,
    **values: Any,
) -> Check:
    """Policy says no; `reason` becomes the request's reason code when it is the first to refuse."""
    return _check(name, Result.FAIL, words, rule, place, Approval.FORBIDDEN, reason, values)


def _check(
    name: Layer, result: Result, words: str, rule: str, place: Place | None, leads_to: Approval,
    reason: str, values: Mapping[str, Any],
) -> Check:  # fmt: skip
    file, line = (place.file, place.line) if place else ("", 0)
    return Check(name, result, words, rule, file, line, leads_to, reason, values)
