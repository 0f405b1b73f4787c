"""Two seats take two people, and nothing runs before both have spoken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.domain import errors
from approvals.models import Agent
from approvals.services import clock, grants
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page


def test_one_person_cannot_be_two_a_second_finishes_it_and_nothing_ran_before(
    at: Callable[[str], Browser], robo: Agent
) -> None:
    ada, grace = at("ada"), at("grace")
    row = cast.request(robo, **cast.HIGH)

    def runs() -> str:
        return grants.consume(
            ref=row.ref, agent=robo, key="k", parameters=None, at=clock.now()
        ).status

    fields = ada.get(f"/r/{row.ref}").form("approve")
    assert ada.send(row.ref, "approve").status_code == 302
    again = ada.client.post(f"/r/{row.ref}/decide", fields)
    assert again.status_code == 409
    said = Page(again.content.decode()).text
    assert "A different person must approve next." in said
    assert row.decisions.count() == 1
    with pytest.raises(errors.NotApproved):
        runs()

    assert grace.send(row.ref, "approve").status_code == 302

    row.refresh_from_db()
    assert row.status == "approved"
    assert {given.person.name for given in row.decisions.all()} == {"Ada", "Grace"}
    assert runs() == "approved"
