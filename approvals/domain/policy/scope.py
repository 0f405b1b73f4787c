"""Which resources an agent may touch: namespaces, types, and exclusions that win.

Every scope that concerns an agent applies: what it may touch is what all of them allow. Namespaces
and targets are compared as written; types without case and plural. An exclusion in any scope denies,
whatever else includes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from approvals.domain import display
from approvals.domain.policy import checks, exclusions, resource_names
from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.classes import matches, reads_only
from approvals.domain.policy.exclusions import Excluded, Reading
from approvals.domain.policy.reading import Gathered, Place, Value, each_of
from approvals.domain.policy.resource_names import Named, ResourceType
from approvals.domain.policy.strings import TooMuch, texts
from approvals.domain.policy.subject import Subject

KEYS = ("namespaces", "resources", "resource_types", "targets", "excluded", "without_resource")
NAME_SHOWN = 80
NAMES_SHOWN = 5
_TWICE = "'resources' says the same; keep one of the two"


@dataclass(frozen=True, slots=True)
class Listed:
    """Globs of one key, and where the key's list stands."""

    globs: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Scope:
    """One section of one policy. What it does not list it does not limit."""

    policy: str
    place: Place
    namespaces: Listed | None = None
    types: tuple[ResourceType, ...] = ()
    targets: Listed | None = None
    excluded: tuple[Excluded, ...] = ()
    without_resource: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        return f"{self.policy}.scope"


def read(value: Value, *, policy: str) -> Scope:
    """Raises PolicyInvalid, with every mistake of the section."""
    met = Gathered()
    body = value.known_part(met, *KEYS)
    if not met.problems and not body.keys() - {"without_resource"}:
        raise value.fail("a scope limits something: namespaces, resources, targets or excluded")
    if "resources" in body and "resource_types" in body:
        met.problems.extend(body["resource_types"].fail(_TWICE).problems)
    namespaces = targets = None
    types: tuple[ResourceType, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    without: tuple[str, ...] = ()
    for key, part in body.items():
        with met.also():
            if key == "namespaces":
                namespaces = _listed(part)
            elif key == "targets":
                targets = _listed(part)
            elif key == "excluded":
                excluded = each_of(part.items(), exclusions.read)
            elif key == "without_resource":
                without = part.texts()
            else:
                types = each_of(_some(part), resource_names.read)
    met.settle()
    return Scope(policy, value.place, namespaces, types, targets, excluded, without)


def _listed(value: Value) -> Listed:
    return Listed(each_of(_some(value), Value.text), value.place)


def _some(value: Value) -> list[Value]:
    items = value.items()
    if not items:
        raise value.fail("an empty list would let nothing through; leave it out for no limit")
    return items


def check(found: Sequence[Scope], subject: Subject, now: Circumstances) -> list[Check]:
    """Exclusions of every scope first, then what each of them includes."""
    del now
    ordered = sorted(found, key=lambda scope: (scope.policy, scope.place.file, scope.place.line))
    excluding = [scope for scope in ordered if scope.excluded]
    made = list(_exclusions(excluding, subject)) if excluding else []
    limited = any(scope.namespaces for scope in ordered)
    named = list(dict.fromkeys(resource_names.namespaces(subject))) if limited else []
    by_type = any(scope.types for scope in ordered)
    types = list(dict.fromkeys(resource_names.types(subject))) if by_type else []
    for scope in ordered:
        made += list(_outside(scope, subject, named, types)) or [_inside(scope)]
    return made


def _inside(scope: Scope) -> Check:
    return checks.passed(
        Layer.SCOPE, f"Inside the scope of {scope.policy}.", rule=scope.rule, place=scope.place
    )


# --- exclusions ------------------------------------------------------------------------------


def _exclusions(found: Sequence[Scope], subject: Subject) -> Iterator[Check]:
    try:
        readings = list(_readings(subject))
    except TooMuch:
        words = "The parameters are too large or too deep to look for what is excluded."
        yield from (
            checks.unsure(Layer.SCOPE, words, rule=scope.rule, place=scope.place) for scope in found
        )
        return
    for scope in found:
        for excluded in scope.excluded:
            yield from _excluded(scope, excluded, readings)


def _readings(subject: Subject) -> Iterator[Reading]:
    """What is looked through; the places are JSON pointers into the submission."""
    yield Reading(subject.namespace, "/resource/namespace")
    yield Reading(subject.target, "/target")
    yield Reading(subject.resource_type, "/resource/type")
    seen: set[str] = set()
    for text in texts(subject.parameters, "/parameters"):
        if text.is_string and text.words not in seen:
            seen.add(text.words)
            yield Reading(text.words, text)


def _excluded(scope: Scope, excluded: Excluded, readings: Sequence[Reading]) -> Iterator[Check]:
    """At most one check for each entry: where it stands first, else where it may stand."""
    maybe = ""
    for reading in readings:
        stands = exclusions.stands_in(excluded, reading)
        if stands:
            words = f"{scope.policy} excludes {excluded.words}, which stands in {reading.where}."
            yield checks.refuses(
                Layer.SCOPE, words, reason="excluded", rule=scope.rule, place=excluded.place,
                excluded=excluded.words, found_in=reading.where,
            )  # fmt: skip
            return
        if stands is None:
            maybe = maybe or reading.where
    if maybe:
        words = (
            f"{scope.policy} excludes {excluded.words}; the words in {maybe} may mean it, "
            "which a person can tell."
        )
        yield checks.unsure(
            Layer.SCOPE, words, rule=scope.rule, place=excluded.place, excluded=excluded.words,
            found_in=maybe,
        )  # fmt: skip


# --- what is included ------------------------------------------------------------------------


def _outside(
    scope: Scope, subject: Subject, found: Sequence[Named], types: Sequence[Named]
) -> Iterator[Check]:
    if scope.targets and (made := _target(scope, scope.targets, subject)):
        yield made
    needs_none = matches(subject.action, scope.without_resource)
    if scope.namespaces:
        if not subject.namespace and not needs_none:
            yield _unnamed(
                scope, scope.namespaces.place, "namespace", _said(scope.namespaces.globs)
            )
        yield from _namespaces(scope, scope.namespaces, found)
    if scope.types:
        yield from _types(scope, subject, types, needs_none=needs_none)


def _target(scope: Scope, allowed: Listed, subject: Subject) -> Check | None:
    if not matches(subject.target, allowed.globs):
        return _out(scope, allowed, "target", subject.target)
    if not resource_names.is_clear(subject.target):
        return _unclear(scope, allowed.place, "target", subject.target, "/target")
    return None


def _namespaces(scope: Scope, allowed: Listed, found: Sequence[Named]) -> Iterator[Check]:
    """The first that is outside, and the first that could not be told: thousands may follow."""
    unclear: Named | None = None
    for named in found:
        if named.name is not None and not matches(named.name, allowed.globs):
            yield _out(scope, allowed, "namespace", named.name, found_in=named.where)
            break
        if named.name is None or not resource_names.is_clear(named.name, one=True):
            unclear = unclear or named
    if unclear:
        yield _unclear(scope, allowed.place, "namespace", unclear.name or "", unclear.where)


def _types(
    scope: Scope, subject: Subject, found: Sequence[Named], *, needs_none: bool
) -> Iterator[Check]:
    """The type declared; of those in the parameters the first refused and the first unclear."""
    place, unclear = scope.types[0].place, None
    if not subject.resource_type and not needs_none:
        yield _unnamed(scope, place, "resource type", _said(tuple(map(str, scope.types))))
    if subject.resource_type and (made := _type(scope, subject, subject.resource_type)):
        yield made
    for named in found:
        if named.name is not None and (made := _type(scope, subject, named.name, named.where)):
            yield made
            break
        if named.name is None or not resource_names.is_clear(named.name, one=True):
            unclear = unclear or named
    if unclear:
        yield _unclear(scope, place, "resource type", unclear.name or "", unclear.where)


def _type(scope: Scope, subject: Subject, wanted: str, where: str = "") -> Check | None:
    place, written = scope.types[0].place, tuple(map(str, scope.types))
    found_in = {"found_in": where} if where else {}
    fitting = [each for each in scope.types if each.fits(wanted)]
    if not fitting:
        return _out(scope, Listed(written, place), "resource type", wanted, **found_in)
    reading_only = next((each for each in fitting if each.is_read_only), None)
    if reading_only and not reads_only(subject.action):
        words = (
            f"{scope.policy} lets {_drawn(wanted)} be read only; {_drawn(subject.action)} is not "
            "known to be reading."
        )
        return checks.refuses(
            Layer.SCOPE, words, reason="read_only", rule=scope.rule, place=reading_only.place,
            resource_type=wanted, allowed=list(written), **found_in,
        )  # fmt: skip
    return None


def _out(scope: Scope, allowed: Listed, kind: str, wanted: str, **values: str) -> Check:
    words = (
        f"The {kind} {_drawn(wanted)} is outside the scope of {scope.policy}, "
        f"which allows {_said(allowed.globs)}."
    )
    return checks.refuses(
        Layer.SCOPE, words, reason="out_of_scope", rule=scope.rule, place=allowed.place,
        **{kind.replace(" ", "_"): wanted, "allowed": list(allowed.globs), **values},
    )  # fmt: skip


def _unnamed(scope: Scope, place: Place, kind: str, allowed: str) -> Check:
    words = (
        f"The request names no {kind}, so whether it is inside the scope of {scope.policy} "
        f"({allowed}) could not be checked."
    )
    return checks.unsure(Layer.SCOPE, words, rule=scope.rule, place=place, missing=kind)


def _unclear(scope: Scope, place: Place, kind: str, wanted: str, where: str) -> Check:
    words = (
        f"What stands in {where} is not one plain {kind}, so whether it is inside the scope of "
        f"{scope.policy} could not be checked."
    )
    return checks.unsure(
        Layer.SCOPE, words, rule=scope.rule, place=place, found_in=where,
        **{kind.replace(" ", "_"): wanted} if wanted else {},
    )  # fmt: skip


def _drawn(name: str) -> str:
    """An agent's own word, safe to read."""
    return display.show_identifier(name, limit=NAME_SHOWN).text


def _said(names: Sequence[str]) -> str:
    shown, more = names[:NAMES_SHOWN], len(names) - NAMES_SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
