"""Whose Teams shall ask for a view of their own: those who may decide, as far as they are known."""

from __future__ import annotations

from approvals import queries
from approvals.domain.errors import NoSuchRequest
from approvals.models import Identity, Place, states
from integrations.teams.cards import MOST_VIEWERS
from integrations.teams.linking import KIND


def of(request: str, place: Place) -> tuple[str, ...]:
    """How Teams addresses the approvers who were seen in this place, sixty at most."""
    try:
        row = queries.request(request)
    except NoSuchRequest:
        return ()
    state = states.of(row, decisions=row.decisions.all())
    asked = {person.pk for _, people in queries.approvers_of(state) for person in people}
    accounts = Identity.objects.filter(kind=KIND, person__in=asked).values_list(
        "external_id", flat=True
    )
    known = {address for each in accounts for address in [_address(each, place)] if address}
    return tuple(sorted(known)[:MOST_VIEWERS])


def _address(account: str, place: Place) -> str:
    """An account may be linked with its organisation in front, or as its directory id alone."""
    exact = place.members.get(account)
    if exact or ":" in account:
        return str(exact or "")
    found = (to for who, to in place.members.items() if who.partition(":")[2] == account)
    return str(next(found, ""))
