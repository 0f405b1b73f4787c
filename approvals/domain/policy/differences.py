"""What a comparison of two policies finds: where the second is weaker, and where it is stricter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from approvals.domain.policy.reading import Place


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changes, with its place; `gone` says that it stands in the old files only."""

    words: str
    place: Place
    gone: bool = False

    def __str__(self) -> str:
        where = f"{self.place.file}:{self.place.line}" + (" (in force)" if self.gone else "")
        return f"{where}: {self.words}"


@dataclass(frozen=True, slots=True)
class Found:
    """Differences of one part; `+` joins parts. Whatever is not proven strict stands in `weaker`."""

    weaker: tuple[Difference, ...] = ()
    stricter: tuple[Difference, ...] = ()

    def __add__(self, other: Found) -> Found:
        return Found(self.weaker + other.weaker, self.stricter + other.stricter)

    def inside(self, name: str) -> Found:
        """The same, each told as a part of `name`."""
        return Found(
            tuple(replace(each, words=f"{name}: {each.words}") for each in self.weaker),
            tuple(replace(each, words=f"{name}: {each.words}") for each in self.stricter),
        )


NOTHING = Found()


def weaker(words: str, place: Place, *, gone: bool = False) -> Found:
    return Found(weaker=(Difference(words, place, gone),))


def stricter(words: str, place: Place, *, gone: bool = False) -> Found:
    return Found(stricter=(Difference(words, place, gone),))


def either(is_weaker: bool, words: str, place: Place, *, gone: bool = False) -> Found:
    return (weaker if is_weaker else stricter)(words, place, gone=gone)


def together(parts: Iterable[Found]) -> Found:
    return sum(parts, NOTHING)


def changed(before: Any, after: Any, *, known: Iterable[str]) -> list[str]:
    """The fields of two records of one kind that differ and that nobody here knows how to weigh."""
    spared = {*known, "place", "policy"}
    return [
        each.name
        for each in fields(before)
        if each.compare  # what is derived from other fields is no limit of its own
        and each.name not in spared
        and not same(getattr(before, each.name), getattr(after, each.name))
    ]


def same(before: Any, after: Any) -> bool:
    """Whether two values say the same, wherever they stand in their files."""
    return bool(placeless(before) == placeless(after))


def placeless(value: Any) -> Any:
    """The value as plain tuples without places, so that moving a line is no change."""
    if isinstance(value, tuple | list):
        return tuple(placeless(each) for each in value)
    if hasattr(value, "__dataclass_fields__"):
        kept = [
            each.name
            for each in fields(value)
            if each.compare and each.type not in {"Place", Place}
        ]
        return (type(value).__name__, *(placeless(getattr(value, name)) for name in kept))
    return value
