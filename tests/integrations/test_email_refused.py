"""When the server takes a letter for some of a team: the others get theirs, and nobody gets two."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Delivery, Receipt
from approvals.models.workspaces import Shows
from approvals.queries import troubles
from approvals.services import clock, deliveries, showing
from tests.fakes import smtp
from tests.fakes.smtp import MailServer
from tests.integrations.test_email_contract import MailStand, configured
from tests.support import cast

pytestmark = pytest.mark.django_db
BOARD = "change-board"
CHEN, DANA = "chen@example.com", "dana@example.com"


@pytest.fixture
def stand(settings: Any) -> Iterator[MailStand]:
    with MailServer() as server:
        configured(settings, server)
        settings.ADAPTERS = ["integrations.email.EmailAdapter"]
        settings.EMAIL_TO = [BOARD]
        cast.person("chen"), cast.person("dana")
        yield MailStand(server)
        assert server.complaints == []


@pytest.fixture
def row(stand: MailStand) -> ApprovalRequest:
    return cast.request(**cast.CRITICAL)


def send(*, after: timedelta = timedelta(0)) -> datetime:
    at = clock.now() + after
    deliveries.send_due(now=lambda: at)
    return at


def letters_to(stand: MailStand, who: str) -> list[smtp.Mail]:
    return [mail for mail in stand.taken if who in mail.to]


def told(row: ApprovalRequest) -> list[str]:
    return [each.words for each in troubles.of(row, now=clock.now())]


def test_who_is_put_off_gets_the_letter_later_and_nobody_gets_two(
    stand: MailStand, row: ApprovalRequest
) -> None:
    stand.server.unknown = {DANA: 450}
    send()
    assert [mail.to for mail in stand.taken] == [[CHEN]]
    [words] = told(row)
    assert "Not delivered to email change-board > dana@example.com" in words.replace(
        "E-mail", "email"
    )
    assert "450 no such mailbox" in words
    stand.server.unknown = {}
    send(after=timedelta(seconds=40))
    assert [mail.to for mail in stand.taken] == [[CHEN], [DANA]]
    first, second = stand.taken
    assert second.text == first.text
    assert second.message["Subject"] == first.message["Subject"]
    assert second.message["References"] == first.message["Message-ID"]
    assert str(second.message["To"]) == f"{BOARD} team:;"
    assert told(row) == []
    send(after=timedelta(days=2))
    assert len(stand.taken) == 2


def test_who_is_refused_for_good_stands_on_the_request_and_can_be_tried_again(
    stand: MailStand, row: ApprovalRequest
) -> None:
    stand.server.unknown = {DANA: 550}
    send()
    [words] = told(row)
    assert words.startswith("Given up: ")
    assert DANA in words
    assert "550" in words
    [dead] = Delivery.objects.filter(state="dead")
    stand.server.unknown = {}
    deliveries.resend(dead.pk, at=clock.now())
    send()
    assert [mail.to for mail in stand.taken] == [[CHEN], [DANA]]


def test_a_worker_that_dies_before_writing_it_down_repeats_the_same_letter(
    stand: MailStand, row: ApprovalRequest
) -> None:
    stand.server.unknown = {DANA: 450}
    send()
    Delivery.objects.filter(address__contains=DANA).delete()
    Receipt.objects.all().delete()  # as if the transaction after the server's answer never came
    Delivery.objects.filter(request=row).update(state="waiting", finished_at=None)
    send(after=timedelta(minutes=1))
    first, again = letters_to(stand, CHEN)
    assert again.message["Message-ID"] == first.message["Message-ID"]
    assert Delivery.objects.filter(address__contains=DANA).count() == 1


def test_who_has_the_first_letter_is_not_shown_the_next_one_as_a_copy(
    stand: MailStand, row: ApprovalRequest
) -> None:
    send()
    stand.server.unknown = {DANA: 450}
    cast.decide(row, cast.person("chen"), Verdict.DENY, "No.")
    send()
    stand.server.unknown = {}
    send(after=timedelta(minutes=1))
    [thread] = stand.server.threads()
    assert len(thread) == 3
    first, last = letters_to(stand, DANA)
    assert "No action is needed" in last.text
    assert last.message["Message-ID"] != first.message["Message-ID"]
    assert last.thread == first.thread


def test_who_left_the_team_meanwhile_is_not_written_to(
    stand: MailStand, row: ApprovalRequest
) -> None:
    stand.server.unknown = {DANA: 450}
    send()
    stand.server.unknown = {}
    gone = cast.person("dana")
    gone.is_active = False
    gone.save()
    send(after=timedelta(minutes=1))
    assert letters_to(stand, DANA) == []
    assert not Delivery.objects.filter(state="waiting").exists()


def test_alone_they_see_no_more_than_their_team_may(stand: MailStand, row: ApprovalRequest) -> None:
    stand.server.unknown = {DANA: 450}
    showing.change(
        adapter="email", address=BOARD, shows=Shows.NOTHING, actor=cast.OPERATOR, at=clock.now()
    )
    send()
    stand.server.unknown = {}
    send(after=timedelta(minutes=1))
    shown = [mail.text for mail in stand.taken]
    assert shown[0] == shown[1]
    assert row.target not in shown[1]
