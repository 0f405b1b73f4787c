"""Say whether a click was made on a card of this service, and who made it."""

from __future__ import annotations

from contextlib import suppress

from approvals import queries
from approvals.domain import errors
from approvals.models import ApprovalRequest, Person, Receipt
from approvals.services import clock, lifecycle, people
from integrations.teams import configuration, linking, rooms, sayings, seals
from integrations.teams.actions import UNDO
from integrations.teams.activities import Account
from integrations.teams.presses import Click
from integrations.teams.seals import Carried

NOT_OURS = (
    "This button was not made by this service for this message. Open the request itself to decide."
)
FOREIGN = "Your Teams account belongs to another organisation."


class Tampered(errors.NotAllowed):
    """The action does not belong to the card it was clicked on."""

    code = "not_our_button"


class Foreign(errors.NotAllowed):
    """The account belongs to an organisation whose people may not decide here."""

    code = "foreign_tenant"


def trusted(click: Click) -> tuple[ApprovalRequest, Carried]:
    """The request an action stands for. Raises Tampered, Changed or NotFound."""
    carried = seals.read(click.sealed)
    if carried is None:
        raise Tampered(_none(click, NOT_OURS))
    row = queries.request(carried.request)
    if not _is_ours(row, carried, click):
        _write_down(click, carried.request, _none(click, NOT_OURS), reason=Tampered.code)
        raise Tampered(_none(click, NOT_OURS))
    if not row.action_sha256.startswith(carried.shown):
        words = "The request changed after this message was drawn."
        raise errors.Changed(_none(click, f"{words} Read version {row.version}."))
    return row, carried


def _none(click: Click, why: str) -> str:
    """Why it changed nothing, after what it did not do."""
    return f"{sayings.of(click).in_short} {why}"


def person(click: Click) -> Person | None:
    """Who clicked; None and a line of history for somebody unknown. Raises Foreign."""
    carried = seals.read(click.sealed)
    request = carried.request if carried else ""
    if not is_at_home(click.account):
        _write_down(click, request, _none(click, FOREIGN), reason=Foreign.code)
        raise Foreign(_none(click, FOREIGN))
    found = known(click.account)
    if found is None:
        _write_down(click, request, sayings.UNKNOWN)
    return found


def known(account: Account) -> Person | None:
    """Whose account this is; nobody's where it is of another organisation, or a program's."""
    if not account.external_id or not is_at_home(account):
        return None
    for external_id in (account.external_id, account.directory_id):
        found = people.by_identity(kind=linking.KIND, external_id=external_id)
        if found is not None:
            return found
    return None


def is_at_home(account: Account) -> bool:
    """Whether it belongs to an organisation whose people decide here."""
    return account.tenant in configuration.current().tenants


def write_down_given_up(click: Click, words: str) -> None:
    """A line of history for a click that nothing came of in time, where its request is known."""
    carried = seals.read(click.sealed)
    if carried is not None:
        with suppress(errors.NotFound):
            _write_down(click, carried.request, words, reason="given_up")


def _is_ours(row: ApprovalRequest, carried: Carried, click: Click) -> bool:
    """Say whether this service sealed this action, for what it does, in this message.

    The receipt names the message. Until it is written, a moment after Teams shows the message, the
    conversation alone must do.
    """
    undoes = carried.newest is not None
    if undoes is not (click.verb == UNDO):
        return False
    if not seals.is_genuine(carried, conversation=click.conversation):
        return False
    receipts = Receipt.objects.filter(request=row, adapter=rooms.ADAPTER)
    here = [
        handle["message"]
        for handle in receipts.values_list("handle", flat=True)
        if handle.get("conversation") == click.conversation
    ]
    return click.message in here if here else bool(click.message)


def _write_down(click: Click, request: str, words: str, *, reason: str = "unknown_person") -> None:
    if not click.changes:
        return  # a view was asked for, and there is no attempt to write down
    lifecycle.refuse_stranger(
        ref=request,
        who=str(click.account),
        verdict=click.verb,
        channel=rooms.ADAPTER,
        words=words,
        reason=reason,
        at=clock.now(),
    )
