"""Ask PagerDuty about once a minute who is on call in the schedules that teams name."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from pagerduty import RestApiV2Client

from approvals.models import Person
from approvals.ports import DeliveryError
from approvals.services import next_on_call, on_call, people
from approvals.services.on_call import Shift
from integrations.pagerduty import incidents
from integrations.pagerduty.configuration import Configuration
from integrations.pagerduty.identity import KIND
from integrations.pagerduty.incidents import Duty

logger = logging.getLogger(__name__)
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
    kept: dict[str, list[Shift]] = {}
    for start in range(0, len(wanted), AT_ONCE):
        asked = wanted[start : start + AT_ONCE]
        duties = incidents.on_call(client, schedules=asked, at=at)
        for schedule in asked:
            mine = [duty for duty in duties if duty.schedule == schedule]
            shifts = list(_shifts(mine, settings))
            on_call.remember(provider=KIND, schedule=schedule, shifts=shifts, at=at)
            kept[schedule] = shifts
    _look_ahead(client, settings, kept, at=at)


def _look_ahead(
    client: RestApiV2Client, settings: Configuration, kept: dict[str, list[Shift]], *, at: datetime
) -> None:
    """Keep who has the next shift of each, where the present one has an end.

    Only pages show it, so what cannot be asked is left for the next look, and is no fault of this one.
    """
    for schedule, shifts in kept.items():
        ends = min((shift.until for shift in shifts if shift.until), default=None)
        if ends is None or not next_on_call.is_wanted(
            provider=KIND, schedule=schedule, starts_at=ends, at=at
        ):
            continue
        try:
            duties = incidents.on_call(client, schedules=[schedule], at=ends)
            following = [shift for shift in _shifts(duties, settings) if _goes_on(shift, ends)]
        except DeliveryError as error:
            logger.warning(
                "pagerduty was not asked who is next on call", extra={"why": error.words}
            )
            return
        next_on_call.remember(
            provider=KIND, schedule=schedule, starts_at=ends, shifts=following, at=at
        )


def _goes_on(shift: Shift, after: datetime) -> bool:
    return shift.until is None or shift.until > after


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
