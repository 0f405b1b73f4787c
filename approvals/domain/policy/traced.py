"""Every rule of the policies for one agent, in order: whether it applies to a request, or what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from approvals.domain.policy import rules
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.rules import ActionRule
from approvals.domain.policy.subject import Subject


@dataclass(frozen=True, slots=True)
class Traced:
    """One rule looked at. `lacks` are the words of the first condition that does not hold, or could not
    be told; then `holds` is False, or None. Who is not `named` lacks the name itself."""

    rule: ActionRule
    named: bool
    holds: bool | None
    lacks: str = ""


def of(policy: PolicySet, subject: Subject, now: Circumstances) -> Iterator[Traced]:
    """By policy, each in the order its rules are written."""
    for each in policy.concerning(subject.agent):
        fitting = {id(rule) for rule in each.naming(subject.action)}
        for rule in each.rules:
            if id(rule) in fitting:
                yield _named(rule, subject, now)
            else:
                lacks = f"it is about {rule.pattern}, not {subject.action}"
                yield Traced(rule, named=False, holds=False, lacks=lacks)


def _named(rule: ActionRule, subject: Subject, now: Circumstances) -> Traced:
    (found,) = rules.matched([rule], subject, now)
    if found.holds is True:
        return Traced(rule, named=True, holds=True)
    first = next(each for each in found.findings if each.holds is found.holds)
    return Traced(rule, named=True, holds=found.holds, lacks=first.words)
