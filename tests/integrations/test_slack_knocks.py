"""Clicks that take longer than Slack waits: written down, answered, and decided once whatever dies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Barrier, Event, Thread, current_thread
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Decision, Knock
from approvals.services import clock, knocks, timers
from approvals.services.knocks import Kept
from integrations.slack import app
from integrations.slack import knocks as clicks
from tests.fakes import knocks as fakes
from tests.fakes.slack import broken
from tests.fakes.slack_late import HOOK, LateSlack
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown, words_of

pytestmark = [
    pytest.mark.urls("integrations.slack.urls"),
    pytest.mark.django_db(transaction=True),
]
FORM = "application/x-www-form-urlencoded"


class FarDatabase:
    """Lets nothing through that is asked after a click was written down, until it comes near."""

    def __init__(self) -> None:
        self.near = Event()

    def watch(self, connection: Any, **_: object) -> None:
        if current_thread().name == "hand":
            connection.execute_wrappers.append(self._wait)

    def _wait(self, execute: Callable[..., Any], *asked: Any) -> Any:
        self.near.wait(20)
        return execute(*asked)


@pytest.fixture
def far(settings: Any) -> Iterator[FarDatabase]:
    settings.SLACK_ANSWER_SECONDS = 0.4
    far = FarDatabase()
    connection_created.connect(far.watch)
    yield far
    connection_created.disconnect(far.watch)
    far.near.set()
    eventually(lambda: not Knock.objects.filter(done_at=None, leased_until__gt=clock.now()))


@pytest.fixture
def slack(settings: Any) -> Iterator[LateSlack]:
    with LateSlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.slack.adapter.SlackAdapter"]
        yield fake


def eventually(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + 20
    while not (found := look()):
        assert time.monotonic() < until, "It did not happen."
        time.sleep(0.02)
    return found


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def left_behind(knocked: fakes.Knock) -> Kept:
    """A click whose process died as soon as it was written down."""
    kept = clicks.keep(knocked.body, key="k", content_type=FORM, authenticated_by=app.SIGNED)
    assert kept is not None
    return kept


def let_go() -> None:
    """Whoever held a click has lost it."""
    Knock.objects.update(leased_until=clock.now() - timedelta(seconds=1))


def do_due() -> int:
    let_go()
    return knocks.do_due()


def test_slack_is_answered_in_time_and_the_click_counts_after(
    slack: LateSlack, far: FarDatabase
) -> None:
    row = cast.request()
    linked("lin")
    click = slack.click(shown(slack, row), "approve")
    began = time.monotonic()
    answer = knock(click)
    assert (answer.status_code, answer.content) == (200, b"")
    assert time.monotonic() - began < 3
    assert status(row) == Status.PENDING
    kept = Knock.objects.get()
    assert kept.done_at is None
    far.near.set()
    eventually(lambda: status(row) == Status.APPROVED)
    kept.refresh_from_db()
    assert (kept.done_at is not None, bytes(kept.body), kept.facts) == (True, b"", {})
    assert Decision.objects.get(request=row).at == kept.received_at
    assert (slack.views, slack.told, slack.whispers) == ([], [], [])


def test_one_statement_stands_between_a_click_and_its_answer(
    slack: LateSlack, far: FarDatabase
) -> None:
    row = cast.request()
    linked("lin")
    click = slack.click(shown(slack, row), "approve")
    with CaptureQueriesContext(connection) as seen:
        knock(click)
    assert [one["sql"].split("(")[0] for one in seen] == ["INSERT INTO approvals_knock "]


def test_who_is_refused_after_the_answer_is_told_where_slack_lets_us(
    slack: LateSlack, far: FarDatabase
) -> None:
    row = cast.request()
    linked("mallory")
    knock(slack.click(shown(slack, row), "approve"))
    slack.will("views.open", "expired_trigger_id")
    far.near.set()
    told = eventually(lambda: slack.told)[0]
    assert "You are not one of them" in told["text"]
    assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)
    assert refusals(row) == ["not_an_approver"]


def test_where_that_way_is_closed_too_the_app_whispers(slack: LateSlack, far: FarDatabase) -> None:
    row = cast.request()
    linked("mallory")
    knock(slack.click(shown(slack, row), "approve"))
    slack.will("views.open", "expired_trigger_id")
    slack.will(f"{HOOK}T1/1/abc", broken())
    far.near.set()
    assert "You are not one of them" in eventually(lambda: slack.whispers)[0]["text"]


def test_words_go_to_no_address_that_is_not_slacks(slack: LateSlack, far: FarDatabase) -> None:
    row = cast.request()
    linked("mallory")
    elsewhere = "https://hooks.slack.com.example.org/actions/T1/1/abc"
    knock(slack.click(shown(slack, row), "approve", response_url=elsewhere))
    slack.will("views.open", "expired_trigger_id")
    far.near.set()
    assert eventually(lambda: slack.whispers)[0]["user"] == "U1"


def test_a_window_opens_while_its_trigger_lives_and_gets_its_words_later(
    slack: LateSlack, far: FarDatabase
) -> None:
    row = cast.request()
    linked("lin")
    answer = knock(slack.click(shown(slack, row), "deny"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert words_of(slack.windows["W1"]).startswith("We are looking up the request. Nothing is")
    far.near.set()
    eventually(lambda: slack.windows["W1"].get("callback_id") == "deny")
    assert len(slack.windows) == 1
    knock(slack.send("W1", "Wrong cluster."))
    eventually(lambda: status(row) == Status.DENIED)


def test_an_early_window_says_why_the_click_does_not_count(
    slack: LateSlack, far: FarDatabase
) -> None:
    row = cast.request()
    linked("mallory")
    knock(slack.click(shown(slack, row), "deny"))
    far.near.set()
    eventually(lambda: "You are not one of them" in words_of(slack.windows["W1"]))
    assert slack.told == []


def test_a_sent_window_claims_nothing_before_it_is_recorded(
    slack: LateSlack, far: FarDatabase
) -> None:
    row = cast.request()
    linked("lin")
    far.near.set()
    knock(slack.click(shown(slack, row), "deny"))
    eventually(lambda: slack.windows["W1"].get("callback_id") == "deny")
    far.near.clear()
    said = json.loads(knock(slack.send("W1", "Wrong cluster.")).content)
    assert said["response_action"] == "update"
    assert "It does not count until this window says so" in words_of(said["view"])
    assert status(row) == Status.PENDING
    far.near.set()
    eventually(lambda: words_of(slack.windows["W1"]).startswith("Recorded."))
    assert status(row) == Status.DENIED


def test_a_refused_answer_whose_window_was_closed_is_told_beside_it(
    slack: LateSlack, far: FarDatabase
) -> None:
    row = cast.request()
    linked("lin")
    far.near.set()
    knock(slack.click(shown(slack, row), "deny"))
    eventually(lambda: slack.windows["W1"].get("callback_id") == "deny")
    cast.decide(row, cast.person("lin"), Verdict.APPROVE)
    far.near.clear()
    sent = slack.send("W1", "Wrong cluster.")
    knock(sent)
    slack.windows.clear()
    far.near.set()
    assert "Your click changed nothing" in eventually(lambda: slack.whispers)[0]["text"]


def test_a_click_whose_process_died_is_decided_once_by_another(slack: LateSlack) -> None:
    row = cast.request()
    linked("lin")
    left_behind(slack.click(shown(slack, row), "approve"))
    assert knocks.do_due() == 0  # it is still held
    assert do_due() == 1
    assert status(row) == Status.APPROVED
    assert do_due() == 0
    decision = Decision.objects.get(request=row)
    assert (decision.channel, decision.authenticated_by) == ("slack", "slack_signature")
    assert refusals(row) == []


def test_the_same_callback_three_times_is_one(slack: LateSlack, far: FarDatabase) -> None:
    row = cast.request()
    linked("lin")
    click = slack.click(shown(slack, row), "approve")
    assert [knock(click).status_code for _ in range(3)] == [200, 200, 200]
    assert Knock.objects.count() == 1
    far.near.set()
    eventually(lambda: status(row) == Status.APPROVED)
    assert knock(click).status_code == 200
    assert (Decision.objects.count(), refusals(row)) == (1, [])


def test_who_lost_a_click_to_another_writes_nothing_of_it(slack: LateSlack) -> None:
    row = cast.request()
    linked("lin")
    first = left_behind(slack.click(shown(slack, row), "approve"))
    Knock.objects.update(attempts=2)  # another has taken it
    with knocks.in_hand(first):
        clicks.Clicks().do(first)
    assert first.is_lost
    assert (Decision.objects.count(), status(row)) == (0, Status.PENDING)
    assert (refusals(row), slack.told, slack.views) == ([], [], [])
    Knock.objects.update(attempts=1)
    assert do_due() == 1
    assert status(row) == Status.APPROVED


def test_two_who_look_at_once_have_one_effect(slack: LateSlack) -> None:
    rows = [cast.request(target=f"service-{number}") for number in range(6)]
    linked("lin")
    for number, row in enumerate(rows):
        click = slack.click(shown(slack, row), "approve")
        facts = {"type": FORM, "by": app.SIGNED}
        knocks.keep(provider="slack", key=str(number), body=click.body, facts=facts)
    let_go()
    together, done = Barrier(3), []

    def work() -> None:
        together.wait()
        done.append(knocks.do_due())
        connection.close()

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [status(row) for row in rows] == [Status.APPROVED] * 6
    assert sum(done) == Decision.objects.count() == 6
    assert [refusals(row) for row in rows] == [[]] * 6


def overdue(slack: LateSlack) -> tuple[ApprovalRequest, fakes.Knock]:
    """A request whose time ran out a minute ago, and a click that came in two minutes ago."""
    probe = cast.request(target="probe")
    lasts = probe.expires_at - probe.created_at
    row = cast.request(at=clock.now() - lasts - timedelta(minutes=1))
    click = slack.click(shown(slack, row), "approve")
    left_behind(click)
    Knock.objects.update(received_at=clock.now() - timedelta(minutes=2))
    return row, click


def test_a_click_that_came_in_time_counts_however_late_it_is_done(slack: LateSlack) -> None:
    linked("lin")
    row, _ = overdue(slack)
    assert do_due() == 1
    assert (status(row), slack.told) == (Status.APPROVED, [])


def test_nothing_reopens_what_has_expired_meanwhile(slack: LateSlack) -> None:
    linked("lin")
    row, _ = overdue(slack)
    timers.fire_due(at=clock.now())
    assert status(row) == Status.EXPIRED
    assert do_due() == 1
    assert status(row) == Status.EXPIRED
    assert "It expired at" in slack.told[0]["text"]


def test_a_click_nobody_could_do_is_given_up_in_history_and_in_words(slack: LateSlack) -> None:
    row = cast.request()
    linked("lin")
    left_behind(slack.click(shown(slack, row), "approve"))
    Knock.objects.update(received_at=clock.now() - knocks.OLDEST)
    assert do_due() == 1
    assert status(row) == Status.PENDING
    assert refusals(row) == ["given_up"]
    assert slack.told[0]["text"].startswith("Not counted. We could not record your click in time")
    assert do_due() == 0


def test_a_bug_met_in_one_is_tried_again_and_stops_no_other(slack: LateSlack) -> None:
    row = cast.request()
    linked("lin")
    knocks.keep(provider="slack", key="bad", body=b"{}", facts={"by": app.SIGNED})
    left_behind(slack.click(shown(slack, row), "approve"))
    assert do_due() == 2
    assert status(row) == Status.APPROVED
    failed = Knock.objects.get(done_at=None)
    assert (failed.key, failed.attempts, failed.last_error) == ("bad", 2, "KeyError: 'type'")


def test_what_cannot_be_written_down_is_refused_in_words(slack: LateSlack) -> None:
    row = cast.request()
    linked("lin")
    click = slack.click(shown(slack, row), "approve")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_knock RENAME TO approvals_knock_away")
    try:
        answer = knock(click)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE approvals_knock_away RENAME TO approvals_knock")
    assert answer.status_code == 503
    assert "Nothing was decided" in json.loads(answer.content)["detail"]
    assert status(row) == Status.PENDING


def test_old_ones_are_forgotten(slack: LateSlack) -> None:
    row = cast.request()
    left_behind(slack.click(shown(slack, row), "approve"))
    knocks.forget_old(at=clock.now() + knocks.KEPT - timedelta(minutes=1))
    assert Knock.objects.count() == 1
    knocks.forget_old(at=clock.now() + knocks.KEPT + timedelta(minutes=1))
    assert Knock.objects.count() == 0
