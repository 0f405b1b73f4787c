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
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from approvals.domain.policy.resource_names import ResourceType
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

    Without an obstacle and with nothing added its scope lets the request in as it is. The files are
    changed and read again once, whatever it names: names are counted first.
    """
    subject, unchanged = subject_of(agent, body), Edited(files, policy)
    try:
        names = list(_names(policy, subject))
        if not names:
            return unchanged
        found = _written(unchanged, names)
    except _Obstacle as obstacle:
        return replace(unchanged, obstacle=str(obstacle))
    limits = [each.scope for each in found.policy.concerning(subject.agent) if each.scope]
    refused = next(filter(None, (_refusal(each, subject) for each in limits)), None)
    return replace(unchanged, obstacle=f"{refused.words} {BY_HAND}") if refused else found


class _Obstacle(Exception):
    """Why no change is offered, in words for people."""


def _names(policies: PolicySet, subject: Subject) -> Iterator[tuple[Added, Place]]:
    """Every name some scope leaves out, with the place of its list; nothing is written for it."""
    seen: set[Added] = set()
    for policy in policies.concerning(subject.agent):
        limits = policy.scope
        while limits and (check := _refusal(limits, subject)):
            added, key = _addable(policy, limits, check)
            if added in seen:
                raise _Obstacle(_no_name(added))
            seen.add(added)
            if len(seen) > MOST:
                raise _Obstacle(f"It leaves the scope with more than {MOST} names. {BY_HAND}")
            yield added, _place(limits, key)
            limits = _with(limits, key, glob.escape(added.name))


def _refusal(limits: Scope, subject: Subject) -> Check | None:
    """What this scope refuses first, if anything."""
    made = scope.check([limits], subject, _NOWHEN)
    return next((each for each in made if each.leads_to is Approval.FORBIDDEN), None)


def _addable(policy: AgentPolicy, limits: Scope, check: Check) -> tuple[Added, str]:
    """The name a check refused, and the key it was refused by. Raises _Obstacle."""
    key = next((key for key in KINDS if key in check.values), "")
    if check.reason != "out_of_scope" or not key:
        raise _Obstacle(f"{check.words} {NEVER.get(check.reason, BY_HAND)}")
    name, file = str(check.values[key]), _place(limits, key).file
    added = Added(policy.name, KINDS[key], name, file, policy.agents)
    if not _is_plain(name, one=key != "target"):
        raise _Obstacle(_no_name(added))
    return added, key


def _no_name(added: Added) -> str:
    drawn = display.show_identifier(added.name, limit=80).text
    return f"The {added.kind} {drawn} is not one plain name that a scope could list. {BY_HAND}"


def _with(limits: Scope, key: str, name: str) -> Scope:
    """The scope as it would be with one more name, so that the next one can be told."""
    if key == "resource_type":
        return replace(
            limits, types=(*limits.types, ResourceType(name, False, limits.types[0].place))
        )
    listed = limits.targets if key == "target" else limits.namespaces
    if listed is None:
        return limits
    more = replace(listed, globs=(*listed.globs, name))
    return replace(limits, targets=more) if key == "target" else replace(limits, namespaces=more)


def _written(found: Edited, names: Sequence[tuple[Added, Place]]) -> Edited:
    """The files with all of these names, each file read back. Raises _Obstacle."""
    lists: dict[str, dict[Place, list[str]]] = {}
    for added, place in names:
        lists.setdefault(added.file, {}).setdefault(place, []).append(glob.escape(added.name))
    files = {**found.files}
    for file, wanted in lists.items():
        text = with_names(files[file], wanted)
        if text is None:
            lines = sorted({place.line for place in wanted})
            where = f"{file}, line {', '.join(map(str, lines))},"
            raise _Obstacle(
                f"The list in {where} is written so that nothing is added to it safely. {BY_HAND}"
            )
        files[file] = text
    try:
        policy = documents.load(files)
    except PolicyInvalid as error:
        raise _Obstacle(f"No scope may list it: {error.problems[0].words}.") from error
    return Edited(files, policy, tuple(added for added, _ in names))


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


def with_names(text: str, lists: Mapping[Place, Sequence[str]]) -> str | None:
    """A file with more names in each list that stands under, or holds an item at, a place.

    None where that cannot be done so that nothing else of the file means anything else.
    """
    nodes, changed = _lists_at(text, lists), text
    if nodes.keys() != lists.keys():
        return None
    ways = [(nodes[place][0], names) for place, names in lists.items()]
    # From the last list upwards, so that what was written moves none that is still to grow.
    for place in sorted(lists, key=lambda each: nodes[each][1].end_mark.index, reverse=True):
        grown = _grown(changed, nodes[place][1], lists[place])
        if grown is None:
            return None
        changed = grown
    return changed if _means(text, changed, ways) else None


def _grown(text: str, node: yaml.SequenceNode, names: Sequence[str]) -> str | None:
    last, quoted = node.value[-1], [_quoted(name) for name in names]
    if not isinstance(last, yaml.ScalarNode) or last.start_mark.line != last.end_mark.line:
        return None
    end = last.end_mark.index
    if node.flow_style:
        return f"{text[:end]}, {', '.join(quoted)}{text[end:]}"
    begin = text.rfind("\n", 0, last.start_mark.index) + 1
    dash = _LAST_OF_BLOCK.fullmatch(text[begin : last.start_mark.index])
    if dash is None:
        return None
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    items = "".join(f"\n{dash[1]}- {each}" for each in quoted)
    return f"{text[:stop].rstrip()}{items}{text[stop:]}"


def _quoted(name: str) -> str:
    """In double quotes, with everything but ASCII as an escape, so that no two names look alike."""
    written = yaml.safe_dump(name, default_style='"', allow_unicode=False, width=math.inf)
    return str(written).rstrip("\n")


def _means(before: str, after: str, ways: Sequence[tuple[Way, Sequence[str]]]) -> bool:
    """Whether the file now reads as it did, but for these names at the ends of these lists."""
    try:
        wanted, found = list(yaml.safe_load_all(before)), list(yaml.safe_load_all(after))
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    wanted = copy.deepcopy(wanted)
    for way, names in ways:
        listed: Any = wanted
        for step in way:
            listed = listed[step]
        listed.extend(names)
    return found == wanted


def _lists_at(text: str, places: Iterable[Place]) -> dict[Place, tuple[Way, yaml.SequenceNode]]:
    """The list of each place that has one; the file is read once."""
    marked = {(each.line, each.column): each for each in places}
    found: dict[Place, tuple[Way, yaml.SequenceNode]] = {}
    for number, root in enumerate(yaml.compose_all(text, Loader=yaml.SafeLoader)):
        for begin, way, node in _lists(root, (number,)):
            if begin in marked:
                found.setdefault(marked[begin], (way, node))
    return found


def _lists(node: yaml.Node, way: Way) -> Iterator[tuple[tuple[int, int], Way, yaml.SequenceNode]]:
    """Every list with something in it, once for where its key stands and once for each item."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            under = (*way, str(key.value))
            if isinstance(value, yaml.SequenceNode) and value.value:
                yield _begin(key), under, value
            yield from _lists(value, under)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((_begin(each), way, node) for each in node.value)
        for count, each in enumerate(node.value):
            yield from _lists(each, (*way, count))


def _begin(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
