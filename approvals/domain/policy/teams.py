"""A document of kind Team: who may be named as approvers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from approvals.domain.policy import duty
from approvals.domain.policy.duty import Duty
from approvals.domain.policy.reading import Gathered, Place, Value, each_of

LONGEST_NAME, LONGEST_TITLE = 80, 120


@dataclass(frozen=True, slots=True)
class TeamDocument:
    """A team that requirements may name; members are added by operators or named here by e-mail.

    Without `on_duty` nothing is known about when its people are there.
    """

    name: str
    title: str
    members: tuple[str, ...]
    place: Place
    on_duty: tuple[Duty, ...] = ()


def read(name: Value, metadata: Mapping[str, Value], spec: Value) -> TeamDocument:
    """Raises PolicyInvalid."""
    met = Gathered()
    called, title = "", ""
    members: tuple[str, ...] = ()
    hours: tuple[Duty, ...] = ()
    with met.also():
        called = title = name.name(at_most=LONGEST_NAME)
    if "title" in metadata:
        with met.also():
            title = metadata["title"].name(at_most=LONGEST_TITLE)
    with met.also():
        body = spec.mapping("members", "on_duty")
        if "members" in body:
            with met.also():
                members = each_of(body["members"].items(), Value.name)
        if "on_duty" in body:
            with met.also():
                hours = each_of(body["on_duty"].items(), duty.read)
    met.settle()
    return TeamDocument(called, title, members, spec.place, hours)
