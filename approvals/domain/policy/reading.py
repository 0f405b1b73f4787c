"""Read YAML so that every value knows its file, line and column, and surprises are refused."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from approvals.domain import timing

SIZE_LIMIT = 256 * 1024
NODE_LIMIT = 20_000
DEPTH_LIMIT = 32
_DIGITS = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: 1-based line and column."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason a document cannot be taken, with its place."""

    place: Place
    words: str

    def __str__(self) -> str:
        return f"{self.place}: {self.words}"


class PolicyInvalid(Exception):
    """The documents were refused as a whole; the policy that was in force stays."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Value:
    """A YAML value with its place; containers hold further `Value`s."""

    place: Place
    plain: Any

    def fail(self, words: str) -> PolicyInvalid:
        return PolicyInvalid([Problem(self.place, words)])

    def mapping(self, *known: str) -> dict[str, Value]:
        """This value as a mapping that has only the `known` keys."""
        if not isinstance(self.plain, dict):
            raise self.fail("a mapping (key: value) is wanted here")
        for key, value in self.plain.items():
            if known and key not in known:
                raise PolicyInvalid([Problem(value.place, _unknown(key, known))])
        return self.plain

    def items(self) -> list[Value]:
        if not isinstance(self.plain, list):
            raise self.fail("a list is wanted here")
        return self.plain

    def text(self) -> str:
        if not isinstance(self.plain, str) or not self.plain.strip():
            raise self.fail("text is wanted here")
        return self.plain

    def whole(self, *, at_least: int = 0) -> int:
        if type(self.plain) is not int or self.plain < at_least:
            raise self.fail(f"a whole number of at least {at_least} is wanted here")
        return self.plain

    def yes_no(self) -> bool:
        if not isinstance(self.plain, bool):
            raise self.fail("true or false is wanted here")
        return self.plain

    def one_of(self, *words: str) -> str:
        if self.plain not in words:
            raise self.fail(_unknown(str(self.plain), words))
        return str(self.plain)

    def span(self) -> timedelta:
        try:
            return timing.span(self.plain)
        except ValueError as error:
            raise self.fail(str(error)) from None

    def fraction(self) -> float:
        text = str(self.plain).removesuffix("%")
        if _DIGITS.fullmatch(text) is None or not 0 < int(text) < 100:
            raise self.fail("a share of the time such as 50% is wanted here")
        return int(text) / 100


def documents(file: str, text: str) -> Iterator[Value]:
    """The documents of one file. Raises `PolicyInvalid` with the place of the first problem."""
    start = Place(file, 1, 1)
    if len(text.encode("utf-8", "replace")) > SIZE_LIMIT:
        raise PolicyInvalid(
            [Problem(start, f"a policy file holds at most {SIZE_LIMIT // 1024} KiB")]
        )
    found = False
    try:
        _refuse_bombs(file, text)
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            if node is not None:
                found = True
                yield _value(file, node)
    except yaml.MarkedYAMLError as error:
        raise PolicyInvalid(
            [Problem(_mark(file, error.problem_mark), f"not YAML: {error.problem}")]
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise PolicyInvalid([Problem(start, f"not YAML: {error}")]) from None
    if not found:
        raise PolicyInvalid([Problem(start, "the file is empty")])


def _refuse_bombs(file: str, text: str) -> None:
    """Aliases make bombs and hide what a rule says; a policy is short enough to spell out."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise PolicyInvalid(
                [Problem(_mark(file, event.start_mark), "anchors and aliases are not allowed")]
            )
        if count > NODE_LIMIT or depth > DEPTH_LIMIT:
            raise PolicyInvalid(
                [Problem(_mark(file, event.start_mark), "the file is too large or too deep")]
            )


def _value(file: str, node: yaml.Node) -> Value:
    place = _mark(file, node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return Value(place, _mapping(file, node))
    if isinstance(node, yaml.SequenceNode):
        return Value(place, [_value(file, item) for item in node.value])
    return Value(place, _scalar(place, node))


def _mapping(file: str, node: yaml.MappingNode) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key_node, value_node in node.value:
        place = _mark(file, key_node.start_mark)
        key = key_node.value
        if not isinstance(key, str):
            raise PolicyInvalid([Problem(place, "a key must be plain text")])
        if key in found:
            raise PolicyInvalid([Problem(place, f"the key {key!r} stands twice")])
        found[key] = Value(place, _value(file, value_node).plain)
    return found


def _scalar(place: Place, node: yaml.Node) -> Any:
    kind = node.tag.rsplit(":", 1)[-1]
    if kind == "int" and _DIGITS.fullmatch(node.value):
        return int(node.value)
    if kind == "bool":
        return node.value.lower() in {"true", "yes", "on"}
    if kind == "null":
        return None
    if kind in {"str", "float", "int", "timestamp"}:
        return node.value
    raise PolicyInvalid([Problem(place, f"the tag {node.tag!r} is not allowed")])


def _mark(file: str, mark: Any) -> Place:
    """A place from PyYAML's mark, whichever of its two parsers made it; None is the first line."""
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


def _unknown(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"
    return f"{word!r} is not known here{hint}"
