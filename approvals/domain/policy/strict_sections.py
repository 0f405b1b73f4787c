"""Compare the sections of two policies, limit by limit: each limit says which way is strict.

A limit that stands in no table here is taken for weakened by any change, so that a new one is safe
before anybody has thought about it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from fractions import Fraction
from typing import Any

from approvals.domain.policy.classes import all_covered
from approvals.domain.policy.differences import (
    NOTHING,
    Found,
    either,
    same,
    stricter,
    together,
    weaker,
)
from approvals.domain.policy.exclusions import Excluded
from approvals.domain.policy.resource_names import ResourceType
from approvals.domain.policy.scope import Listed
from approvals.domain.policy.strict_rows import spelt
from approvals.domain.terms import BreakerAction

# Whether the second value is weaker than the first; the two differ.
Weigh = Callable[[Any, Any], bool]


def at_most(before: Any, after: Any) -> bool:
    """A cap: larger is weaker; None is no cap."""
    return after is None or (before is not None and not after < before)


def at_least(before: Any, after: Any) -> bool:
    """A rest or a bar: smaller is weaker; None is none."""
    return after is None or (before is not None and not after > before)


def within(before: Any, after: Any) -> bool:
    """Globs that bound: wider is weaker; an empty list bounds nothing."""
    return not after or (bool(before) and not all_covered(before, after))


def but_for(before: Any, after: Any) -> bool:
    """Globs that free from a limit: wider is weaker."""
    return not all_covered(before or (), after or ())


def keeping(before: Any, after: Any) -> bool:
    """What is refused or looked for: one fewer is weaker."""
    return not set(before or ()) <= set(after or ())


def own_words(before: Any, after: Any) -> bool:
    """Globs that free, where a section that is silent leaves the word to others."""
    return after is None or but_for(before, after)


def counting(before: Any, after: Any) -> bool:
    """Globs a name stands for: fewer is weaker; without any the name itself says what it counts."""
    return not before or not all_covered(after, before)


def wanted(before: Any, after: Any) -> bool:
    """A switch that restricts when it is on."""
    del after
    return bool(before)


def pausing(before: Any, after: Any) -> bool:
    """What a breaker does; to pause everything is the strictest."""
    del before
    return after is not BreakerAction.PAUSE_AND_ALERT


def typed(before: Any, after: Any) -> bool:
    """Resource types: one more, one no longer only read, or no list at all, is weaker."""
    kept = all(each in before or each.removesuffix(ONLY_READ) in before for each in after)
    guarded = {each for each in before if each.endswith(ONLY_READ)} <= set(after)
    return not after or (bool(before) and not (kept and guarded))


ONLY_READ = " (read-only)"
LIMITS: Mapping[str, Mapping[str, Weigh]] = {
    "scope": {
        "namespaces": within, "types": typed, "targets": within, "excluded": keeping,
        "without_resource": but_for,
    },
    "rates": {
        "per_hour": at_most, "per_day": at_most, "per_recipient": at_most, "increase": at_most,
        "cooldown": at_least, "actions": counting,
    },
    "breakers": {
        "threshold": at_most, "minimum": at_most, "rest": at_least, "does": pausing,
    },
    "blast": {
        "pods": at_most, "replica_percent": at_most, "cost_per_hour_usd": at_most, "users": at_most,
    },
    "data": {"scan": keeping, "internal": own_words},
    "autonomy": {
        "full": but_for, "agreement_below": at_least, "minimum": at_most, "on_breaker": wanted,
        "on_incident": wanted,
    },
    "attention": {
        "questions_per_hour": at_most, "questions_per_approver": at_most,
        "denied_cooldown": at_least,
    },
}  # fmt: skip
# What tells the entries of a list apart, and sections that may free from what holds without them.
KEYS: Mapping[str, str] = {"rates": "name", "breakers": "kind"}
FREEING = ("data", "autonomy", "attention")
TOLD = {"data": "data classification", "blast": "blast radius", "breakers": "circuit breaker"}


def compare(section: str, before: Any, after: Any) -> Found:
    """One section of two policies of one name; None or an empty tuple is no section."""
    if same(before, after):
        return NOTHING
    if section in KEYS:
        found = _listed(section, before, after)
    elif before is None or after is None:
        found = _whole(section, before, after)
    else:
        found = _fields(section, before, after)
    return found.inside(TOLD.get(section, section))


def _whole(section: str, before: Any, after: Any) -> Found:
    if after is None:
        return weaker("the section is gone", before.place, gone=True)
    new = stricter("the section is new", after.place)
    if section not in FREEING:
        return new
    said = _fields(section, type(after)(policy=after.policy, place=after.place), after)
    return said if said.weaker else new


def _listed(section: str, before: Sequence[Any], after: Sequence[Any]) -> Found:
    """Entries of one name are compared in their order; each must be kept."""
    left, found = list(before), NOTHING
    for entry in after:
        partner = next((each for each in left if _key(section, each) == _key(section, entry)), None)
        if partner is None:
            found += stricter(f"{_named(section, entry)} is new", entry.place)
        else:
            left.remove(partner)
            found += _fields(section, partner, entry).inside(_named(section, entry))
    return found + together(
        weaker(f"{_named(section, each)} is gone", each.place, gone=True) for each in left
    )


def _key(section: str, entry: Any) -> Any:
    return getattr(entry, KEYS[section], None)


def _named(section: str, entry: Any) -> str:
    return shown(_key(section, entry) or "every action")


def _fields(section: str, before: Any, after: Any) -> Found:
    if type(before) is not type(after):
        return weaker("changed", after.place)
    found, place = NOTHING, after.place
    for name, was, now in _pairs(before, after):
        if same(was, now):
            continue
        weigh = LIMITS[section].get(name, lambda _before, _after: True)
        words = f"{name.replace('_', ' ')} {shown(now)}, not {shown(was)}"
        found += either(weigh(was, now), words, place)
    return found


def _pairs(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """The fields of both, those of a record inside them too."""
    found: list[tuple[str, Any, Any]] = []
    for each in fields(before):
        was, now = _bare(getattr(before, each.name)), _bare(getattr(after, each.name))
        if each.name in {"policy", "place"}:
            continue
        if is_dataclass(now) and not isinstance(now, type):
            usual = type(now)() if was is None else was  # what holds where nothing is said
            found.extend(_pairs(usual, now))
        else:
            found.append((each.name, was, now))
    return found


def _bare(value: Any) -> Any:
    """Lists that remember where they stand, as plain text."""
    if isinstance(value, Listed):
        return value.globs
    if isinstance(value, tuple):
        return tuple(_text(each) for each in value)
    return value


def _text(entry: Any) -> Any:
    if isinstance(entry, Excluded):
        return entry.words
    return str(entry) if isinstance(entry, ResourceType) else entry


def shown(value: Any) -> str:
    """A limit as people write it."""
    if value is None or value in ((), frozenset()):
        return "none"
    if isinstance(value, timedelta):
        return spelt(value)
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple | list | frozenset):
        return f"[{', '.join(_listed_as(each) for each in value)}]"
    return "yes" if value is True else "no" if value is False else str(value)


def _listed_as(item: Any) -> str:
    """In quotes, so that a name with commas and brackets in it is seen to be one name."""
    return json.dumps(item, ensure_ascii=False) if isinstance(item, str) else shown(item)
