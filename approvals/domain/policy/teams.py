"""A document of kind Team: who may be named as approvers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from approvals.domain.policy import duty, on_call, seats
from approvals.domain.policy.duty import Duty
from approvals.domain.policy.on_call import Schedule
from approvals.domain.policy.reading import Gathered, Place, Value, each_of

LONGEST_NAME, LONGEST_TITLE = 80, 120


@dataclass(frozen=True, slots=True)
class TeamDocument:
    """A team that requirements may name; members are added by operators or named here by e-mail.

    Without `on_duty` nothing is known about when its people are there. `on_call` says which schedule
    knows who of them is on call, and `fallback` which team stands in when it does not (None: this one).
    """

    name: str
    title: str
    members: tuple[str, ...]
    place: Place
    on_duty: tuple[Duty, ...] = ()
    on_call: Schedule | None = None
    fallback: str | None = None


def read(name: Value, metadata: Mapping[str, Value], spec: Value) -> TeamDocument:
    """Raises PolicyInvalid."""
    met = Gathered()
    called, title = "", ""
    members: tuple[str, ...] = ()
    hours: tuple[Duty, ...] = ()
    schedule: Schedule | None = None
    fallback: str | None = None
    with met.also():
        called = title = name.name(at_most=LONGEST_NAME)
        _refuse_seat(name, called)
    if "title" in metadata:
        with met.also():
            title = metadata["title"].name(at_most=LONGEST_TITLE)
    with met.also():
        body = spec.mapping("members", "on_duty", "on_call", "fallback")
        if "members" in body:
            with met.also():
                members = each_of(body["members"].items(), Value.name)
        if "on_duty" in body:
            with met.also():
                hours = each_of(body["on_duty"].items(), duty.read)
        if "on_call" in body:
            with met.also():
                schedule = _schedule(called, body["on_call"])
        if "fallback" in body:
            with met.also():
                fallback = body["fallback"].name(at_most=LONGEST_NAME)
                if "on_call" not in body:
                    raise body["fallback"].fail("'fallback' goes with 'on_call'")
    met.settle()
    return TeamDocument(called, title, members, spec.place, hours, schedule, fallback)


def _refuse_seat(name: Value, called: str) -> None:
    """Some names stand for whoever sits there at the moment, and are the service's own."""
    for prefix, words in seats.PREFIXES.items():
        if called.startswith(prefix):
            raise name.fail(f"names that begin with {prefix!r} stand for {words}")


def _schedule(team: str, value: Value) -> Schedule:
    if len(on_call.seat(team)) > LONGEST_NAME:
        most = LONGEST_NAME - len(on_call.PREFIX)
        raise value.fail(f"a team with 'on_call' has a name of at most {most} characters")
    return on_call.read(value)
