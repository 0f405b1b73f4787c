"""Find the person behind a ServiceNow account, and doubt whoever could be two people."""

from __future__ import annotations

import re

from approvals.models import Person
from approvals.services import people
from integrations.servicenow.approvers import Approver
from integrations.servicenow.changes import SYS_ID
from integrations.servicenow.configuration import Configuration
from integrations.servicenow.wire import Wire, records, text

KIND = "servicenow"
USERS = "/api/now/table/sys_user"
USER_NAME = re.compile(r"[^\s^,=<>]{1,100}")
LOOKS_LIKE_A_SYS_ID = re.compile(r"[0-9a-f]{32}")


def acted_alone(row: Approver) -> bool:
    """Say whether the person asked wrote the row, as far as ServiceNow tells.

    An administrator, a script or a delegate can write an answer into somebody's row, and what they
    write is not that person's decision. Where nobody is named, the row speaks for its person.
    """
    return not row.updated_by or row.updated_by in (row.user_name, row.user)


def person_of(row: Approver, *, wire: Wire, settings: Configuration) -> Person | None:
    """The active person whose decision a row holds; None for somebody unknown. Raises DeliveryError.

    The person asked, if they wrote it themselves, else whoever did, by their user name.
    """
    if acted_alone(row):
        return person_asked(row, wire=wire, settings=settings)
    return _known("", row.updated_by)


def person_asked(row: Approver, *, wire: Wire, settings: Configuration) -> Person | None:
    """The active person a row asks, whoever may have written it. Raises DeliveryError."""
    return _known(row.user, row.user_name) or _by_email(row.email, wire, settings)


def _known(sys_id: str, user_name: str) -> Person | None:
    """By sys_id or user name; nobody, when the two belong to two people."""
    names = [sys_id] if SYS_ID.fullmatch(sys_id) else []
    if USER_NAME.fullmatch(user_name) and not LOOKS_LIKE_A_SYS_ID.fullmatch(user_name):
        names.append(user_name)
    found = [people.by_identity(kind=KIND, external_id=name) for name in names]
    known = {person.pk: person for person in found if person is not None}
    return next(iter(known.values())) if len(known) == 1 else None


def _by_email(email: str, wire: Wire, settings: Configuration) -> Person | None:
    """By an address that exactly one active account there has; only where the operator trusts them."""
    if not settings.link_by_email or "@" not in email or not USER_NAME.fullmatch(email):
        return None
    query = {
        "sysparm_query": f"email={email}^active=true",
        "sysparm_fields": "sys_id,email,active,locked_out",
        "sysparm_limit": "5",
    }
    users = [
        user
        for user in records(wire.call("GET", USERS, query=query))
        if text(user, "email").lower() == email.lower()
    ]
    if len(users) != 1 or text(users[0], "locked_out") == "true":
        return None
    return people.by_email(email)
