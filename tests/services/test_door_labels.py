"""Labels that adapters believe are set by doors of this service, never by an agent."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain import errors
from approvals.models import ApprovalRequest, Delivery
from approvals.ports import OURS
from approvals.services import asking, clock, telling
from tests.support import cast

pytestmark = pytest.mark.django_db
LABEL = f"{OURS}github"


def submit(**words: Any) -> ApprovalRequest:
    row, _ = asking.submit(
        agent=cast.agent()[0],
        key=None,
        submission=cast.submission(labels={LABEL: "x"}),
        idempotency_key=None,
        at=clock.now(),
        **words,
    )
    return row


def test_an_agent_cannot_set_a_label_of_ours() -> None:
    with pytest.raises(errors.Invalid, match="kept for the service"):
        submit()
    assert not ApprovalRequest.objects.exists()


def test_a_door_can() -> None:
    row = submit(by_door=True)
    assert row.submission["labels"] == {LABEL: "x"}


def test_an_address_is_told_beside_the_card() -> None:
    row = submit(by_door=True)
    telling.tell(row, adapter="x", address="there", words="Not counted.", at=clock.now())
    [promised] = Delivery.objects.filter(adapter="x")
    assert (promised.kind, promised.words, promised.request_id) == ("note", "Not counted.", row.pk)
