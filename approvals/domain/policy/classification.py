"""What an agent may do with data of each class, and what must not stand in its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.domain.policy.checks import Check
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.subject import Subject


@dataclass(frozen=True, slots=True)
class DataRules:
    """One section of one policy."""

    policy: str
    place: Place


def read(value: Value, *, policy: str) -> DataRules:
    """Raises PolicyInvalid."""
    del policy
    raise value.fail("this section is not understood yet")


def check(found: Sequence[DataRules], subject: Subject, now: Circumstances) -> list[Check]:
    """The steps of this layer; none when no policy of the agent has the section."""
    del found, subject, now
    return []
