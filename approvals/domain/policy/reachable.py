"""Which rules and scopes can never matter, because others of the same agents say more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from approvals.domain.policy import exclusions
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.classes import (
    CLASSES,
    READS,
    all_covered,
    apart,
    coverer,
    covers,
    is_literal,
    matches,
)
from approvals.domain.policy.exclusions import Excluded, Reading
from approvals.domain.policy.reading import Place
from approvals.domain.policy.rules import ActionRule
from approvals.domain.policy.scope import Listed, Scope
from approvals.domain.policy.together import forbids_always
from approvals.domain.terms import Approval

COMPARED = 1_000
_CLASS = re.compile(r"\[!?[^\]]+\]")
_ACTIONS = re.compile(r"[a-z0-9_*?]+")
Said = Iterator[tuple[Place, str]]


def never(policies: Sequence[AgentPolicy]) -> Said:
    """Rules that no request can reach, and what no scope lets through, each with words that say why."""
    forbidding = [
        (owner, rule) for owner in policies for rule in owner.rules if forbids_always(rule)
    ]
    may_be = coverer(rule.pattern for _, rule in forbidding)
    for policy in policies:
        for rule in policy.rules:
            if not _ACTIONS.fullmatch(_CLASS.sub("?", rule.pattern)):
                words = "actions are named in small letters, digits and _"
                yield rule.place, f"{rule.name!r} matches no action: {words}"
            if rule.approval is Approval.FORBIDDEN:
                continue
            if may_be(rule.pattern):
                yield from _forbidden(policy, rule, forbidding)
            yield from _read_only(policy, rule, policies)
    yield from _shut(policies)


def shadowed(policies: Sequence[AgentPolicy]) -> Said:
    """Rules that change nothing, because another one already says as much or more.

    Among more than `COMPARED` rules only those of the same pattern are compared.
    """
    numbered = [
        _Numbered(owner, number, rule)
        for owner in policies
        for number, rule in enumerate(owner.rules, start=1)
    ]
    strong = [each for each in numbered if not each.rule.conditions and each.rule.when is None]
    same: dict[str, list[_Numbered]] = {}
    for each in strong:
        same.setdefault(each.rule.pattern, []).append(each)
    for each in numbered:
        others = strong if len(numbered) <= COMPARED else same.get(each.rule.pattern, [])
        by = next((other for other in others if _shadows(other, each)), None)
        if by is not None:
            where = f"{by.rule.place.file} line {by.rule.place.line}"
            words = (
                f"{each.rule.name} changes nothing: rule {by.number} of {by.policy.name} "
                f"({by.rule.pattern}, {where}) says as much or more"
            )
            yield each.rule.place, words


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A rule with its policy, and its number there, from 1."""

    policy: AgentPolicy
    number: int
    rule: ActionRule


def _shadows(other: _Numbered, each: _Numbered) -> bool:
    """Of two that say the same to the same agents, the later one is shadowed."""
    if other is each or not _over(other, each):
        return False
    is_strong = not each.rule.conditions and each.rule.when is None
    if is_strong and _over(each, other):
        return (other.policy.name, other.number) < (each.policy.name, each.number)
    return True


def _over(other: _Numbered, each: _Numbered) -> bool:
    return (
        covers(other.rule.pattern, each.rule.pattern)
        and _says_as_much(other.rule, each.rule)
        and all_covered(other.policy.agents, each.policy.agents)
    )


def _forbidden(
    policy: AgentPolicy, rule: ActionRule, forbidding: Sequence[tuple[AgentPolicy, ActionRule]]
) -> Said:
    for owner, other in forbidding:
        if covers(other.pattern, rule.pattern) and all_covered(owner.agents, policy.agents):
            where = f"{other.place.file} line {other.place.line}"
            yield rule.place, f"{rule.name} is never reached: {other.name} forbids it ({where})"
            return


def _read_only(policy: AgentPolicy, rule: ActionRule, policies: Sequence[AgentPolicy]) -> Said:
    """A scope whose every type is read-only lets no other action pass than those that read."""
    if not is_literal(rule.pattern) or matches(rule.pattern, CLASSES[READS]):
        return
    for owner in policies:
        scope = owner.scope
        if scope is None or not scope.types or not all(each.is_read_only for each in scope.types):
            continue
        if matches(rule.pattern, scope.without_resource):
            continue
        if all_covered(owner.agents, policy.agents):
            words = f"{rule.name} is never reached: {scope.rule} lets every type be read only"
            yield rule.place, words
            return


def _shut(policies: Sequence[AgentPolicy]) -> Said:
    """What a scope lists and an exclusion takes away, and scopes that have nothing in common."""
    for policy in policies:
        for owner in policies:
            if policy.scope is None or owner.scope is None:
                continue
            if not all_covered(owner.agents, policy.agents):
                continue
            yield from _excluded(policy.scope, owner.scope)
            if owner is not policy:
                yield from _disjoint(policy.scope, owner.scope)


def _excluded(scope: Scope, by: Scope) -> Said:
    for listed in (scope.namespaces, scope.targets):
        for glob in listed.globs if listed else ():
            for excluded in by.excluded:
                if listed and _always(excluded, glob):
                    words = (
                        f"{glob!r} is never reached: {by.rule} excludes {excluded.words!r} "
                        f"({excluded.place.file} line {excluded.place.line})"
                    )
                    yield listed.place, words


def _always(excluded: Excluded, glob: str) -> bool:
    """Whether the fixed text stands in all that a glob matches, because it stands in the glob."""
    if excluded.is_glob and not is_literal(glob):
        return False
    return "[" not in glob and exclusions.stands_in(excluded, Reading(glob, "")) is True


def _disjoint(one: Scope, other: Scope) -> Said:
    pairs: tuple[tuple[str, Listed | None, Listed | None], ...] = (
        ("namespace", one.namespaces, other.namespaces),
        ("target", one.targets, other.targets),
    )
    for noun, mine, theirs in pairs:
        if mine and theirs and all(apart(a, b) for a in mine.globs for b in theirs.globs):
            yield (
                mine.place,
                f"nothing is ever in scope: no {noun} is in {one.rule} and in {other.rule}",
            )


def _says_as_much(other: ActionRule, rule: ActionRule) -> bool:
    """Whether `other`, which always holds, leaves nothing for `rule` to change."""
    if rule.approval is Approval.FORBIDDEN or other.approval is Approval.FORBIDDEN:
        return other.approval is rule.approval
    if rule.risk is not None and (other.risk is None or other.risk.rank < rule.risk.rank):
        return False
    if rule.timeout is not None and rule.timeout != other.timeout:
        return False
    if not set(rule.approvers) <= set(other.approvers):
        return False
    if rule.approval is Approval.AUTO:
        unconditional = not rule.conditions and rule.when is None
        same = other.approval is Approval.AUTO and unconditional
        return same or other.approval is Approval.REQUIRED
    return rule.approval is None or other.approval is Approval.REQUIRED
