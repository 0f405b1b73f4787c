"""Conditions by name: `maxReplicas: 20` holds when there will be at most 20 replicas.

`NAMED` is the whole list; `table` draws it for the documentation. What a request does not say, or says
so that it cannot be read, leaves its condition untold, and a person is asked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals.domain.policy import calendar, limits, magnitudes
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.globs import Globs, kind, plain
from approvals.domain.policy.magnitudes import Figure, Magnitudes, Number, shown
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.subject import NOTHING, Subject


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a condition holds; None when it could not be told. `values` are what was compared."""

    holds: bool | None
    words: str
    values: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Condition:
    """One named condition with its limit."""

    name: str
    limit: Any
    place: Place


def read(value: Value) -> tuple[Condition, ...]:
    """A list of one-key mappings, or one mapping. Raises PolicyInvalid for a name nobody knows."""
    bodies = value.items() if isinstance(value.plain, list) else [value]
    found = []
    for body in bodies:
        for name, limit in body.mapping(*NAMED).items():
            found.append(Condition(name, NAMED[name].read(limit), limit.place))
    return tuple(found)


def find(condition: Condition, subject: Subject, circumstances: Circumstances) -> Finding:
    """Whether it holds for this request."""
    return NAMED[condition.name].find(condition.limit, subject, circumstances)


def table() -> str:
    """Every condition as rows of a Markdown table: an example, when it holds, and what it looks at."""
    rows = [
        f"| `{name}: {named.example}` | {named.words} | {named.looks_at} |"
        for name, named in NAMED.items()
    ]
    head = ["| condition | holds when | looks at |", "|---|---|---|"]
    return "\n".join([*head, *rows, ""])


@dataclass(frozen=True, slots=True)
class Named:
    """How one name is read and told, and how it is explained to people."""

    read: Callable[[Value], Any]
    find: Callable[[Any, Subject, Circumstances], Finding]
    example: str
    words: str
    looks_at: str


Find = Callable[[Any, Subject, Circumstances], Finding]


def _at_most(name: str, noun: str, pick: Callable[[Magnitudes], Figure], unit: str = "") -> Find:
    """Every amount the request states is within the limit, whichever its direction."""

    def find(limit: Number, subject: Subject, circumstances: Circumstances) -> Finding:
        del circumstances
        figure = pick(magnitudes.of(subject))
        most = f"at most {shown(limit)}{unit}"
        if figure.amounts and (abs(figure.most) > limit or not figure.unclear):
            words = f"{shown(figure.most)}{unit or ' ' + noun}, {most}"
            return Finding(abs(figure.most) <= limit, words, {name: figure.most})
        return _untold(noun, figure, most)

    return find


def _growth(sign: int, name: str, noun: str) -> Find:
    """Replicas more (or, with sign -1, fewer); a change the other way is none."""

    def pick(said: Magnitudes) -> Figure:
        changed = tuple(max(0, sign * amount) for amount in said.change.amounts)
        return Figure(changed, said.change.unclear)

    return _at_most(name, noun, pick)


def _at_least_replicas(limit: Number, subject: Subject, circumstances: Circumstances) -> Finding:
    del circumstances
    figure, least = magnitudes.of(subject).after, f"at least {shown(limit)}"
    if figure.amounts and (figure.least < limit or not figure.unclear):
        words = f"{shown(figure.least)} replicas, {least}"
        return Finding(figure.least >= limit, words, {"replicas": figure.least})
    return _untold("replicas", figure, least)


def _untold(noun: str, figure: Figure, limit: str) -> Finding:
    how = "so that it can be read " if figure.unclear else ""
    return Finding(None, f"the request does not say {how}how many {noun}, {limit}")


def _recipients_at_most(limit: Number, subject: Subject, circumstances: Circumstances) -> Finding:
    del circumstances
    count = len(subject.recipients)
    if not count:
        return Finding(None, f"the request names no recipients, at most {shown(limit)}")
    words = f"{count} recipients, at most {shown(limit)}"
    return Finding(count <= limit, words, {"recipients": count})


def _within(name: str, noun: str, pick: Callable[[Subject], str]) -> Find:
    """A name matches one of the globs."""

    def find(globs: Globs, subject: Subject, circumstances: Circumstances) -> Finding:
        del circumstances
        said = pick(subject)
        if not said:
            return Finding(None, f"the request names no {noun}")
        holds = globs.cover(said)
        words = f"the {noun} {said[:100]} is {_IS[holds]} of {globs}"
        return Finding(holds, words, {name: said})

    return find


_IS = {True: "one", False: "none", None: "one only with other capitals or letters that look alike"}


def _every_recipient(globs: Globs, subject: Subject, circumstances: Circumstances) -> Finding:
    del circumstances
    if not subject.recipients:
        return Finding(None, "the request names no recipients")
    found = {who: globs.cover(who) for who in subject.recipients}
    values = {"recipients": list(subject.recipients)}
    for answer in (False, None):
        others = [who for who, holds in found.items() if holds is answer]
        if others:
            return Finding(answer, f"{others[0][:100]} is {_IS[answer]} of {globs}", values)
    return Finding(True, f"every recipient is one of {globs}", values)


def _within_hours(hours: calendar.Hours, subject: Subject, circumstances: Circumstances) -> Finding:
    del subject
    local = hours.local(circumstances.now)
    words = f"it is {local:%H:%M}, between {hours}"
    return Finding(hours.cover(circumstances.now), words, {"now": local.isoformat()})


def _on_days(days: calendar.Days, subject: Subject, circumstances: Circumstances) -> Finding:
    del subject
    local = days.local(circumstances.now)
    words = f"it is {calendar.NAMES[local.weekday()]}, on {days}"
    return Finding(days.cover(circumstances.now), words, {"now": local.isoformat()})


def _counted(key: str, words: str, within: Callable[[int, Number], bool]) -> Find:
    """A count of `history`, which the service keeps itself."""

    def find(limit: Number, subject: Subject, circumstances: Circumstances) -> Finding:
        del subject
        count = circumstances.history.get(key)
        if not isinstance(count, int):
            return Finding(None, f"how often this was {key} before is not known")
        return Finding(within(count, limit), words.format(count, shown(limit)), {key: count})

    return find


def _globs(value: Value) -> Globs:
    return Globs(_listed(value))


def _kinds(value: Value) -> Globs:
    return Globs(tuple(kind(text) for text in _listed(value)))


def _listed(value: Value) -> tuple[str, ...]:
    items = value.items() if isinstance(value.plain, list) else [value]
    if not items:
        raise value.fail("an empty list would never hold")
    return tuple(plain(item.text()) for item in items)


NAMED: Mapping[str, Named] = {
    "maxReplicas": Named(
        limits.amount, _at_most("replicas", "replicas", lambda said: said.after),
        "20", "there will be at most so many replicas", "replicas afterwards",
    ),
    "minReplicas": Named(
        limits.amount, _at_least_replicas,
        "2", "there will be at least so many replicas", "replicas afterwards",
    ),
    "maxPercentChange": Named(
        limits.percent, _at_most("percent", "percent", lambda said: said.percent, " %"),
        "50", "replicas change by at most so many percent, up or down; from 0 it cannot be told",
        "percent",
    ),
    "maxIncrease": Named(
        limits.amount, _growth(1, "increase", "replicas more"),
        "5", "there will be at most so many replicas more", "replicas before and afterwards",
    ),
    "maxDecrease": Named(
        limits.amount, _growth(-1, "decrease", "replicas fewer"),
        "1", "there will be at most so many replicas fewer", "replicas before and afterwards",
    ),
    "maxPods": Named(
        limits.amount, _at_most("pods", "pods", lambda said: said.pods),
        "10", "at most so many pods are touched", "pods",
    ),
    "maxCostPerHour": Named(
        limits.amount,
        _at_most("cost", "USD per hour", lambda said: said.cost_per_hour_usd, " USD per hour"),
        "12.5", "it costs at most so many USD more per hour", "cost per hour",
    ),
    "maxUsers": Named(
        limits.amount, _at_most("users", "users", lambda said: said.users),
        "1000", "at most so many users notice", "users",
    ),
    "maxRecipients": Named(
        limits.amount, _recipients_at_most,
        "3", "at most so many recipients are named, and at least one", "`recipients`",
    ),
    "recipients": Named(
        _globs, _every_recipient,
        "['*@example.com']", "every recipient matches a glob, and one is named", "`recipients`",
    ),
    "namespaces": Named(
        _globs, _within("namespace", "namespace", lambda subject: plain(subject.namespace)),
        "[staging-*]", "the namespace matches a glob", "`resource.namespace`",
    ),
    "resources": Named(
        _kinds, _within("resource_type", "resource type", lambda s: kind(s.resource_type)),
        "[deployments]", "the type matches a glob, without case and plural s", "`resource.type`",
    ),
    "targets": Named(
        _globs, _within("target", "target", lambda subject: plain(subject.target)),
        "['web-*']", "the target matches a glob", "`target`",
    ),
    "hours": Named(
        calendar.read_hours, _within_hours,
        "08:00-18:00 Europe/Berlin",
        "it is between these times, the first within, the last not; UTC without a zone",
        "the service's clock",
    ),
    "days": Named(
        calendar.read_days, _on_days,
        "mon-fri Europe/Berlin", "it is one of these days; UTC without a zone",
        "the service's clock",
    ),
    "minPerformed": Named(
        limits.amount, _counted("performed", "performed {} times before, at least {}", operator.ge),
        "10", "the agent did this at least so often in the last 30 days", "`history.performed`",
    ),
    "maxFailures": Named(
        limits.amount, _counted("failed", "{} failed before, at most {}", operator.le),
        "0", "at most so many of those failed", "`history.failed`",
    ),
}  # fmt: skip
