"""Ask somebody by name to look at a request. It gives no right to decide and takes none away."""

from __future__ import annotations

from datetime import datetime

from approvals.domain import errors
from approvals.domain.state import RequestState
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, Delivery, Identity, Person
from approvals.models.desk import Assignment
from approvals.models.requests import lookup
from approvals.ports import Calling, MessageKind
from approvals.services import actors, adapters, ledger
from approvals.services.moves import Aside


def assign(*, ref: str, person: Person, by: Person, at: datetime) -> ApprovalRequest:
    """Write down who asked whom, and tell them where a channel reaches them; once for each person.

    Raises NotFound, AlreadyDecided for what no longer waits, Invalid for somebody who cannot sign in.
    """
    if not person.is_active:
        raise errors.Invalid(f"{person} is disabled. Nobody was assigned.", field="person")

    def move(state: RequestState) -> Aside | None:
        if state.status.is_final:
            raise errors.AlreadyDecided(
                f"It is {state.status} already, so nobody was assigned.", status=state.status.value
            )
        return Aside(EventKind.ASSIGNED, {"person": person.email}, also)

    def also(row: ApprovalRequest) -> None:
        _, is_new = Assignment.objects.get_or_create(
            request=row, person=person, defaults={"by": by, "at": at}
        )
        if is_new:
            _tell(row, person, by=by, at=at)

    row = ApprovalRequest.objects.filter(**lookup(ref)).first()
    if row is not None and Assignment.objects.filter(request=row, person=person).exists():
        return row
    return ledger.transition(ref, move, actor=actors.person(by), at=at)


def _tell(row: ApprovalRequest, person: Person, *, by: Person, at: datetime) -> None:
    """The card and a note to each account through which an adapter writes to people themselves."""
    accounts = dict(Identity.objects.filter(person=person).values_list("kind", "external_id"))
    words = f"{by} asked you to look at this request."
    for adapter in adapters.enabled().values():
        if not isinstance(adapter, Calling) or adapter.name not in accounts:
            continue
        address = adapter.direct(accounts[adapter.name])
        if address:
            # The card first: a note answers it.
            Delivery.objects.bulk_create(
                Delivery(
                    adapter=adapter.name,
                    address=address,
                    kind=kind.value,
                    request=row,
                    words=words if kind is MessageKind.NOTE else "",
                    due_at=at,
                    created_at=at,
                )
                for kind in (MessageKind.CARD, MessageKind.NOTE)
            )
