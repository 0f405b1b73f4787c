"""The numbers of rates and of what a person bore open lists of as many, whatever happened meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.search import parse
from approvals.domain.terms import Status, Verdict
from approvals.models import Agent, ApprovalRequest, Decision, RequestLook
from approvals.queries import history, used_rates
from approvals.services import clock, policies
from tests.services import limits
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 19, 12, 0, 0, 250_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def asked(agent: Agent, action: str, ago: timedelta, *, status: Status = Status.PENDING) -> int:
    """A request as it would stand in the past: so long ago, and how it ended."""
    row = cast.request(agent, action=action, parameters={"n": ApprovalRequest.objects.count()})
    ApprovalRequest.objects.filter(pk=row.pk).update(
        created_at=NOON - ago,
        status=status.value,
        closed_at=NOON if status.is_final else None,
        basis="person" if status.is_final else "",
    )
    return row.pk


def listed(text: str, *, now: datetime = NOON) -> list[int]:
    wanted = parse(text)
    assert wanted.problems == ()
    found = history.page(wanted, now=now, below=None, limit=500)
    assert found.older is None
    return sorted(row.number for row in found.rows)


def opened(who: Browser, href: str) -> list[str]:
    return [row.attributes["data-ref"] for row in who.get(href).rows]


def rates(agent: Agent) -> dict[str, used_rates.Used]:
    found = used_rates.of([agent], policies.current(), at=NOON)
    return {each.rule.split(".", 2)[2]: each for each in found}


@pytest.fixture
def robo(db: None) -> Agent:
    cast.agent("other")
    return limits.everybody()


def test_each_rate_lists_exactly_the_requests_that_count_against_it(robo: Agent) -> None:
    limits.in_force(
        "rate_limits: {actionsPerDay: 90, scaling_events: {max_per_hour: 4},"
        ' "scale_*": {max_per_hour: 9}, odd: {max_per_day: 5, actions: ["send_*", "page_all"]}}'
    )
    within = [
        asked(robo, "scale_deployment", HOUR - TICK),
        asked(robo, "scale_deployment", timedelta(), status=Status.APPROVED),
        asked(robo, "pods_scale", timedelta(minutes=5), status=Status.INVESTIGATING),
    ]
    asked(robo, "scale_deployment", HOUR)  # exactly an hour ago: dropped out
    asked(robo, "scale_deployment", timedelta(minutes=1), status=Status.EXPIRED)
    asked(robo, "scale_deployment", timedelta(minutes=1), status=Status.REVOKED)
    asked(robo, "scale_deployment", timedelta(days=2))
    asked(Agent.objects.get(name="other"), "scale_deployment", timedelta(minutes=1))
    sent = [asked(robo, "send_letter", 2 * HOUR), asked(robo, "page_all", timedelta(minutes=1))]

    found = rates(robo)

    assert listed(found["scaling_events.per_hour"].listed_by) == within
    assert listed(found["scale_*.per_hour"].listed_by) == within[:2]
    assert listed(found["odd.per_day"].listed_by) == sent
    assert {rule: len(listed(each.listed_by)) for rule, each in found.items()} == {
        rule: each.used for rule, each in found.items()
    }
    assert found["*.per_day"].used == 6


@pytest.mark.parametrize("action", ['sc"ale \\ *', "\u202escale", "scale:x after:1h", "[a]"])
def test_a_name_an_agent_chose_cannot_widen_the_list_of_a_rate(robo: Agent, action: str) -> None:
    limits.in_force('rate_limits: {odd: {max_per_hour: 5, actions: ["*"]}}')
    number = asked(robo, action, timedelta(minutes=1))
    asked(Agent.objects.get(name="other"), action, timedelta(minutes=1))
    assert listed(rates(robo)["odd.per_hour"].listed_by) == [number]


def test_a_rate_of_very_many_names_is_listed_by_the_actions_that_were_asked(robo: Agent) -> None:
    names = ", ".join(f"send_number_{number:040d}" for number in range(40))
    limits.in_force(f"rate_limits: {{odd: {{max_per_hour: 5, actions: [{names}]}}}}")
    number = asked(robo, f"send_number_{7:040d}", timedelta(minutes=1))
    asked(robo, "send_letter", timedelta(minutes=1))
    assert listed(rates(robo)["odd.per_hour"].listed_by) == [number]


def test_the_pages_link_each_rate_to_its_requests_and_its_count_to_the_rates(robo: Agent) -> None:
    limits.in_force("rate_limits: {scaling_events: {max_per_hour: 2}, actionsPerDay: 50}")
    refs = [cast.request(robo, parameters={"n": number}).ref for number in range(2)]
    lin = Browser(limits.somebody("lin"))

    pages = [lin.get("/guardrails"), lin.get("/agents/robo")]

    for page in pages:
        link = next(each for each in page.every("a") if each.text.startswith("2 of 2 this hour"))
        assert sorted(opened(lin, link.attributes["href"])) == refs
    ways = {link.attributes["href"]: link.text for link in pages[0].every("a")}
    assert ways["/guardrails?span=day&rates=near#p-limits"] == "1"
    assert ways["/guardrails?span=day&rates=all#p-limits"] == "2 rates in use"
    assert len(bars(lin.get("/guardrails?rates=near"))) == 1
    assert len(bars(lin.get("/guardrails?rates=all"))) == 2


def bars(page: Page) -> list[str]:
    return [
        each.attributes["data-rate"] for each in page.every("li") if "data-rate" in each.attributes
    ]


# --- what a person bore ----------------------------------------------------------------------


def decided(
    who: Browser, at: datetime, *, looked: timedelta | None = None, asked_ago: timedelta = HOUR,
    verdict: Verdict = Verdict.APPROVE, like: ApprovalRequest | None = None,
) -> ApprovalRequest:  # fmt: skip
    """A decision as it would stand in the past; `looked` is how long before it the page was opened."""
    row = cast.request(parameters={"n": ApprovalRequest.objects.count()})
    cast.decide(row, who.person, verdict, "Because.")
    digest = like.action_sha256 if like else row.action_sha256
    ApprovalRequest.objects.filter(pk=row.pk).update(
        created_at=at - asked_ago, action_sha256=digest
    )
    given = Decision.objects.filter(request=row)
    Decision.objects.bulk_update([_at(each, at) for each in given], ["at"])
    if looked is not None:
        RequestLook.objects.create(
            request=row, person=who.person, version=1, first_at=at - looked, last_at=at
        )
    row.refresh_from_db()
    return row


def _at(decision: Decision, at: datetime) -> Decision:
    decision.at = at
    return decision


def bore(who: Browser) -> dict[str, tuple[int, str]]:
    """What the card says of whoever reads it: words, number and address."""
    card = next(each for each in who.get("/insights?days=30").every("p") if "bore" in
                each.attributes.get("class", ""))  # fmt: skip
    found = {}
    for link in card.every("a"):
        number, _, words = link.text.partition(" ")
        found[words] = (int(number), link.attributes["href"])
    return found


def test_what_you_bore_counts_each_request_once_and_lists_exactly_those(lin: Browser) -> None:
    today = clock.now().replace(hour=12, minute=0, second=0, microsecond=0)
    day, night = today - timedelta(days=3), today - timedelta(days=4, hours=12)
    first = decided(lin, day, looked=timedelta(seconds=4))
    slow = decided(lin, day + HOUR, looked=timedelta(seconds=5), verdict=Verdict.DENY)
    question = decided(lin, day + 2 * HOUR, verdict=Verdict.INVESTIGATE)
    again = decided(lin, night, like=first, asked_ago=timedelta(seconds=3))
    late = decided(lin, day, looked=-HOUR)  # opened only after it was decided in a channel
    long_ago = decided(lin, today - timedelta(days=40), asked_ago=timedelta(seconds=1))
    Decision.objects.create(
        request=question, person=lin.person, verdict=Verdict.APPROVE.value, stage=0, version=1,
        shown_sha256="", channel="test", at=day + 3 * HOUR,
    )  # fmt: skip
    decided(Browser(cast.person("max", teams=["team-leads"])), day)

    numbers = bore(lin)

    meant = {
        "requests": [first, slow, question, again, late],
        "in one day": [first, slow, question, late],
        "within 5 s of looking (40 %)": [first, again],
        "approved (80 %)": [first, question, again, late],
        "between 19:00 and 07:00 UTC": [again],
        "the same as one before": [again],
    }
    assert {words: number for words, (number, _) in numbers.items()} == {
        words: len(rows) for words, rows in meant.items()
    }
    assert {words: sorted(opened(lin, href)) for words, (_, href) in numbers.items()} == {
        words: sorted(row.ref for row in rows) for words, rows in meant.items()
    }
    assert long_ago.ref not in {ref for _, href in numbers.values() for ref in opened(lin, href)}


def test_the_list_of_one_person_leaves_out_whoever_is_called_by_their_address(
    lin: Browser,
) -> None:
    other = Browser(cast.person("max", teams=["team-leads"]))
    other.person.name = lin.person.email
    other.person.save()
    mine = decided(lin, clock.now())
    decided(other, clock.now())
    assert opened(lin, bore(lin)["request"][1]) == [mine.ref]


def test_tokens_about_a_decision_all_hold_of_the_same_decision(lin: Browser) -> None:
    noon = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
    row = decided(lin, noon, verdict=Verdict.INVESTIGATE)
    Decision.objects.create(
        request=row, person=lin.person, verdict=Verdict.APPROVE.value, stage=0, version=1,
        shown_sha256="", channel="test", at=noon + 9 * HOUR,
    )  # fmt: skip
    for text, is_found in (
        ("verdict:approve at:night", True),
        ("verdict:investigate at:night", False),
        ("verdict:investigate at:day by:lin", True),
        (f"decided-after:{noon + HOUR:%Y-%m-%dT%H:%M} verdict:approve", True),
        (f"decided-after:{noon + HOUR:%Y-%m-%dT%H:%M} verdict:investigate", False),
        (f"decided-before:{noon:%Y-%m-%dT%H:%M:%S.%fZ}", False),
        (f"decided-before:{noon + TICK:%Y-%m-%dT%H:%M:%S.%fZ}", True),
        ("looked:under-1h", False),
        ("looked:under-8h by:lin", True),
        ("is:repeat", False),
        ("actions:scaling_events", True),
        ('actions:"scale_*" verdict:deny', False),
    ):
        assert (listed(text, now=clock.now()) == [row.pk]) is is_found, text


def test_the_statements_behind_such_a_list_do_not_grow_with_it(lin: Browser) -> None:
    text = "by:lin@example.com decided-after:30d looked:under-8h is:repeat actions:scaling_events"
    first = decided(lin, clock.now())
    decided(lin, clock.now(), like=first)
    with CaptureQueriesContext(connection) as few:
        assert len(opened(lin, f"/history?q={quote(text)}")) == 1
    for _ in range(5):
        decided(lin, clock.now(), like=first)
    with CaptureQueriesContext(connection) as many:
        assert len(opened(lin, f"/history?q={quote(text)}")) == 6
    assert len(many) == len(few)


def test_how_long_somebody_looked_is_searched_by_them_and_their_manager_alone(lin: Browser) -> None:
    ada, other = Browser(cast.person("ada")), Browser(cast.person("max"))
    lin.person.manager = ada.person
    lin.person.save()
    row = decided(lin, clock.now(), looked=timedelta(seconds=1))
    mine = f"/history?q={quote(f'by:{lin.person.email} looked:under-5s')}"
    assert opened(lin, mine) == opened(ada, mine) == [row.ref]
    for text in (f"by:{lin.person.email}", "by:lin", "", f"by:{other.person.email} by:lin"):
        address = quote(f"{text} looked:under-5s")
        page = other.get(f"/history?q={address}", 422)
        assert "How long somebody looked is told to them and their manager" in page.text
        assert page.rows == []
        assert other.get(f"/history?format=csv&q={address}", 422).rows == []
        assert (
            other.post("/history/exports", form="jsonl", q=f"{text} looked:under-5s").status_code
            == 422
        )
