"""What an event of the service's own chain carries, in words: before and after where it says both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.domain import display

PAIRS = (
    ("from", "to"), ("before", "after"), ("was", "is"), ("old", "new"), ("instead_of", "shows"),
    ("based_on", "draft"),
)  # fmt: skip
# What a pair is called, where "changed" would say nothing.
PAIRED = {"to": "stage", "shows": "may see", "draft": "version"}
NAMES = {
    "starts_at": "from", "ends_at": "until", "stand_in": "stands in", "expires_at": "ends",
    "sha256": "SHA-256", "commit": "commit", "ref": "request", "made_from": "made from",
    "half_open_at": "tries again", "most_uses": "uses at most", "verified_by": "known by",
    "external_id": "account", "search": "search", "id": "account", "prefix": "begins with",
    "signed_out": "sessions ended", "token_revoked": "token revoked", "does": "what it does",
}  # fmt: skip
YES_NO = {True: "yes", False: "no"}
_SHOWN = {
    "values": "Everything", "names": "Names of parameters, no values",
    "nothing": "Only that something waits",
}  # fmt: skip
_KINDS = {
    "unusual_action_patterns": "Not like usual", "repeated_approval_denials": "Keeps asking after No",
    "scope_violation_attempts": "Asked for more than allowed", "rate_limit_approaches": "Near a limit",
    "circuit_breaker_activations": "Breaker opened", "forged_channel_messages": "Forged messages",
}  # fmt: skip
_STAGES = {"none": "none yet"}
# Our own values, by the names under which we write them. What people typed stands under others, and is
# never put in other words.
WORDS: Mapping[str, Mapping[str, str]] = {
    "shows": _SHOWN, "instead_of": _SHOWN, "kind": _KINDS, "from": _STAGES, "to": _STAGES,
    "format": {"csv": "CSV", "jsonl": "JSON Lines", "pdf": "PDF evidence pack"},
}  # fmt: skip
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
DEEPEST = 2
MOST_FACTS = 200
EMPTY: tuple[Any, ...] = ("", None, [], {}, ())


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing an event carries; `before` where it also says what was."""

    name: str
    value: str
    before: str | None = None
    is_code: bool = False


def facts(
    detail: Mapping[str, Any], *, limit: int, known: Mapping[str, Any] | None = None, but: str = ""
) -> tuple[Fact, ...]:
    """Everything an event says; `known` is what held before, `but` is said elsewhere. Digests stand last."""
    found = list(_pairs(detail, limit))
    paired = {name for old, new in PAIRS if old in detail and new in detail for name in (old, new)}
    for name, value in detail.items():
        if name in paired or value in EMPTY or (name in ("person", "agent") and value == but):
            continue
        before = (known or {}).get(name)
        if before not in EMPTY and before != value:
            found.append(_fact(name, value, limit, before=before))
        else:
            found += _flat(name, value, limit, depth=0)
    return tuple(sorted(found[:MOST_FACTS], key=lambda fact: fact.is_code))


def _pairs(detail: Mapping[str, Any], limit: int) -> Iterator[Fact]:
    for old, new in PAIRS:
        if old in detail and new in detail:
            was = "nothing" if detail[old] in EMPTY else _text(old, detail[old], limit)
            yield Fact(PAIRED.get(new, "changed"), _text(new, detail[new], limit), was)


def _flat(name: str, value: Any, limit: int, *, depth: int) -> Iterator[Fact]:
    """What lies below another name stands under its own, so that nobody reads brackets."""
    if isinstance(value, Mapping) and {"from", "to"} <= set(value):
        yield _fact(name, value["to"], limit, before=value["from"])
    elif isinstance(value, Mapping) and depth < DEEPEST:
        for inner, below in value.items():
            if below not in EMPTY:
                title = inner if name in ("filters", "values", "bounds") else f"{name}, {inner}"
                yield from _flat(title, below, limit, depth=depth + 1)
    else:
        yield _fact(name, value, limit)


def _fact(name: str, value: Any, limit: int, *, before: Any = None) -> Fact:
    return Fact(
        name=_name(name),
        value=_text(name, value, limit),
        before=None if before is None else _text(name, before, limit),
        is_code=name.rpartition(", ")[2] in ("sha256", "commit", "search", "prefix"),
    )


def _name(name: str) -> str:
    last = name.rpartition(", ")[2]
    words = NAMES.get(name) or NAMES.get(last) or name.replace("_", " ")
    return display.show_identifier(words, limit=60).text


def _text(name: str, value: Any, limit: int) -> str:
    if isinstance(value, str):
        words = WORDS.get(name.rpartition(", ")[2], {})
        if value in words:
            return words[value]
        return display.show(_moment(value), limit=limit).text
    if isinstance(value, list):
        parts = [_inner(each) for each in value]
        return display.show("; ".join(parts) if any("," in p for p in parts) else ", ".join(parts),
                            limit=limit).text  # fmt: skip
    return display.show(_inner(value), limit=limit).text


def _inner(value: Any) -> str:
    """A value inside another: `name: value` for each, and JSON only where it goes deeper still."""
    if isinstance(value, bool):
        return YES_NO[value]
    if isinstance(value, str):
        return _moment(value)
    if isinstance(value, Mapping) and all(
        not isinstance(e, Mapping | list) for e in value.values()
    ):
        said = [f"{key}: {_inner(each)}" for key, each in value.items() if each not in EMPTY]
        return ", ".join(said)
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _moment(text: str) -> str:
    if not MOMENT.fullmatch(text):
        return text
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"
