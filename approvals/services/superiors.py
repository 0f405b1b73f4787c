"""The managers of a team's people, whom plans escalate to: a team of the service's own, kept right.

Who manages whom is what operators said of each person. Everybody active who manages an active person of
the team sits there; whoever changes people settles it in the same transaction, and the workers soon.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import F

from approvals.domain.policy import superiors
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.teams import LONGEST_TITLE
from approvals.models import Team, TeamMember

Seats = dict[str, set[int]]


def seat(policy: PolicySet) -> None:
    """Let there be a seat for the managers of each team this policy may escalate from, and settle."""
    for team in sorted(_escalating(policy)):
        title = f"Managers of {policy.teams[team].title}"[:LONGEST_TITLE]
        Team.objects.update_or_create(name=superiors.seat(team), defaults={"title": title})
    settle()


def settle() -> int:
    """Let those who manage now be who is asked; returns for how many teams that changed.

    Two statements while nothing changes, and safe in many processes at once.
    """
    there: Seats = {}
    rows = Team.objects.filter(name__startswith=superiors.PREFIX).order_by("name")
    found: list[tuple[str, int | None]] = list(rows.values_list("name", "people"))
    for name, person in found:
        there.setdefault(name, set()).update(set() if person is None else {person})
    if not there:
        return 0
    wanted = _managers(there)
    return sum(_settle(name) for name, people in there.items() if people != wanted[name])


def _escalating(policy: PolicySet) -> set[str]:
    """The teams whose managers a row names; where one does, those a rule asks instead, too."""
    stages = [stage for row in policy.matrix.values() for stage in row.plan.stages]
    also = {name for stage in stages for rung in stage.rungs for name in rung.also}
    named = {team for team in map(superiors.team_of, also) if team is not None}
    ruled = {each.team for rule in policy.rules for each in rule.approvers}
    return named | ruled if named else named


def _managers(seats: Collection[str]) -> Seats:
    of = {superiors.team_of(name): name for name in seats}
    found: Seats = {name: set() for name in seats}
    managed = TeamMember.objects.filter(
        team__name__in=of, person__is_active=True, person__manager__is_active=True
    ).exclude(person__manager=F("person"))
    for team, manager in managed.values_list("team__name", "person__manager"):
        if manager is not None:
            found[of[team]].add(manager)
    return found


def _settle(name: str) -> bool:
    with transaction.atomic():
        team = Team.objects.select_for_update().get(name=name)
        people = _managers([name])[name]  # again, for it may have changed while we waited
        there = set(TeamMember.objects.filter(team=team).values_list("person_id", flat=True))
        TeamMember.objects.filter(team=team).exclude(person_id__in=people).delete()
        missing = [TeamMember(team=team, person_id=person) for person in sorted(people - there)]
        TeamMember.objects.bulk_create(missing)
    return people != there
