"""Find the person behind a PagerDuty user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pagerduty import RestApiV2Client

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.services import actors, people
from integrations.pagerduty import incidents
from integrations.pagerduty.configuration import Configuration
from integrations.pagerduty.payloads import Pressed

KIND = "pagerduty"
VERIFIED_BY = "pagerduty_email"


def person_of(
    pressed: Pressed, *, client: RestApiV2Client, configuration: Configuration, at: datetime
) -> Person | None:
    """The active person this user belongs to; linked by e-mail at their first press if allowed.

    None for somebody unknown, and for what no person did. Raises DeliveryError when PagerDuty had
    to be asked and did not answer.
    """
    if not pressed.user:
        return None
    person = people.by_identity(kind=KIND, external_id=pressed.user)
    if person is not None or not configuration.link_by_email:
        return person
    return _by_email(incidents.user(client, pressed.user), pressed, at=at)


def _by_email(user: Mapping[str, Any], pressed: Pressed, *, at: datetime) -> Person | None:
    email = user.get("email")
    # Whoever was invited and has not come yet has not shown that the address is theirs.
    if user.get("invitation_sent") is True or not isinstance(email, str) or not email:
        return None
    person = people.by_email(email)
    if person is None:
        return None
    try:
        people.link(
            person=person,
            kind=KIND,
            external_id=pressed.user,
            verified_by=VERIFIED_BY,
            actor=actors.person(person),
            at=at,
        )
    except Refusal:
        return None
    return person
