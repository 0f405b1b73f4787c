"""The numbers of a request that could be smaller, and the bodies in which they are."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]
Number = int | float
LARGEST = 2**53
FINE = 1e6  # below this hundredths count, above it whole numbers do
IMPACT = "impact"
PRESENT = frozenset({"from", "current", "now", "old", "before", "previous", "existing", "actual"})
LABELS = frozenset({"id", "number", "version"})


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number within the body: where it stands, and how large it is.

    `present` are the numbers beside it that say how it is now (5 replicas before).
    """

    path: tuple[str, ...]
    value: Number
    present: tuple[Number, ...] = ()

    @property
    def anchors(self) -> tuple[Number, ...]:
        """Values that may pass, to begin from: how it is now, 1 and 0."""
        return tuple(each for each in dict.fromkeys([*self.present, 1, 0]) if each != self.value)

    @property
    def name(self) -> str:
        return ".".join(self.path[1:]) if self.path[0] == "parameters" else ".".join(self.path)

    @property
    def step(self) -> Number:
        return 1 if isinstance(self.value, int) or abs(self.value) > FINE else 0.01

    def rounded(self, value: float) -> Number:
        """To a number of the same kind, and no longer than people would write it."""
        if isinstance(self.value, int):
            return math.floor(value)
        return math.floor(value) if self.step == 1 else math.floor(value * 100) / 100

    def has_impact(self, body: Body) -> bool:
        """Whether the agent states figures that would follow this one."""
        impact = body.get(IMPACT) or {}
        return self.path[0] != IMPACT and any(is_number(value) for value in impact.values())

    def builder(self, body: Body, *, anchor: Number, spread: bool) -> Callable[[Number], Body]:
        """Makes the body with another value here; with `spread` the stated impact shrinks alike.

        Begun from how it is now, what counts is the way from there.
        """
        start = anchor if anchor in self.present else 0

        def build(value: Number) -> Body:
            other = _with(body, self.path, value)
            if not spread:
                return other
            whole = self.value - start
            # Of next to nothing a step is many times the whole, and no figure could say so.
            share = min((value - start) / whole, 1.0) if whole else 0.0
            return {**other, IMPACT: _shrunk(body[IMPACT], share)}

        return build

    def is_nothing(self, value: Number) -> bool:
        """Whether asking for so much would be no action: none at all, or as it is now."""
        return value == 0 or value in self.present

    def differences(self, before: Body, after: Body) -> dict[str, Any]:
        """The fields that changed, by their path from the top of the body."""
        found = {".".join(self.path): _at(after, self.path)}
        for name, value in (after.get(IMPACT) or {}).items():
            if value != (before.get(IMPACT) or {}).get(name):
                found[f"{IMPACT}.{name}"] = value
        return found


def of(body: Body, part: str) -> list[Quantity]:
    """The numbers of `parameters` or `impact`, to a depth of two, in their order."""
    return list(_within(body.get(part) or {}, (part,)))


def is_number(value: object) -> bool:
    """A finite number that JSON readers agree on; a truth is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST


def _within(node: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Quantity]:
    numbers = {name: value for name, value in node.items() if is_number(value)}
    present = [value for name, value in numbers.items() if _says(name, PRESENT)]
    for name, value in numbers.items():
        if not _says(name, PRESENT | LABELS):
            near = sorted(present, key=lambda each: abs(each - value))
            yield Quantity((*path, name), value, tuple(near[:2]))
    if len(path) < 2:
        for name, below in node.items():
            if isinstance(below, Mapping):
                yield from _within(below, (*path, name))


def _says(name: str, words: frozenset[str]) -> bool:
    """How it is now, or a number that only names something: to say another would be untrue."""
    return not words.isdisjoint(re.split(r"[_\W]+", name.casefold()))


def _with(node: Body, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy in which one value differs."""
    first, *rest = path
    return {**node, first: _with(node[first], tuple(rest), value) if rest else value}


def _at(node: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        node = node[name]
    return node


def _shrunk(impact: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Each figure by the same share, whole numbers rounded up."""
    return {
        name: _share(value, share) if is_number(value) else value for name, value in impact.items()
    }


def _share(value: Number, share: float) -> Number:
    if isinstance(value, int):
        return math.ceil(value * share)
    return round(value * share, 2)
