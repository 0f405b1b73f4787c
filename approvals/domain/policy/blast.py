"""The blast radius: how much one action may touch before a person is asked.

Of several policies the smallest cap counts. Equal to the cap passes; over it a person is asked. What
is not stated is not over a cap. A scaling action must say with its parameters, which are what will
run, how many pods and how many percent it changes: each cap on them is judged alone, and neither
`impact` nor a number of replicas afterwards without the number before says it. What is not said so
could not be checked. `magnitudes` says what each figure is worked out from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from approvals.domain.policy import checks, limits, magnitudes
from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.classes import SCALING, class_of
from approvals.domain.policy.magnitudes import Figure, Magnitudes, Number, shown
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.subject import Subject

PODS, PERCENT, COST, USERS = "pods", "replica_percent", "cost_per_hour_usd", "users"
# Each figure by its name in the guardrails form and in the plain one; neither may say it twice.
KEYS: Mapping[str, str] = {
    "pods": PODS,
    "replicaPercent": PERCENT,
    "costPerHourUsd": COST,
    "users": USERS,
    "max_pods": PODS,
    "max_replica_percent": PERCENT,
    "max_cost_per_hour_usd": COST,
    "max_users": USERS,
}


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """One section of one policy. A figure that is None has no cap."""

    policy: str
    place: Place
    pods: Number | None = None
    replica_percent: Number | None = None
    cost_per_hour_usd: Number | None = None
    users: Number | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so much of one figure, and which policy says so."""

    most: Number
    policy: str
    place: Place

    @property
    def rule(self) -> str:
        return f"{self.policy}.blast_radius"


def read(value: Value, *, policy: str) -> BlastRadius:
    """Raises PolicyInvalid."""
    caps: dict[str, Number] = {}
    for key, limit in value.mapping(*KEYS).items():
        figure = KEYS[key]
        if figure in caps:
            raise limit.fail(f"{key!r} says again what another key of this section says")
        caps[figure] = limits.percent(limit) if figure == PERCENT else limits.amount(limit)
    if not caps:
        raise value.fail(f"say at least one of {', '.join(KEYS)}")
    return BlastRadius(policy, value.place, **caps)


def check(found: Sequence[BlastRadius], subject: Subject, now: Circumstances) -> list[Check]:
    """The steps of this layer, one a figure; none when no policy of the agent has the section."""
    del now
    caps = _smallest(found)
    if not caps:
        return []
    said = magnitudes.of(subject)
    made = [
        _checked(name, caps[name], said) for name in (PODS, PERCENT, COST, USERS) if name in caps
    ]
    return [*made, *_untold(caps, subject)]


def _smallest(found: Sequence[BlastRadius]) -> dict[str, Cap]:
    """The cap in force for each figure, whatever the order of the documents."""
    caps: dict[str, Cap] = {}
    for section in found:
        for name, most in _caps(section):
            cap = Cap(most, section.policy, section.place)
            caps[name] = min(caps.get(name, cap), cap, key=lambda each: (each.most, each.policy))
    return caps


def _caps(section: BlastRadius) -> list[tuple[str, Number]]:
    every = (
        (PODS, section.pods),
        (PERCENT, section.replica_percent),
        (COST, section.cost_per_hour_usd),
        (USERS, section.users),
    )
    return [(name, most) for name, most in every if most is not None]


def _figure(name: str, said: Magnitudes) -> Figure:
    return {
        PODS: said.pods,
        PERCENT: said.percent,
        COST: said.cost_per_hour_usd,
        USERS: said.users,
    }[name]


def _checked(name: str, cap: Cap, said: Magnitudes) -> Check:
    figure = _figure(name, said)
    if not figure.stated:
        words = f"Nothing is said of {_NOUNS[name]}; {_most(name, cap)}."
        return checks.passed(Layer.BLAST, words, rule=cap.rule, place=cap.place, most=cap.most)
    size = abs(figure.most) if figure.amounts else None
    if size is not None and (size > cap.most or not figure.unclear):
        make = checks.asks if size > cap.most else checks.passed
        words = f"{_amount(name, figure.most, said)}, {_most(name, cap)}."
        values = {name: figure.most, "most": cap.most}
        return make(Layer.BLAST, words, rule=cap.rule, place=cap.place, **values)
    return checks.unsure(
        Layer.BLAST, f"{_unclear(name, said)}, {_most(name, cap)}.", rule=cap.rule,
        place=cap.place, most=cap.most,
    )  # fmt: skip


def _untold(caps: Mapping[str, Cap], subject: Subject) -> Iterator[Check]:
    """What a scaling action leaves unsaid, a cap at a time: what it claims in `impact` runs nothing."""
    if class_of(subject.action) != SCALING:
        return
    said = magnitudes.of(replace(subject, impact={}))
    only_afterwards = said.after.stated and not said.before.stated
    for name in (PODS, PERCENT):
        if name in caps and (only_afterwards or not _figure(name, said).stated):
            cap = caps[name]
            words = (
                f"How much this scales, counted in {_COUNTED_IN[name]}, the parameters do not say: "
                f"from how many replicas to how many; {_most(name, cap)}."
            )
            yield checks.unsure(Layer.BLAST, words, rule=cap.rule, place=cap.place, most=cap.most)


_COUNTED_IN = {PODS: "pods", PERCENT: "percent"}


_NOUNS = {
    PODS: "pods",
    PERCENT: "a percentage of replicas",
    COST: "cost",
    USERS: "users",
}


def _most(name: str, cap: Cap) -> str:
    limit = shown(cap.most)
    return {
        PODS: f"at most {limit}",
        PERCENT: f"at most {limit} %",
        COST: f"at most {limit} USD per hour",
        USERS: f"at most {limit}",
    }[name]


def _amount(name: str, amount: Number, said: Magnitudes) -> str:
    if name == PERCENT:
        before, after = said.before.amounts, said.after.amounts
        told = len(before) == len(after) == 1
        start = f"{shown(after[0])} replicas from {shown(before[0])} is " if told else ""
        return f"{start}{'+' if amount > 0 else ''}{shown(amount)} %"
    return {
        PODS: f"{shown(amount)} pods",
        COST: f"{shown(amount)} USD per hour",
        USERS: f"{shown(amount)} users",
    }[name]


def _unclear(name: str, said: Magnitudes) -> str:
    if name == PERCENT and said.before.amounts and 0 in said.before.amounts:
        return "From 0 replicas a percentage cannot be told"
    return f"What is said of {_NOUNS[name]} could not be read"
