"""Once a day who leads a team hears what expired undecided before it: all of it, once, and nothing else."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain import asked, search
from approvals.domain.plan import Plan, Requirement, Rung, Stage
from approvals.domain.policy import on_call, superiors
from approvals.domain.terms import Approval, RiskLevel, Verdict
from approvals.models import ApprovalRequest, Delivery, Person, Replay
from approvals.models.workspaces import Shows
from approvals.ports import DeliveryError
from approvals.project import environment
from approvals.queries import expired, history
from approvals.services import expired_lists, expired_rounds, quiet, replays, showing
from tests.support import cast
from tests.support.expired import Letterbox, manages, undecided

pytestmark = pytest.mark.django_db
NINE = datetime(2027, 1, 13, 9, tzinfo=UTC)  # a Wednesday
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SOON = 3 * MINUTE  # after nine, when all that expired before is written


@pytest.fixture
def box(settings: Any) -> Letterbox:
    settings.EXPIRED_LIST_AT = "09:00"
    settings.DIGEST_ZONE = "UTC"
    settings.PUBLIC_URL = "https://approvals.example.com"
    return Letterbox()


@pytest.fixture
def vera(box: Letterbox) -> Person:
    """Vera, who manages Lin and Sam, the leads who are asked; the box knows her since Tuesday."""
    vera = cast.person("vera", teams=())
    manages(vera, cast.person("lin"), cast.person("sam"))
    cast.agent()
    expired_rounds.tell(box, at=NINE - DAY + SOON)
    return vera


def at(moment: datetime, box: Letterbox) -> dict[str, list[str]]:
    expired_rounds.tell(box, at=moment)
    return box.told()


def test_who_manages_the_asked_hears_once_of_what_expired(box: Letterbox, vera: Person) -> None:
    first = undecided("production-api", NINE - 5 * HOUR)
    second = undecided("billing-api", NINE - HOUR)
    assert (first.status, first.risk) == ("expired", "medium")

    assert at(NINE - MINUTE, box) == {}
    assert at(NINE + SOON, box) == {"Vera": [second.ref, first.ref]}
    assert at(NINE + 2 * SOON, box) == {}
    assert at(NINE + DAY + SOON, box) == {}


def test_the_next_list_begins_where_the_last_ended(box: Letterbox, vera: Person) -> None:
    before = undecided("production-api", NINE - timedelta(seconds=1))
    on_time = undecided("billing-api", NINE)

    assert at(NINE + SOON, box) == {"Vera": [before.ref]}
    assert at(NINE + DAY + SOON, box) == {"Vera": [on_time.ref]}


def test_only_what_expired_at_low_and_medium_is_listed(box: Letterbox, vera: Person) -> None:
    for changes in (cast.HIGH, cast.CRITICAL):
        cast.request(at=NINE - 2 * DAY, **changes)
    expired = undecided("production-api", NINE - HOUR)
    denied = cast.request(at=NINE - HOUR, target="other-api")
    cast.decide(denied, cast.person("lin"), Verdict.DENY, "No.", at=NINE - HOUR + MINUTE)

    assert {row["status"] for row in _all()} == {"expired", "denied"}
    assert at(NINE + SOON, box) == {"Vera": [expired.ref]}


def test_each_lead_reads_of_their_own_teams_alone(box: Letterbox, vera: Person) -> None:
    walt = cast.person("walt", teams=())
    manages(walt, cast.person("grace"), cast.person("chen"))
    xenia = cast.person("xenia", teams=())
    manages(xenia, cast.person("ada"))
    row = undecided("production-api", NINE - HOUR)

    assert at(NINE + SOON, box) == {"Vera": [row.ref]}  # the others are new, and begin at nine
    later = undecided("billing-api", NINE + HOUR)
    assert at(NINE + DAY + SOON, box) == {"Vera": [later.ref], "Xenia": [later.ref]}


def test_a_team_that_was_not_reached_was_not_asked(box: Letterbox, vera: Person) -> None:
    xenia = cast.person("xenia", teams=())
    manages(xenia, cast.person("ada"))
    at(NINE - DAY + SOON, box)
    Replay.objects.all().delete()
    at(NINE - DAY + SOON, box)
    row = undecided("production-api", NINE - HOUR, expires_in="4m")

    assert (row.status, row.rung) == ("expired", 0)
    assert at(NINE + SOON, box) == {"Vera": [row.ref]}


def test_where_nobody_manages_the_asked_the_team_leads_hear(box: Letterbox) -> None:
    for name in ("lin", "sam", "ada"):
        cast.person(name)
    at(NINE - DAY + SOON, box)
    row = undecided("production-api", NINE - HOUR)

    assert at(NINE + SOON, box) == {"Lin": [row.ref], "Sam": [row.ref]}


def test_somebody_disabled_neither_hears_nor_leads(box: Letterbox, vera: Person) -> None:
    Person.objects.filter(pk=vera.pk).update(is_active=False)
    at(NINE - DAY + 30 * MINUTE, box)  # the team leads are found out
    row = undecided("production-api", NINE - HOUR)

    assert at(NINE + SOON, box) == {"Lin": [row.ref], "Sam": [row.ref]}


def test_managing_somebody_disabled_is_leading_nobody(box: Letterbox, vera: Person) -> None:
    walt = cast.person("walt", teams=())
    gone = cast.person("gone", teams=("team-leads",))
    manages(walt, gone)
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    at(NINE - DAY + 30 * MINUTE, box)
    row = undecided("production-api", NINE - HOUR)

    assert at(NINE + SOON, box) == {"Vera": [row.ref]}


def test_without_an_hour_nobody_is_told_and_nothing_is_read(
    box: Letterbox, vera: Person, settings: Any
) -> None:
    undecided("production-api", NINE - HOUR)
    settings.EXPIRED_LIST_AT = ""

    with CaptureQueriesContext(connection) as read:
        assert at(NINE + SOON, box) == {}
    assert len(read) == 0


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        # 2027-03-28: the clocks of Berlin go forward, 2027-10-31: back.
        (datetime(2027, 3, 27, tzinfo=UTC), "08:00", "07:00"),
        (datetime(2027, 10, 30, tzinfo=UTC), "07:00", "08:00"),
    ],
)
def test_the_hour_is_that_of_the_persons_own_zone_also_when_clocks_change(
    box: Letterbox, vera: Person, day: datetime, before: str, after: str
) -> None:
    quiet.keep(person=vera, begins="22:00", ends="07:00", zone="Europe/Berlin", at=NINE)
    first, second = (_on(day + n * DAY, clock) for n, clock in ((0, before), (1, after)))
    at(first - HOUR, box)
    Replay.objects.filter(key=str(vera.pk)).update(seen_at=first)
    rows = [undecided(f"api-{n}", first + n * HOUR) for n in (1, 22)]

    assert at(second - MINUTE, box) == {}
    assert at(second + SOON, box) == {"Vera": [row.ref for row in rows[::-1]]}
    assert at(second + 90 * MINUTE, box) == {}


def test_who_moves_to_another_zone_hears_all_of_it_and_once_a_day(
    box: Letterbox, vera: Person
) -> None:
    first = undecided("production-api", NINE - HOUR)
    assert at(NINE + SOON, box) == {"Vera": [first.ref]}
    quiet.keep(person=vera, begins="22:00", ends="07:00", zone="America/New_York", at=NINE)
    second = undecided("billing-api", NINE + HOUR)

    assert at(NINE + 6 * HOUR, box) == {}
    assert at(NINE + DAY + 5 * HOUR + SOON, box) == {"Vera": [second.ref]}


def test_days_in_which_nobody_looked_are_told_one_by_one(box: Letterbox, vera: Person) -> None:
    first = undecided("production-api", NINE - HOUR)
    second = undecided("billing-api", NINE + HOUR)

    assert at(NINE + DAY + SOON, box) == {"Vera": [first.ref]}
    assert at(NINE + DAY + SOON + 20 * MINUTE, box) == {"Vera": [second.ref]}


def test_a_failed_attempt_is_made_again_later_and_as_a_first(box: Letterbox, vera: Person) -> None:
    row = undecided("production-api", NINE - HOUR)
    box.faults = [DeliveryError("down")]
    with pytest.raises(DeliveryError):
        at(NINE + SOON, box)

    assert at(NINE + SOON + 2 * MINUTE, box) == {"Vera": [row.ref]}
    assert box.again == [False, False]


@pytest.mark.parametrize("fault", [DeliveryError("cut", unknown=True), RuntimeError("died")])
def test_an_attempt_of_unknown_end_is_looked_for_once_it_must_have_ended(
    box: Letterbox, vera: Person, fault: Exception
) -> None:
    row = undecided("production-api", NINE - HOUR)
    box.faults = [fault]
    with pytest.raises(type(fault)):
        at(NINE + SOON, box)

    assert at(NINE + SOON + MINUTE, box) == {}
    assert at(NINE + SOON + 3 * MINUTE, box) == {"Vera": [row.ref]}
    assert box.again == [False, True]


def test_another_process_at_the_same_moment_sends_nothing(box: Letterbox, vera: Person) -> None:
    row = undecided("production-api", NINE - HOUR)
    other = Letterbox()
    box.faults = [lambda: expired_rounds.tell(other, at=NINE + SOON + MINUTE)]

    assert at(NINE + SOON, box) == {"Vera": [row.ref]}
    assert other.again == []


def test_whoever_comes_late_does_not_move_the_next_list_back(box: Letterbox, vera: Person) -> None:
    undecided("production-api", NINE - HOUR)
    expired_rounds.tell(box, at=NINE + SOON)
    [late] = box.sent
    second = undecided("billing-api", NINE + HOUR)
    assert at(NINE + DAY + SOON, box)["Vera"][-1] == second.ref
    expired_lists.kept(late)

    assert at(NINE + 2 * DAY + SOON, box) == {}


def test_one_who_is_refused_for_good_keeps_nobody_else_waiting(
    box: Letterbox, vera: Person
) -> None:
    manages(cast.person("walt", teams=()), cast.person("sam"))
    at(NINE - DAY + 30 * MINUTE, box)
    row = undecided("production-api", NINE - HOUR)
    box.faults = [DeliveryError("no such account", permanent=True)]

    assert at(NINE + SOON, box) == {"Walt": [row.ref]}
    assert at(NINE + 2 * SOON, box) == {}


def test_many_who_cannot_be_written_to_keep_nobody_else_waiting(
    box: Letterbox, vera: Person
) -> None:
    for number in range(60):
        lead = Person.objects.create(
            email=f"lead{number}@example.com", name=f"Lead {number}", created_at=NINE - 9 * DAY
        )
        manages(lead, cast.person(f"worker{number}", teams=("team-leads",)))
    at(NINE - DAY + 40 * MINUTE, box)
    undecided("production-api", NINE - HOUR)
    box.refused = {f"Lead {number}" for number in range(55)}
    for minute in range(3, 9):
        with contextlib.suppress(DeliveryError):
            expired_rounds.tell(box, at=NINE + minute * MINUTE)

    told = {one.to for one in box.sent}
    assert told == {"Vera", *(f"Lead {number}" for number in range(55, 60))}
    assert len(box.sent) == len(told)


def test_a_long_list_is_cut_and_its_link_finds_exactly_what_was_counted(
    box: Letterbox, vera: Person
) -> None:
    undecided("yesterday", NINE - DAY - HOUR)
    rows = _many(23)
    undecided("today", NINE + HOUR)
    expired_rounds.tell(box, at=NINE + SOON)

    [one] = box.sent
    assert (one.count, one.left_out) == ("23 requests", 3)
    assert len(expired_lists.lines(one, address="Vera")) == 20
    [text] = parse_qs(urlsplit(one.url).query)["q"]
    wanted = search.parse(text)
    found = history.page(wanted, now=NINE + 2 * DAY, below=None, limit=50)
    assert wanted.problems == ()
    assert sorted(row.ref for row in found.rows) == sorted(rows)


def test_an_address_that_may_see_nothing_reads_no_names(box: Letterbox, vera: Person) -> None:
    undecided("production-api", NINE - HOUR)
    showing.change(
        adapter="told", address="Vera", shows=Shows.NOTHING, actor=cast.OPERATOR, at=NINE
    )
    expired_rounds.tell(box, at=NINE + SOON)

    [line] = expired_lists.lines(box.sent[0], address="Vera")
    assert "production-api" not in line.words


@pytest.mark.parametrize("address", ["team-leads", "superiors-seat", "where-it-was-told"])
def test_a_list_names_nothing_that_a_limited_address_of_the_asked_did_not_see(
    box: Letterbox, vera: Person, address: str
) -> None:
    address = superiors.seat("team-leads") if address == "superiors-seat" else address
    row = undecided("production-api", NINE - HOUR)
    other = undecided("billing-api", NINE - 2 * HOUR)
    Delivery.objects.filter(request=other).delete()
    if address == "where-it-was-told":
        _told(row, f"{address} > ada")
    showing.change(
        adapter="told", address=address, shows=Shows.NOTHING, actor=cast.OPERATOR, at=NINE
    )
    expired_rounds.tell(box, at=NINE + SOON)

    first, second = expired_lists.lines(box.sent[0], address="Vera")
    assert "production-api" not in first.words
    assert ("billing-api" in second.words) is (address == "where-it-was-told")


def test_a_limit_of_another_channel_or_another_team_hides_nothing(
    box: Letterbox, vera: Person
) -> None:
    undecided("production-api", NINE - HOUR)
    for adapter, address in (("other", "team-leads"), ("told", "security"), ("told", "Walt")):
        showing.change(
            adapter=adapter, address=address, shows=Shows.NOTHING, actor=cast.OPERATOR, at=NINE
        )
    expired_rounds.tell(box, at=NINE + SOON)

    [line] = expired_lists.lines(box.sent[0], address="Vera")
    assert "production-api" in line.words


def test_words_cost_three_statements_however_many_lines_there_are(
    box: Letterbox, vera: Person
) -> None:
    _many(6)
    expired_rounds.tell(box, at=NINE + SOON)

    with CaptureQueriesContext(connection) as read:
        assert len(expired_lists.lines(box.sent[0], address="Vera")) == 6
    assert len(read) == 3


@pytest.mark.parametrize("days", [1, 4, 20])
def test_a_list_that_cannot_be_sent_for_weeks_is_not_lost(
    box: Letterbox, vera: Person, days: int
) -> None:
    row = undecided("production-api", NINE - HOUR)
    box.refused = {"Vera"}
    for hours in range(0, 24 * days, 6):
        with contextlib.suppress(DeliveryError):
            expired_rounds.tell(box, at=NINE + SOON + hours * HOUR)
        replays.forget_old(at=NINE + SOON + hours * HOUR)
    box.refused = set()

    assert at(NINE + days * DAY + 2 * SOON, box) == {"Vera": [row.ref]}


def test_who_leads_again_after_days_is_told_nothing_of_the_time_between(
    box: Letterbox, vera: Person
) -> None:
    reports = list(Person.objects.filter(manager=vera))
    Person.objects.filter(manager=vera).update(manager=None)
    undecided("production-api", NINE + HOUR)
    for days in range(6):
        expired_rounds.tell(box, at=NINE + days * DAY + SOON)
    box.sent.clear()
    manages(vera, *reports)
    for days in range(6, 9):
        assert "Vera" not in at(NINE + days * DAY + SOON, box)


def test_an_attempt_of_unknown_end_is_finished_before_another_hour_counts(
    box: Letterbox, vera: Person, settings: Any
) -> None:
    first = undecided("production-api", NINE - HOUR)
    between = undecided("billing-api", NINE + HOUR)
    box.faults = [DeliveryError("cut", unknown=True)]
    with pytest.raises(DeliveryError):
        at(NINE + SOON, box)
    settings.EXPIRED_LIST_AT = "11:00"

    # The first copy may have arrived: this one is the same to a letter.
    assert at(NINE + 2 * HOUR + SOON, box) == {"Vera": [first.ref]}
    assert box.again == [False, True]
    assert at(NINE + DAY + 2 * HOUR + SOON, box) == {"Vera": [between.ref]}
    assert at(NINE + 2 * DAY + 2 * HOUR + SOON, box) == {}


def test_of_two_who_end_a_list_differently_the_first_sends_it(
    box: Letterbox, vera: Person, settings: Any
) -> None:
    first = undecided("production-api", NINE - HOUR)
    undecided("billing-api", NINE - 3 * HOUR)
    mine = expired_lists.due(box.name, box.addresses, at=NINE + SOON).lists[0]
    settings.EXPIRED_LIST_AT = "07:00"
    theirs = expired_lists.due(box.name, box.addresses, at=NINE + SOON).lists[0]
    assert (mine.key, theirs.until) == (theirs.key, NINE - 2 * HOUR)

    assert expired_lists.pinned(mine)
    assert expired_lists.pinned(mine)
    assert not expired_lists.pinned(theirs)
    assert at(NINE + SOON, box)["Vera"][0] == first.ref


def test_a_span_behind_more_than_is_read_at_once_is_read_by_itself(
    box: Letterbox, vera: Person
) -> None:
    rows = [undecided(f"early-{hours}", NINE - hours * HOUR) for hours in (3, 1)]
    later = [undecided(f"api-{hours}", NINE + hours * HOUR) for hours in (2, 3)]
    first, second = (NINE - DAY, NINE), (NINE, NINE + DAY)
    leads = frozenset({"team-leads"})

    found = expired.Spans([first, second], most=3)
    with CaptureQueriesContext(connection) as read:
        assert [one.number for one in found.before(leads, first)] == [rows[1].pk, rows[0].pk]
        assert [one.number for one in found.before(leads, second)] == [later[1].pk, later[0].pk]
        assert len(found.before(leads, first)) == 2
    assert len(read) == 1


def test_who_is_not_among_the_newest_of_a_full_day_is_told_of_theirs(
    box: Letterbox, vera: Person
) -> None:
    oldest = undecided("production-api", NINE - 5 * HOUR)  # its managers were asked too
    for hours in (3, 2, 1):
        undecided(f"api-{hours}", NINE - hours * HOUR, expires_in="4m")
    day = (NINE - DAY, NINE)

    found = expired.Spans([day], most=2)
    assert [one.number for one in found.before(frozenset({"managers"}), day)] == [oldest.pk]
    assert len(found.before(frozenset({"team-leads"}), day)) == 2


def test_what_agents_wrote_is_drawn_harmless(box: Letterbox, vera: Person) -> None:
    undecided("api\u202e\n<!channel>", NINE - HOUR)
    expired_rounds.tell(box, at=NINE + SOON)

    [line] = expired_lists.lines(box.sent[0], address="Vera")
    assert "\u202e" not in line.words
    assert "\n" not in line.words


def test_a_look_costs_one_statement_until_the_next_list(box: Letterbox, vera: Person) -> None:
    undecided("production-api", NINE - HOUR)
    at(NINE + SOON, box)
    at(NINE + SOON + MINUTE, box)

    with CaptureQueriesContext(connection) as read:
        at(NINE + SOON + 5 * MINUTE, box)
    assert len(read) == 1


def test_what_is_owed_is_found_by_as_many_statements_for_many_as_for_one(
    box: Letterbox, vera: Person
) -> None:
    def read() -> int:
        with CaptureQueriesContext(connection) as found:
            expired_lists.due(box.name, box.addresses, at=NINE + SOON)
        return len(found)

    undecided("one-api", NINE - HOUR)
    few = read()
    for number in range(6):
        lead = cast.person(f"lead{number}", teams=())
        manages(lead, cast.person(f"worker{number}", teams=("team-leads",)))
    _many(8)
    at(NINE - DAY + 40 * MINUTE, box)
    assert read() == few


def test_what_was_asked_of_who_is_on_call_was_asked_of_their_team() -> None:
    stage = Stage(
        (Requirement(on_call.seat("sre")),),
        (Rung(HOUR), Rung(HOUR, (superiors.seat("sre"), "security"))),
    )
    plan = Plan(
        RiskLevel.LOW, Approval.REQUIRED, (stage, Stage((Requirement("later"),), (Rung(HOUR),)))
    )

    assert asked.teams(plan, stage=0, rung=0) == {"sre"}
    assert asked.teams(plan, stage=0, rung=1) == {"sre", "security"}
    assert asked.teams(plan, stage=1, rung=0) == {"sre", "later"}


def test_marks_do_not_last_for_ever(box: Letterbox, vera: Person) -> None:
    undecided("production-api", NINE - HOUR)
    at(NINE + SOON, box)
    assert replays.forget_old(at=NINE + 29 * DAY) == 0
    replays.forget_old(at=NINE + 31 * DAY)
    assert not Replay.objects.filter(provider="expired-told").exists()


@pytest.mark.parametrize("wrong", ["9:00", "25:00", "nine", "09:00,14:00", "٠٩:٠٠"])
def test_an_hour_nobody_can_follow_stops_the_start(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPIRED_LIST_AT", wrong)
    with pytest.raises(ImproperlyConfigured, match="EXPIRED_LIST_AT"):
        environment.time_of_day("EXPIRED_LIST_AT", "09:00")


def test_a_zone_nobody_knows_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_ZONE", "Mars/Olympus")
    with pytest.raises(ImproperlyConfigured, match="DIGEST_ZONE names no time zone"):
        environment.zone("DIGEST_ZONE", "UTC")
    monkeypatch.setenv("DIGEST_ZONE", "")
    assert environment.zone("DIGEST_ZONE", "UTC") == "UTC"


def test_an_hour_set_to_nothing_is_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPIRED_LIST_AT", "")
    assert environment.time_of_day("EXPIRED_LIST_AT", "09:00") == ""
    monkeypatch.delenv("EXPIRED_LIST_AT")
    assert environment.time_of_day("EXPIRED_LIST_AT", "09:00") == "09:00"


def _on(day: datetime, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return day.replace(hour=int(hour), minute=int(minute))


def _many(count: int) -> list[str]:
    return [undecided(f"api-{n}", NINE - 5 * HOUR + n * 11 * MINUTE).ref for n in range(count)]


def _told(row: ApprovalRequest, address: str) -> None:
    Delivery.objects.create(
        adapter="told", address=address, kind="ask", request=row, due_at=NINE, created_at=NINE
    )


def _all() -> list[Any]:
    return list(ApprovalRequest.objects.values("status"))
