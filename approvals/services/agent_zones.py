"""Where an agent works, as a name of the zone database: for telling people its times, and nothing else."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones

from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import EventKind
from approvals.models import Agent, Person
from approvals.services import actors, audit, stewards
from approvals.services.actors import Actor

NOTHING = "Nothing was changed."
LONGEST = 64
NO_PLACE = frozenset({"Factory", "localtime"})


def sound(name: str, *, otherwise: str = NOTHING) -> str:
    """The name without what stands around it; empty for nowhere. Raises Invalid, with a near name."""
    wanted = name.strip()
    if not wanted or wanted in known():
        return wanted
    near = _near(wanted)
    meant = f"; did you mean {near!r}?" if near else ", such as Europe/Berlin."
    raise errors.Invalid(
        f"{wanted[:LONGEST]!r} is no time zone{meant} {otherwise}", field="time_zone"
    )


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Every name of the zone database on this machine that fits."""
    return frozenset(name for name in available_timezones() - NO_PLACE if len(name) <= LONGEST)


def change(*, agent: Agent, name: str, actor: Actor, at: datetime) -> bool:
    """Say where an agent works, or with nothing that nobody knows; returns whether that is new.

    Raises Invalid for what is no zone. Said again, it leaves no line of history.
    """
    wanted = sound(name)
    with transaction.atomic():
        row = Agent.objects.select_for_update(no_key=True).get(pk=agent.pk)
        was = row.time_zone
        if was == wanted:
            return False
        Agent.objects.filter(pk=agent.pk).update(time_zone=wanted)
        detail = {"agent": agent.name, "was": was, "is": wanted}
        audit.append_service(EventKind.AGENT_ZONE_CHANGED, actor=actor, at=at, detail=detail)
    agent.time_zone = wanted
    return True


def change_by(person: Person, *, agent: Agent, name: str, at: datetime) -> bool:
    """The same by a manager, an operator or the owner. Raises NotAllowed or Invalid."""
    if not stewards.may_hold_back(person, agent):
        raise errors.NotAllowed(
            f"Only a manager, an operator or the owner of {agent} can say where it works. {NOTHING}"
        )
    return change(agent=agent, name=name, actor=actors.person(person), at=at)


def _near(wanted: str) -> str:
    """The name that was meant, by its last part or by its letters; empty where none is near."""
    folded = {name.casefold(): name for name in sorted(known())}
    word = wanted[:LONGEST].casefold().replace(" ", "_")
    cities = {name.rsplit("/", 1)[-1]: full for name, full in folded.items()}
    for names in (folded, cities):
        if near := get_close_matches(word, names, n=1, cutoff=0.8):
            return names[near[0]]
    return ""
