"""Read YAML into values that know their place, and refuse its surprises.

Refused are anchors, aliases, merge keys, tags, keys that stand twice, and files too large or too deep
to be a policy (256 KiB, 20,000 nodes, 32 levels).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from approvals.domain.policy.reading import (
    LONGEST_NAME,
    Gathered,
    Place,
    PolicyInvalid,
    Problem,
    Value,
)

SIZE_LIMIT = 256 * 1024
NODE_LIMIT = 20_000
DEPTH_LIMIT = 32
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # what YAML takes as the end of a line
_DIGITS = re.compile(r"[+-]?[0-9]{1,18}")
_ANCHORED = "anchors and aliases are not allowed; write it out"
_STARRED = f"{_ANCHORED}, and put a glob that begins with * in quotes: '*-prod'"
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def documents(file: str, text: str) -> Iterator[Value]:
    """The documents of one file that can be read.

    Raises `PolicyInvalid` after the last of them, with every place that could not be read.
    """
    start = Place(file, 1, 1)
    if len(text.encode("utf-8", "replace")) > SIZE_LIMIT:
        raise _at(start, f"a policy file holds at most {SIZE_LIMIT // 1024} KiB")
    met, found = Gathered(), False
    for node in _nodes(file, text, met):
        found = True
        tree = _Tree(file)
        value = tree.value(node)
        met.problems.extend(tree.problems)
        if not tree.problems:
            yield value
    if not found and not met.problems:
        raise _at(start, "the file is empty; write a document, or take the file away")
    met.settle()


def decoded(file: str, raw: bytes) -> str:
    """The text of a file, its lines ending as ours do.

    Raises PolicyInvalid with the place of the first byte that is not UTF-8.
    """
    try:
        return raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        raise _at(_place_after(file, before), "not UTF-8; save the file as UTF-8") from None


def _nodes(file: str, text: str, met: Gathered) -> Iterator[yaml.Node]:
    """The parts between `---`; what is no YAML at all ends the file there."""
    try:
        _refuse_bombs(file, text)
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            if not _is_nothing(node):
                yield node
    except PolicyInvalid as error:
        met.problems.extend(error.problems)
    except yaml.MarkedYAMLError as error:
        place = _mark(file, error.problem_mark)
        met.problems.append(Problem(place, f"not YAML: {_told(error)}"))
    except yaml.reader.ReaderError as error:
        place = _place_after(file, text[: error.position])
        met.problems.append(Problem(place, "not YAML: a character that may not stand in text"))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        met.problems.append(Problem(Place(file, 1, 1), f"not YAML: {error}"))


def _is_nothing(node: yaml.Node) -> bool:
    """An empty document between two `---`, as editors leave behind."""
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null") and node.value == ""


def _refuse_bombs(file: str, text: str) -> None:
    """Aliases make bombs and hide what a rule says; a policy is short enough to spell out."""
    depth = 0
    met: list[Problem] = []
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            words = _STARRED if isinstance(event, yaml.AliasEvent) else _ANCHORED
            met.append(Problem(_mark(file, event.start_mark), words))
        if count > NODE_LIMIT or depth > DEPTH_LIMIT:
            met.append(Problem(_mark(file, event.start_mark), "the file is too large or too deep"))
            break
    if met:
        raise PolicyInvalid(met)


class _Tree:
    """One document turned into values, and what was wrong with its form."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, key: str = "", place: Place | None = None) -> Value:
        """`place` is that of the key, where there is one: there a reader looks first."""
        place = place or _mark(self.file, node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return Value(place, self._scalar(node, place, key), key)
        if node.tag not in _COLLECTIONS:
            self._refuse(place, f"the tag {node.tag[:LONGEST_NAME]!r} is not allowed", key)
        if isinstance(node, yaml.MappingNode):
            return Value(place, self._mapping(node, key), key)
        listed = [self.value(item, f"{key}[{count}]") for count, item in enumerate(node.value)]
        return Value(place, listed, key)

    def _mapping(self, node: yaml.MappingNode, above: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key_node, value_node in node.value:
            place, key = _mark(self.file, key_node.start_mark), key_node.value
            if not isinstance(key, str) or not key.strip():
                self._refuse(place, "a key must be plain text", above)
                continue
            path = f"{above}.{key[:LONGEST_NAME]}".lstrip(".")
            if key_node.tag.endswith(":merge"):
                self._refuse(place, "merge keys (<<) are not allowed; write the keys out", path)
            elif key in found:
                first = found[key].place.line
                self._refuse(
                    place,
                    f"the key {key[:LONGEST_NAME]!r} stands twice; first in line {first}",
                    path,
                )
            else:
                found[key] = self.value(value_node, path, place)
        return found

    def _scalar(self, node: yaml.ScalarNode, place: Place, key: str) -> Any:
        kind = node.tag.rsplit(":", 1)[-1]
        if kind == "int" and _DIGITS.fullmatch(node.value):
            return int(node.value)
        if kind == "bool":
            return node.value.lower() in {"true", "yes", "on"}
        if kind == "null":
            return None
        if kind not in {"str", "float", "int", "timestamp"}:
            self._refuse(place, f"the tag {node.tag[:LONGEST_NAME]!r} is not allowed", key)
        return node.value

    def _refuse(self, place: Place, words: str, key: str) -> None:
        self.problems.append(Problem(place, words, key))


def _at(place: Place, words: str) -> PolicyInvalid:
    return PolicyInvalid([Problem(place, words)])


def _mark(file: str, mark: Any) -> Place:
    """A place from PyYAML's mark, whichever of its two parsers made it; None is the first line."""
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


def _place_after(file: str, before: str) -> Place:
    lines = _BREAK.split(before)
    return Place(file, len(lines), len(lines[-1]) + 1)


def _told(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem)
    if r"'\t'" in problem:
        return "a tab stands here; indent with spaces"
    if "scanning an alias" in str(error.context):
        return "a glob that begins with * stands in quotes: '*-prod'"
    return problem[:LONGEST_NAME]
