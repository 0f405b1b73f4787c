"""Names of figures that stand in parameters where they are not read: deeper, or spelled otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from approvals.domain.policy.strings import folded

PARTS = 20_000  # looked through; past them any name may stand there
_SEPARATORS = re.compile(r"[\W_]+")


def flattened(name: object) -> str:
    """A name as figures compare it: without case, `_` and `-`."""
    return str(name).casefold().replace("_", "").replace("-", "")


def spans(value: object) -> bool:
    """Whether it says from where to where, as `{from: 5, to: 8}` does."""
    return isinstance(value, Mapping) and ("from" in value or "to" in value)


@lru_cache(maxsize=4096)
def _bare(name: str) -> str:
    """A name in its plainest letters, whatever separates its words."""
    return _SEPARATORS.sub("", folded(name))


def unread(parameters: Mapping[str, Any], names: frozenset[str]) -> frozenset[str]:
    """Which of the names stand where they are not read; all of them where there is too much to see."""
    found: set[str] = set()
    waiting: list[tuple[Any, int, bool]] = [(parameters, 0, False)]
    seen = 0
    while waiting:
        part, depth, is_span = waiting.pop()
        keyed = isinstance(part, Mapping)
        seen += len(part) + 1
        if seen > PARTS:
            return names
        for key, value in part.items() if keyed else ((None, item) for item in part):
            if keyed and value is not None and not (is_span and key in ("from", "to")):
                name = _bare(str(key))
                if name in names and (depth or flattened(key) != name):
                    found.add(name)
            if isinstance(value, Mapping | list):
                is_ends = depth == 0 and keyed and flattened(key) == "replicas" and spans(value)
                waiting.append((value, depth + 1, is_ends))
    return frozenset(found)
