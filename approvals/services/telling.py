"""Tell an address something about a request beside its card: why a click there did not count."""

from __future__ import annotations

from datetime import datetime

from approvals.models import ApprovalRequest, Delivery
from approvals.ports import MessageKind
from approvals.services import bell


def tell(row: ApprovalRequest, *, adapter: str, address: str, words: str, at: datetime) -> None:
    """Promise a note to one address, for doors that must answer before their vendor could be called."""
    Delivery.objects.create(
        adapter=adapter,
        address=address,
        kind=MessageKind.NOTE.value,
        request=row,
        words=words,
        due_at=at,
        created_at=at,
    )
    bell.ring_on_commit(str(row.public_id))
