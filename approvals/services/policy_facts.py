"""What the service knows about policies: who is in which team, who owns agents, what was asked lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, connection, transaction
from django.db.models import Count, F

from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.remarks import Facts
from approvals.models import Agent, ApprovalRequest, Person, TeamMember
from approvals.services import adapters, clock, policies

LOOKS_BACK = timedelta(days=90)


def gathered() -> Facts | None:
    """All of it; None where no prepared database answers, as in a repository of policies alone."""
    if not _is_there():
        return None
    try:
        with transaction.atomic():
            return _known(clock.now())
    except DatabaseError:
        return None


def here_and_now() -> Facts:
    """The moment alone, which hours in several time zones are compared at."""
    return Facts(at=datetime.now(UTC))


def _known(at: datetime) -> Facts:
    members: dict[str, set[str]] = {}
    active = TeamMember.objects.filter(person__is_active=True)
    for team, email in active.values_list("team__name", "person__email"):
        members.setdefault(team, set()).add(email.casefold())
    counted = (
        ApprovalRequest.objects.filter(created_at__gte=at - LOOKS_BACK)
        .order_by()
        .values_list("agent__name", "action")
        .annotate(times=Count("number"))
    )
    owned = Agent.objects.filter(is_enabled=True, owner__isnull=False)
    # A service that is younger than the span cannot say what no request met in it.
    is_long_enough = ApprovalRequest.objects.filter(created_at__lt=at - LOOKS_BACK).exists()
    return Facts(
        asked={(agent, action): count for agent, action, count in counted}
        if is_long_enough
        else None,
        channels=frozenset(adapters.enabled()),
        agents=frozenset(Agent.objects.values_list("name", flat=True)),
        in_force=_in_force(),
        managers=_managers(),
        members={team: frozenset(people) for team, people in members.items()},
        owners=dict(owned.values_list("name", "owner__email")),
        at=at,
    )


def _managers() -> dict[str, str]:
    """The active manager of each active person who has one."""
    managed = Person.objects.filter(is_active=True, manager__is_active=True)
    rows = managed.exclude(manager=F("pk")).values_list("email", "manager__email")
    return {email.casefold(): manager.casefold() for email, manager in rows}


def _in_force() -> frozenset[str] | None:
    """The globs of the rules in force; None where none are, or where they cannot be read any more."""
    try:
        return frozenset(rule.pattern for rule in policies.current().rules)
    except (policies.NoPolicy, PolicyInvalid):
        return None


def _is_there() -> bool:
    """A local file is not made by looking for it."""
    name = str(connection.settings_dict["NAME"])
    return (
        connection.vendor != "sqlite"
        or ":memory:" in name
        or "mode=memory" in name
        or Path(name).exists()
    )
