"""`when:` in CEL over what is asked and what is known, bounded in size and cost."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.conditions import Finding
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.subject import Subject


@dataclass(frozen=True, slots=True)
class Expression:
    """One CEL expression that must come out true or false."""

    source: str
    place: Place


def read(value: Value) -> Expression:
    """Compile-checked text. Raises PolicyInvalid when it is no expression."""
    raise value.fail("'when' is not understood yet")


def find(expression: Expression, subject: Subject, circumstances: Circumstances) -> Finding:
    """Its value for this request; an error is a finding that could not be told."""
    del subject, circumstances
    return Finding(None, f"{expression.source} could not be worked out")
