"""Who leads which teams: the managers of a team's people, else those who are asked for all teams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from django.db.models import F

from approvals.domain.policy import seats
from approvals.models import Team, TeamMember

FOR_ALL = "team-leads"


def teams_by_lead() -> Mapping[int, frozenset[str]]:
    """The names of the teams that each active person leads, by the person's number. Three statements.

    A team whose people have no manager is led by the members of `team-leads`, if there is one.
    """
    found: dict[int, set[str]] = defaultdict(set)
    there = TeamMember.objects.filter(person__is_active=True).order_by()
    managed = there.filter(person__manager__is_active=True).exclude(person__manager=F("person"))
    pairs: set[tuple[str, int | None]] = set(
        managed.values_list("team__name", "person__manager").distinct()
    )
    for team, manager in pairs:
        if manager is not None:
            found[manager].add(team)
    led = {team for team, _ in pairs}
    unled = {name for name in Team.objects.values_list("name", flat=True) if name not in led}
    for person in there.filter(team__name=FOR_ALL).values_list("person", flat=True):
        found[person] |= unled
    # Seats that the service itself fills are asked on behalf of a team, and led with it.
    return {
        person: real
        for person, names in found.items()
        if (real := frozenset(name for name in names if not seats.is_seat(name)))
    }
