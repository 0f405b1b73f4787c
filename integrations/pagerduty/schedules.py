"""Ask PagerDuty about once a minute who is on call in the schedules that teams name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pagerduty import RestApiV2Client

from approvals.models import Person
from approvals.ports import DeliveryError
from approvals.services import on_call, people
from approvals.services.on_call import Shift
from integrations.pagerduty import incidents
from integrations.pagerduty.configuration import Configuration
from integrations.pagerduty.identity import KIND
from integrations.pagerduty.incidents import Duty

AT_ONCE = 10  # one answer holds at most a hundred duties


def look(client: RestApiV2Client | None, settings: Configuration, *, at: datetime) -> None:
    """Keep what the schedules of the policy in force say now. Raises DeliveryError.

    Nothing is asked while no team names a schedule. What could not be asked stays as it was, and is
    believed for a quarter of an hour.
    """
    wanted = on_call.schedules(KIND)
    if not wanted:
        return
    if client is None:
        raise DeliveryError(
            "A team names a PagerDuty schedule, and PAGERDUTY_API_TOKEN is not set. Nobody is asked "
            "who is on call; each team's fallback stands in.",
            permanent=True,
        )
    for start in range(0, len(wanted), AT_ONCE):
        asked = wanted[start : start + AT_ONCE]
        duties = incidents.on_call(client, schedules=asked, at=at)
        for schedule in asked:
            mine = [duty for duty in duties if duty.schedule == schedule]
            shifts = list(_shifts(mine, settings))
            on_call.remember(provider=KIND, schedule=schedule, shifts=shifts, at=at)


def _shifts(duties: Iterable[Duty], settings: Configuration) -> Iterable[Shift]:
    """One for each user; a schedule may serve several escalation policies."""
    for duty in {duty.user: duty for duty in duties}.values():
        person = _person(duty, settings)
        yield Shift(duty.name or duty.user, person.pk if person else None, _until(duty))


def _person(duty: Duty, settings: Configuration) -> Person | None:
    """Whoever the account is bound to; by e-mail address only where operators allow that."""
    person = people.by_identity(kind=KIND, external_id=duty.user)
    if person is None and settings.link_by_email and duty.email:
        return people.by_email(duty.email)
    return person


def _until(duty: Duty) -> datetime | None:
    if duty.until is None:
        return None
    try:
        until = datetime.fromisoformat(duty.until)
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise DeliveryError("PagerDuty told the end of a shift in no form known.", unknown=True)
    return until
