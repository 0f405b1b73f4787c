"""What waits is read once; afterwards only what changed is, and the result is what a fresh reading gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Person, Team
from approvals.models.desk import Assignment
from approvals.queries.board import board
from approvals.services import clock, lifecycle, more_time
from tests.support import cast

pytestmark = pytest.mark.django_db
Change = Callable[[list[ApprovalRequest]], object]


def ask(row: ApprovalRequest) -> None:
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Which tables?")


def add_time(row: ApprovalRequest) -> None:
    more_time.add(ref=row.ref, person=cast.person("lin"), at=clock.now())


def assign(row: ApprovalRequest) -> None:
    lin = cast.person("lin")
    Assignment.objects.create(request=row, person=lin, by=lin, at=clock.now())


def give_away(row: ApprovalRequest) -> None:
    row.agent.owner = cast.person("grace")
    row.agent.save()


def rename(row: ApprovalRequest) -> None:
    Team.objects.exclude(name=row.agent.name).update(title="Somebody")


def leave_the_team(row: ApprovalRequest) -> None:
    cast.decide(row, cast.person("ada"))
    board(board())
    cast.person("ada").memberships.all().delete()


CHANGES: dict[str, Change] = {
    "nothing": lambda rows: rows,
    "one was denied": lambda rows: cast.decide(
        rows[0], cast.person("lin"), Verdict.DENY, "Not today."
    ),
    "one of two approved": lambda rows: cast.decide(rows[1], cast.person("ada")),
    "a question is open": lambda rows: ask(rows[0]),
    "time was added": lambda rows: add_time(rows[0]),
    "it was withdrawn": lambda rows: lifecycle.cancel(
        ref=rows[2].ref, agent=rows[2].agent, at=clock.now()
    ),
    "a new one waits": lambda rows: cast.request(rows[0].agent, parameters={"number": 77}),
    "an identical one joins": lambda rows: cast.request(rows[0].agent, parameters={"number": 0}),
    "it was given to somebody": lambda rows: assign(rows[0]),
    "its agent has another owner": lambda rows: give_away(rows[0]),
    "an approver left the team": lambda rows: leave_the_team(rows[1]),
    "a team is called otherwise": lambda rows: rename(rows[0]),
}


@pytest.fixture
def rows() -> list[ApprovalRequest]:
    robo = cast.agent()[0]
    return [
        cast.request(robo, parameters={"number": 0}),
        cast.request(robo, **cast.HIGH),
        cast.request(robo, parameters={"number": 2}),
    ]


@pytest.mark.parametrize("name", CHANGES)
def test_reading_what_changed_gives_what_reading_everything_gives(
    rows: list[ApprovalRequest], name: str
) -> None:
    before = board()
    CHANGES[name](rows)

    after, fresh = board(before), board()

    assert after.cards == fresh.cards
    assert (after.titles, after.is_cut) == (fresh.titles, fresh.is_cut)
    assert [card.row.chain_head for card in after.cards] == [
        card.row.chain_head for card in fresh.cards
    ]


def test_what_stands_as_it_was_is_not_read_again(rows: list[ApprovalRequest]) -> None:
    before = board()
    ask(rows[0])

    with CaptureQueriesContext(connection) as caught:
        after = board(before)

    kept = {id(card) for card in before.cards} & {id(card) for card in after.cards}
    assert len(kept) == len(rows) - 1
    whole = [query["sql"] for query in caught if '"plan"' in query["sql"]]
    assert len(whole) == 1
    assert str(rows[2].pk) not in whole[0].partition("WHERE")[2]


def test_more_that_waits_costs_no_more_statements(rows: list[ApprovalRequest]) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            board()
        return len(caught)

    cast.decide(rows[1], cast.person("ada"))
    few = cost()
    for number in range(20):
        row = cast.request(rows[0].agent, **cast.HIGH | {"target": f"more-{number}"})
        cast.decide(row, cast.person("ada"))

    assert cost() == few


def test_people_are_not_mixed_up(rows: list[ApprovalRequest]) -> None:
    """A card that somebody approved is theirs alone, also where nothing else tells it from another."""
    cast.decide(rows[1], cast.person("ada"))
    first = board()
    cast.decide(rows[1], cast.person("grace"))
    after = board(first)

    assert rows[1].pk not in {card.row.pk for card in after.cards}
    assert Person.objects.filter(decisions__request=rows[1].pk).count() == 2


@pytest.mark.parametrize("is_read_anew", [False, True])
def test_what_closes_while_it_is_read_keeps_its_approvals(
    rows: list[ApprovalRequest], is_read_anew: bool
) -> None:
    """Nobody is shown a request that was approved once as if nobody had, not even for a moment."""
    cast.decide(rows[1], cast.person("ada"))
    before = None if is_read_anew else board()
    grace, pending = cast.person("grace"), [rows[1]]

    def close_first(execute: Any, sql: str, *rest: Any) -> Any:
        if "approvals_decision" in sql and pending:
            cast.decide(pending.pop(), grace, Verdict.DENY, "Not today.")
        return execute(sql, *rest)

    with connection.execute_wrapper(close_first):
        after = board(before)

    assert not pending
    [card] = [card for card in after.cards if card.row.pk == rows[1].pk]
    assert [seat.approver.name for seat in card.state.approvals] == ["Ada"]
