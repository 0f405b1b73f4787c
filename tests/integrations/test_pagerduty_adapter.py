"""Who is paged, what the incident is told, and what happens while PagerDuty is away."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.domain.terms import EventKind, RiskLevel, Status, Verdict
from approvals.models import ApprovalRequest, Delivery, Receipt
from approvals.models.outbox import DeliveryState
from approvals.ports import DeliveryError, MessageKind, Notice
from approvals.services import clock, deliveries, lifecycle
from integrations.pagerduty import configuration, incidents, wire
from integrations.pagerduty.adapter import PagerDutyAdapter
from tests.fakes import server
from tests.fakes.pagerduty import PAYMENTS_KEY, ROUTING_KEY, FakePagerDuty
from tests.integrations.contract import a_message, decided
from tests.integrations.test_pagerduty_contract import PagerDutyStand
from tests.integrations.test_slack_blocks import a_card
from tests.support import cast
from tests.support.pagerduty import paged, status

HIGH: dict[str, Any] = {**cast.HIGH}
ASKED = EventKind.SUBMITTED
CALLS = 12


def told(
    *channels: str, risk: RiskLevel, kind: EventKind = ASKED, opened: bool = True
) -> list[str]:
    notice = Notice(kind=kind, channels=channels, callback_url="", opened=opened, risk=risk)
    found = PagerDutyAdapter().addresses(notice)
    assert {each for each, _ in found} <= {MessageKind.CARD}
    return [address for _, address in found]


def at(moment: datetime, minutes: int) -> Callable[[], datetime]:
    """A clock that stands still so many minutes later."""
    return lambda: moment + timedelta(minutes=minutes)


def as_usual(to: server.Conversation) -> None:
    to.say(to.act())


def agreed(row: ApprovalRequest) -> None:
    for name in ("grace", "ada"):
        cast.decide(row, cast.person(name))


@pytest.mark.parametrize(
    ("channels", "risk", "addresses"),
    [
        ((), RiskLevel.MEDIUM, []),
        ((), RiskLevel.HIGH, ["default"]),
        ((), RiskLevel.CRITICAL, ["default"]),
        (("C1",), RiskLevel.HIGH, ["default"]),
        (("C1", "pagerduty"), RiskLevel.LOW, ["default"]),
        (("pagerduty:payments",), RiskLevel.HIGH, ["payments"]),
        (("pagerduty:payments", "pagerduty", "pagerduty"), RiskLevel.LOW, ["payments", "default"]),
        (("pagerdutyx",), RiskLevel.LOW, []),
    ],
)
def test_high_risk_pages_and_so_does_a_plan_that_says_so(
    pagerduty: FakePagerDuty, channels: tuple[str, ...], risk: RiskLevel, addresses: list[str]
) -> None:
    assert told(*channels, risk=risk) == addresses


@pytest.mark.parametrize("kind", [EventKind.REMINDED, EventKind.MESSAGE_ADDED, EventKind.CONSUMED])
def test_nobody_is_paged_by_what_changes_nothing(pagerduty: FakePagerDuty, kind: EventKind) -> None:
    assert told(risk=RiskLevel.CRITICAL, kind=kind) == []


def test_what_nobody_was_asked_about_pages_nobody(pagerduty: FakePagerDuty) -> None:
    assert told("pagerduty", risk=RiskLevel.CRITICAL, opened=False) == []


@pytest.mark.django_db
class TestAnIncident:
    """Of one request, from the page to the last note."""

    def test_a_page_says_what_would_run_and_where_to_decide(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(**HIGH)
        incident = paged(pagerduty, row)
        [event] = incident.events
        assert event["routing_key"] == ROUTING_KEY
        assert event["payload"]["severity"] == "error"
        assert event["payload"]["custom_details"]["What would run"] == {"timeout": "30"}
        assert event["links"][0]["href"].endswith(f"/r/{row.ref}")
        assert row.ref in incident.title

    @pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DENY])
    def test_a_decision_resolves_it_and_is_noted(
        self, pagerduty: FakePagerDuty, verdict: Verdict
    ) -> None:
        row = cast.request(**HIGH)
        incident = paged(pagerduty, row)
        cast.decide(row, cast.person("grace"))
        cast.decide(row, cast.person("ada"), verdict, "Not tonight.")
        deliveries.send_due()
        assert incident.status == "resolved"
        [note] = incident.notes
        assert "Ada" in note
        assert ("Not tonight." in note) is (verdict is Verdict.DENY)

    def test_expiry_and_withdrawal_resolve_it(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(**HIGH)
        incident = paged(pagerduty, row)
        lifecycle.cancel(ref=row.ref, agent=row.agent, at=clock.now())
        deliveries.send_due()
        assert incident.status == "resolved"
        assert "WITHDRAWN" in incident.notes[0]
        late = cast.request(**HIGH | {"target": "other"})
        second = paged(pagerduty, late)
        after = late.expires_at + timedelta(minutes=1)
        with pytest.raises(Exception, match="Too late"):
            cast.decide(late, cast.person("ada"), at=after)
        deliveries.send_due(now=lambda: after)
        assert status(late) == Status.EXPIRED
        assert second.status == "resolved"
        assert "NOT DECIDED IN TIME" in second.notes[0]

    def test_a_question_is_noted_and_leaves_it_open(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(**HIGH)
        incident = paged(pagerduty, row)
        cast.decide(row, cast.person("ada"), Verdict.INVESTIGATE, "Which pool?")
        deliveries.send_due()
        assert incident.is_open
        assert "QUESTION OPEN" in incident.notes[0]
        assert Receipt.objects.get(request=row).handle["version"] == 2

    def test_nothing_told_later_opens_it_again(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(**HIGH)
        paged(pagerduty, row)
        agreed(row)
        deliveries.send_due()
        lifecycle.revoke(ref=row.ref, person=cast.person("ada"), at=clock.now())
        deliveries.send_due()
        assert pagerduty.open() == []
        assert len(pagerduty.incidents) == 1
        assert "REVOKED" in pagerduty.incidents[0].notes[-1]

    def test_what_was_decided_before_the_page_went_out_pages_nobody(
        self, pagerduty: FakePagerDuty
    ) -> None:
        row = cast.request(**HIGH)
        agreed(row)
        deliveries.send_due()
        assert pagerduty.incidents == []
        assert not Delivery.objects.exclude(
            state__in=[DeliveryState.SENT.value, DeliveryState.SUPERSEDED.value]
        ).exists()

    def test_a_note_waits_for_an_incident_that_does_not_show_yet(
        self, pagerduty: FakePagerDuty
    ) -> None:
        row = cast.request(**HIGH)
        incident = paged(pagerduty, row)
        pagerduty.lag = 2
        cast.decide(row, cast.person("ada"))
        later = clock.now()
        for minutes in range(1, 5):
            deliveries.send_due(now=at(later, minutes))
        assert len(incident.notes) == 1

    def test_a_note_whose_answer_was_lost_is_written_once(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(**HIGH)
        incident = paged(pagerduty, row)
        agreed(row)
        pagerduty.will(*[as_usual] * 2, server.done_and_gone)
        deliveries.send_due()
        later = clock.now() + timedelta(minutes=1)
        deliveries.send_due(now=lambda: later)
        assert len(incident.notes) == 1
        assert not Delivery.objects.filter(state=DeliveryState.WAITING.value).exists()

    def test_a_routing_key_that_is_gone_is_told_on_the_request(
        self, pagerduty: FakePagerDuty, settings: Any
    ) -> None:
        row = cast.request(**HIGH)
        settings.PAGERDUTY_ROUTING_KEY = ""
        deliveries.send_due()
        [dead] = Delivery.objects.filter(request=row, state=DeliveryState.DEAD.value)
        assert "PAGERDUTY_ROUTING_KEYS" in dead.last_error

    def test_while_pagerduty_is_away_nothing_is_lost(self, pagerduty: FakePagerDuty) -> None:
        rows = [cast.request(**HIGH | {"target": f"api-{n}"}) for n in range(3)]
        pagerduty.will(*[server.says(503)] * CALLS)
        now = clock.now()
        for minutes in range(12):
            deliveries.send_due(now=at(now, minutes))
        assert {str(row.public_id) for row in rows} == {
            one.key.split("/")[1] for one in pagerduty.open()
        }
        assert len(pagerduty.incidents) == 3

    def test_no_routing_key_is_kept_or_shown(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(**HIGH)
        paged(pagerduty, row)
        kept = [*Delivery.objects.values(), *Receipt.objects.values()]
        assert ROUTING_KEY not in json.dumps(kept, default=str)


class TestThePage:
    """What it can show, and what it says of the rest."""

    def test_too_much_is_not_shown_in_part(self, pagerduty: FakePagerDuty) -> None:
        stand = PagerDutyStand(pagerduty)
        card = a_card(parameters={"body": "words " * 5_000})
        receipt = stand.adapter.deliver(a_message(stand, card))
        assert receipt["complete"] is False
        run = pagerduty.incidents[0].events[0]["payload"]["custom_details"]["What would run"]
        assert run.startswith("Too long")

    def test_an_ordinary_request_is_shown_whole(self, pagerduty: FakePagerDuty) -> None:
        stand = PagerDutyStand(pagerduty)
        assert stand.adapter.deliver(a_message(stand))["complete"] is True

    def test_what_is_told_already_is_not_told_again(self, pagerduty: FakePagerDuty) -> None:
        stand = PagerDutyStand(pagerduty)
        receipt = stand.adapter.deliver(a_message(stand))
        for _ in range(3):
            receipt = stand.adapter.deliver(
                a_message(stand, decided(Verdict.DENY), receipt=receipt)
            )
        assert len(pagerduty.incidents[0].notes) == 1

    def test_another_routing_key_pages_another_service(self, pagerduty: FakePagerDuty) -> None:
        stand = PagerDutyStand(pagerduty)
        stand.adapter.deliver(a_message(stand, address="payments"))
        [event] = pagerduty.incidents[0].events
        assert event["routing_key"] == PAYMENTS_KEY

    def test_without_a_token_it_pages_and_resolves_all_the_same(
        self, pagerduty: FakePagerDuty, settings: Any
    ) -> None:
        settings.PAGERDUTY_API_TOKEN = ""
        stand = PagerDutyStand(pagerduty)
        stand.adapter.deliver(a_message(stand))
        assert len(pagerduty.open()) == 1
        assert {call.path for call in pagerduty.calls} == {"/v2/enqueue"}


class TestTheWire:
    """What PagerDuty's client must not do on its own."""

    @pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
    def test_no_answer_is_asked_for_twice(self, pagerduty: FakePagerDuty, code: int) -> None:
        stand = PagerDutyStand(pagerduty)
        pagerduty.will(server.says(code))
        with pytest.raises(DeliveryError):
            stand.adapter.deliver(a_message(stand))
        assert len(pagerduty.calls) == 1

    def test_a_refused_token_is_named_without_being_shown(
        self, pagerduty: FakePagerDuty, settings: Any
    ) -> None:
        settings.PAGERDUTY_API_TOKEN = "a-wrong-token-ending-in-wxyz"
        client = wire.rest(configuration.current(), seconds=2)
        with pytest.raises(DeliveryError, match="PAGERDUTY_API_TOKEN") as error:
            incidents.opened_for(client, "x")
        assert error.value.permanent
        assert "wxyz" not in error.value.words

    @pytest.mark.parametrize(
        ("region", "host"), [("us", "api.pagerduty.com"), ("eu", "api.eu.pagerduty.com")]
    )
    def test_each_region_has_its_own_address(self, settings: Any, region: str, host: str) -> None:
        settings.PAGERDUTY_REGION = region
        assert configuration.current().api_url == f"https://{host}"
        assert configuration.current().events_url == f"https://{host.replace('api', 'events')}"

    def test_plain_http_is_spoken_on_this_machine_only(self, settings: Any) -> None:
        settings.PAGERDUTY_API_URL = "http://api.example.com"
        with pytest.raises(Exception, match="https"):
            wire.rest(configuration.current(), seconds=1)


def test_who_is_on_call_is_told_first_level_first(pagerduty: FakePagerDuty) -> None:
    pagerduty.add_user("PADA", "ada@example.com")
    pagerduty.add_user("PLIN", "lin@example.com")
    pagerduty.on_duty("PLIN", level=2, schedule=None)
    pagerduty.on_duty("PADA", end="2026-11-23T08:00:00Z")
    pagerduty.on_duty("PADA", escalation_policy={"id": "POTHER"})
    client = wire.rest(configuration.current(), seconds=2)
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    duties = incidents.on_call(client, policies=["PPOLICY"], at=noon)
    assert [(duty.user, duty.level, duty.email) for duty in duties] == [
        ("PADA", 1, "ada@example.com"),
        ("PLIN", 2, "lin@example.com"),
    ]
    assert duties[0].until == "2026-11-23T08:00:00Z"
    assert [duty.user for duty in incidents.on_call(client, schedules=["PSCHED"])] == ["PADA"] * 2


def test_a_senseless_answer_names_nobody(pagerduty: FakePagerDuty) -> None:
    client = wire.rest(configuration.current(), seconds=2)
    pagerduty.will(server.nonsense)
    with pytest.raises(DeliveryError):
        incidents.on_call(client, schedules=["PSCHED"])
