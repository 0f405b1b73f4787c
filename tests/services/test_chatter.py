"""What people may write beside a request: notes of bystanders void no click, and nobody floods it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from approvals import queries
from approvals.domain import errors
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, AuditEvent
from approvals.services import answers, chatter, lifecycle
from tests.domain.scene import NOON, minutes
from tests.support import cast


def write(row: ApprovalRequest, name: str, *, at: datetime) -> ApprovalRequest:
    return lifecycle.add_message(ref=row.ref, text="A word.", person=cast.person(name), at=at)


def refusals(row: ApprovalRequest) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(request=row, type="decision.refused").order_by("seq"))


@pytest.mark.parametrize(("name", "raised"), [("mallory", 0), ("chen", 0), ("lin", 1), ("sam", 1)])
def test_only_words_of_those_concerned_change_what_was_shown(name: str, raised: int) -> None:
    row = cast.request(at=NOON)

    written = write(row, name, at=minutes(1))

    assert written.version - row.version == raised
    assert queries.request(row.ref).messages.count() == 1


def test_a_bystanders_note_voids_no_click() -> None:
    row = cast.request(at=NOON)
    write(row, "mallory", at=minutes(1))

    lifecycle.decide(
        ref=row.ref,
        person=cast.person("lin"),
        verdict=Verdict.APPROVE,
        version=row.version,
        shown=row.action_sha256,
        at=minutes(2),
    )

    assert queries.request(row.ref).status == "approved"


@pytest.mark.parametrize(("name", "most"), [("mallory", 5), ("lin", 30), ("sam", 30)])
def test_nobody_writes_without_end_and_the_refusal_is_on_record_once(name: str, most: int) -> None:
    row = cast.request(at=NOON)
    for number in range(most):
        write(row, name, at=NOON + timedelta(seconds=number))

    for second in (50, 51, 52):
        with pytest.raises(errors.TooMany, match=f"{most} messages within an hour") as no:
            write(row, name, at=NOON + timedelta(seconds=second))
        assert no.value.facts["retry_after"] == 3_600 - second

    assert row.messages.count() == most
    [told] = refusals(row)
    assert told.entry["detail"]["refused_because"] == "too_many"
    other = "grace" if name == "mallory" else "mallory"
    write(row, other, at=NOON + timedelta(seconds=53))


def test_after_an_hour_there_is_room_again() -> None:
    row = cast.request(at=NOON, **cast.CRITICAL)
    for number in range(chatter.MOST_BESIDE):
        write(row, "mallory", at=NOON + timedelta(seconds=number))
    with pytest.raises(errors.TooMany):
        write(row, "mallory", at=minutes(59))

    write(row, "mallory", at=minutes(60))

    with pytest.raises(errors.TooMany):
        write(row, "mallory", at=minutes(60))
    assert row.messages.count() == chatter.MOST_BESIDE + 1


def test_answers_from_elsewhere_count_with_the_rest() -> None:
    row = cast.request(at=NOON)
    for number in range(chatter.MOST_CONCERNED):
        write(row, "lin", at=NOON + timedelta(seconds=number))

    with pytest.raises(errors.TooMany):
        answers.answer(ref=row.ref, person=cast.person("lin"), text="More.", at=minutes(1))


def test_a_closed_request_says_so_before_it_counts_words() -> None:
    row = cast.request(at=NOON)
    for number in range(chatter.MOST_BESIDE):
        write(row, "mallory", at=NOON + timedelta(seconds=number))
    cast.decide(row, cast.person("lin"), at=minutes(1))

    with pytest.raises(errors.AlreadyDecided):
        write(row, "mallory", at=minutes(2))
    assert refusals(row) == []
