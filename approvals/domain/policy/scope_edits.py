"""The smallest change to a policy that would have let one request into its agent's scope.

A scope refuses what its lists leave out; each such name is added to the list that left it out, and
nothing else changes. What is excluded, may be read only, or is no plain name is never let in this way.
Names come from agents: they are written as quoted YAML, and every edit is read back and compared.
"""

from __future__ import annotations

import copy
import glob
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import yaml

from approvals.domain import display
from approvals.domain.policy import documents, resource_names, scope
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.checks import Check
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import LONGEST_NAME, Place, PolicyInvalid
from approvals.domain.policy.scope import Scope
from approvals.domain.policy.subject import Subject, subject_of
from approvals.domain.terms import Approval

MOST = 12  # names one change lets in; what asks for more is written by hand
KINDS = {"target": "target", "namespace": "namespace", "resource_type": "resource type"}
BY_HAND = "Change the policy itself."
NEVER = {
    "excluded": "Nothing is taken off what a scope excludes this way; change that in the policy itself.",
    "read_only": "Leave to change what may only be read is not given this way; change the policy itself.",
}
_NOWHEN = Circumstances(datetime(2000, 1, 1, tzinfo=UTC))  # scopes do not look at it
_LAST_OF_BLOCK = re.compile(r"( *)- +")
Way = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """One name let in: by which policy, into which of its lists, and whom that policy concerns."""

    policy: str
    kind: str
    name: str
    file: str
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """Files with what was added; `obstacle` says why they would still refuse, and then nothing is offered."""

    files: Mapping[str, str]
    policy: PolicySet
    added: tuple[Added, ...] = ()
    obstacle: str = ""


def smallest(
    files: Mapping[str, str], policy: PolicySet, agent: str, body: Mapping[str, Any]
) -> Edited:
    """The change for this submission of this agent; `policy` is what the files were read as.

    Without an obstacle and with nothing added its scope lets the request in as it is.
    """
    subject, found = subject_of(agent, body), Edited(files, policy)
    for _ in range(MOST + 1):
        refused = _refused(found.policy, subject)
        if refused is None or found.obstacle:
            return found
        found = _step(found, *refused)
    return replace(
        found,
        obstacle=f"It leaves the scope with more than {MOST} names. {BY_HAND}",
    )


def _refused(policies: PolicySet, subject: Subject) -> tuple[AgentPolicy, Scope, Check] | None:
    """What refuses first, if any scope does."""
    for policy in policies.concerning(subject.agent):
        if policy.scope is None:
            continue
        for check in scope.check([policy.scope], subject, _NOWHEN):
            if check.leads_to is Approval.FORBIDDEN:
                return policy, policy.scope, check
    return None


def _step(found: Edited, policy: AgentPolicy, limits: Scope, check: Check) -> Edited:
    """One more name let in, or why it is not."""
    key = next((key for key in KINDS if key in check.values), "")
    if check.reason != "out_of_scope" or not key:
        return replace(found, obstacle=f"{check.words} {NEVER.get(check.reason, BY_HAND)}")
    kind, name, place = KINDS[key], str(check.values[key]), _place(limits, key)
    added = Added(policy.name, kind, name, place.file, policy.agents)
    if not _is_plain(name, one=key != "target") or added in found.added:
        drawn = display.show_identifier(name, limit=80).text
        words = f"The {kind} {drawn} is not one plain name that a scope could list. {BY_HAND}"
        return replace(found, obstacle=words)
    text = with_name(found.files[place.file], place, glob.escape(name))
    if text is None:
        where = f"{place.file}, line {place.line},"
        words = f"The list in {where} is written so that nothing is added to it safely. {BY_HAND}"
        return replace(found, obstacle=words)
    return _checked(found, {**found.files, place.file: text}, added)


def _checked(found: Edited, files: Mapping[str, str], added: Added) -> Edited:
    try:
        policy = documents.load(files)
    except PolicyInvalid as error:
        return replace(found, obstacle=f"No scope may list it: {error.problems[0].words}.")
    return Edited(files, policy, (*found.added, added))


def _place(limits: Scope, key: str) -> Place:
    if key == "resource_type":
        return limits.types[0].place
    listed = limits.targets if key == "target" else limits.namespaces
    return listed.place if listed else limits.place


def _is_plain(name: str, *, one: bool) -> bool:
    return (
        name.strip() == name
        and name.isprintable()
        and len(name) <= LONGEST_NAME
        and display.redact(name)[0] == name
        and resource_names.is_clear(name, one=one)
    )


def with_name(text: str, place: Place, name: str) -> str | None:
    """A file with one more name in the list that stands under, or holds an item at, a place.

    None where that cannot be done so that nothing else of the file means anything else.
    """
    found = next(_lists_at(text, place), None)
    if found is None:
        return None
    way, node = found
    last = node.value[-1]
    if not isinstance(last, yaml.ScalarNode) or last.start_mark.line != last.end_mark.line:
        return None
    end, quoted = last.end_mark.index, _quoted(name)
    if node.flow_style:
        changed = f"{text[:end]}, {quoted}{text[end:]}"
    else:
        begin = text.rfind("\n", 0, last.start_mark.index) + 1
        dash = _LAST_OF_BLOCK.fullmatch(text[begin : last.start_mark.index])
        if dash is None:
            return None
        stop = text.find("\n", end)
        stop = len(text) if stop < 0 else stop
        changed = f"{text[:stop].rstrip()}\n{dash[1]}- {quoted}{text[stop:]}"
    return changed if _means(text, changed, way, name) else None


def _quoted(name: str) -> str:
    """In double quotes, with everything but ASCII as an escape, so that no two names look alike."""
    written = yaml.safe_dump(name, default_style='"', allow_unicode=False, width=math.inf)
    return str(written).rstrip("\n")


def _means(before: str, after: str, way: Way, name: str) -> bool:
    """Whether the file now reads as it did, but for one more name at the end of that list."""
    try:
        wanted, found = list(yaml.safe_load_all(before)), list(yaml.safe_load_all(after))
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    wanted = copy.deepcopy(wanted)
    listed: Any = wanted
    for step in way:
        listed = listed[step]
    listed.append(name)
    return found == wanted


def _lists_at(text: str, place: Place) -> Iterator[tuple[Way, yaml.SequenceNode]]:
    for number, node in enumerate(yaml.compose_all(text, Loader=yaml.SafeLoader)):
        if node is not None:
            yield from _lists(node, (number,), place)


def _lists(node: yaml.Node, way: Way, place: Place) -> Iterator[tuple[Way, yaml.SequenceNode]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            under = (*way, str(key.value))
            if isinstance(value, yaml.SequenceNode) and value.value and _stands(key, place):
                yield under, value
            yield from _lists(value, under, place)
    elif isinstance(node, yaml.SequenceNode):
        if any(_stands(each, place) for each in node.value):
            yield way, node
        for count, each in enumerate(node.value):
            yield from _lists(each, (*way, count), place)


def _stands(node: yaml.Node, place: Place) -> bool:
    return (node.start_mark.line + 1, node.start_mark.column + 1) == (place.line, place.column)
