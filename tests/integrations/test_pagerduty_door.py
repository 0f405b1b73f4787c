"""Presses and webhooks come in by PagerDuty's doors: what they cause, and what people are told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.domain.terms import Status, Verdict
from approvals.models import Decision, Identity, Receipt, Replay
from approvals.services import clock, deliveries
from tests.fakes import server
from tests.fakes.pagerduty import WEBHOOK_SECRET, FakePagerDuty, Knock, secret_header, sign
from tests.support import cast
from tests.support.pagerduty import knock, linked, paged, refusals, said, status

pytestmark = [pytest.mark.urls("integrations.pagerduty.urls"), pytest.mark.django_db]
HIGH: dict[str, Any] = {**cast.HIGH}
CRITICAL: dict[str, Any] = {**cast.CRITICAL}
LONG: dict[str, Any] = HIGH | {"parameters": {"body": "words " * 4_000}}
APPROVE, DENY, INVESTIGATE = (f"/action/{verdict}" for verdict in Verdict)
REFERENCE = {"id": "PBAZLIU", "type": "incident_reference", "summary": None}
# Every type of a subscription, and where its data names the incident, as PagerDuty documents it.
TYPES = {
    **dict.fromkeys(
        (
            "incident.acknowledged", "incident.delegated", "incident.escalated",
            "incident.incident_type.changed", "incident.priority_updated", "incident.reassigned",
            "incident.reopened", "incident.resolved", "incident.service_updated",
            "incident.triggered", "incident.unacknowledged",
        ),
        "incident",
    ),
    **dict.fromkeys(
        ("incident.task.completed", "incident.task.created", "incident.task.updated"), "incident_task"
    ),
    **dict.fromkeys(
        (
            "incident.action_invocation.created", "incident.action_invocation.terminated",
            "incident.action_invocation.updated",
        ),
        "incident_action_invocation",
    ),
    **dict.fromkeys(
        ("incident.workflow.started", "incident.workflow.completed"), "incident_workflow_instance"
    ),
    **dict.fromkeys(("service.created", "service.deleted", "service.updated"), "service"),
    "incident.annotated": "incident_note",
    "incident.conference_bridge.updated": "incident_conference_bridge",
    "incident.custom_field_values.updated": "incident_field_values",
    "incident.responder.added": "incident_responder",
    "incident.responder.replied": "incident_responder",
    "incident.role.assigned": "incident_role_assignment",
    "incident.status_update_published": "incident_status_update",
    "service.custom_field_values.updated": "service_field_values",
}  # fmt: skip
SHAPES = pytest.mark.parametrize("shape", ["v2", "v3"])


def data_of(kind: str) -> dict[str, Any]:
    """The data of an event, with its incident where this type has it."""
    shape = TYPES[kind]
    if shape == "incident":
        return REFERENCE | {"type": "incident"}
    if shape == "incident_role_assignment":
        return {"type": shape, "incident_role_assignments": [{"id": "af64", "incident": REFERENCE}]}
    return {"type": shape} | ({"incident": REFERENCE} if shape.startswith("incident") else {})


@pytest.fixture(autouse=True)
def accounts(pagerduty: FakePagerDuty) -> None:
    for name in ("ada", "grace", "sam", "mallory"):
        pagerduty.add_user(f"P{name.upper()}", f"{name}@example.com")
        linked(name, f"P{name.upper()}")


@SHAPES
@pytest.mark.parametrize("keyless", [False, True])
def test_two_presses_of_two_people_approve(
    pagerduty: FakePagerDuty, shape: str, keyless: bool
) -> None:
    row = cast.request(**HIGH)
    incident = paged(pagerduty, row)
    pagerduty.keyless = keyless
    answer = knock(APPROVE, pagerduty.press(incident, "PADA", shape=shape))
    assert (answer.status_code, said(answer)["counted"]) == (200, True)
    assert status(row) == Status.PENDING
    knock(APPROVE, pagerduty.press(incident, "PGRACE", shape=shape))
    assert status(row) == Status.APPROVED
    decision = Decision.objects.filter(request=row).earliest("id")
    assert (decision.channel, decision.authenticated_by) == ("pagerduty", "pagerduty_secret")
    assert (decision.version, decision.shown_sha256) == (1, row.action_sha256)
    deliveries.send_due()
    assert not incident.is_open


@SHAPES
def test_a_denial_says_honestly_where_it_came_from(pagerduty: FakePagerDuty, shape: str) -> None:
    row = cast.request(**HIGH)
    incident = paged(pagerduty, row)
    knock(DENY, pagerduty.press(incident, "PADA", shape=shape))
    assert status(row) == Status.DENIED
    assert Decision.objects.get(request=row).comment == (
        f"Deny was pressed in PagerDuty on incident {incident.id}. No reason was written there."
    )


def test_investigating_pauses_and_says_that_the_question_follows(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**HIGH)
    knock(INVESTIGATE, pagerduty.press(paged(pagerduty, row), "PADA"))
    assert status(row) == Status.INVESTIGATING
    assert "No question was written there" in Decision.objects.get(request=row).comment


def test_whoever_is_linked_to_nobody_is_told_on_the_incident(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**HIGH)
    incident = paged(pagerduty, row)
    pagerduty.add_user("PEVE", "lin@example.com")
    cast.person("lin")
    answer = knock(APPROVE, pagerduty.press(incident, "PEVE"))
    assert (answer.status_code, said(answer)["counted"]) == (200, False)
    assert "linked to nobody here" in incident.notes[0]
    assert f"/r/{row.ref}" in incident.notes[0]
    assert refusals(row) == ["unknown_person"]
    assert not Identity.objects.filter(external_id="PEVE").exists()


@pytest.mark.parametrize(
    ("more", "is_known"), [({}, True), ({"invitation_sent": True}, False), ({"email": ""}, False)]
)
def test_people_are_linked_by_their_address_only_where_that_is_allowed(
    pagerduty: FakePagerDuty, settings: Any, more: dict[str, Any], is_known: bool
) -> None:
    settings.PAGERDUTY_LINK_BY_EMAIL = True
    row = cast.request(**HIGH)
    cast.person("ada")
    Identity.objects.all().delete()
    pagerduty.users["PADA"] |= more
    knock(APPROVE, pagerduty.press(paged(pagerduty, row), "PADA"))
    assert Identity.objects.filter(kind="pagerduty", external_id="PADA").exists() is is_known
    assert Decision.objects.filter(request=row).exists() is is_known


@pytest.mark.parametrize(
    ("user", "because"), [("PMALLORY", "not_an_approver"), ("PSAM", "own_agent")]
)
def test_who_may_not_decide_is_told_why(pagerduty: FakePagerDuty, user: str, because: str) -> None:
    row = cast.request(**HIGH)
    incident = paged(pagerduty, row)
    knock(APPROVE, pagerduty.press(incident, user))
    assert refusals(row) == [because]
    assert incident.notes[0].startswith("Not counted.")


@pytest.mark.parametrize("agent", [None, {"id": "PADA", "type": "service_reference"}])
def test_what_no_person_pressed_counts_for_nobody(
    pagerduty: FakePagerDuty, agent: dict[str, Any] | None
) -> None:
    row = cast.request(**HIGH)
    entries = [{"id": "R1", "type": "custom_log_entry", "agent": agent}]
    knock(APPROVE, pagerduty.press(paged(pagerduty, row), "PADA", log_entries=entries))
    assert not Decision.objects.exists()
    assert refusals(row) == ["unknown_person"]


def test_critical_requests_are_approved_on_the_page_and_denied_anywhere(
    pagerduty: FakePagerDuty,
) -> None:
    linked("chen", "PCHEN")
    row = cast.request(**CRITICAL)
    incident = paged(pagerduty, row)
    answer = knock(APPROVE, pagerduty.press(incident, "PCHEN"))
    assert "request's page only" in said(answer)["detail"]
    assert status(row) == Status.PENDING
    knock(DENY, pagerduty.press(incident, "PCHEN"))
    assert status(row) == Status.DENIED


def test_what_the_page_could_not_show_is_not_approved_from_it(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**LONG)
    incident = paged(pagerduty, row)
    knock(APPROVE, pagerduty.press(incident, "PADA"))
    assert not Decision.objects.exists()
    assert "could not show all" in incident.notes[0]


def test_a_press_of_before_the_last_change_does_not_count(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**HIGH)
    incident = paged(pagerduty, row)
    early = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    answer = knock(APPROVE, pagerduty.press(incident, "PADA", created_on=early))
    assert said(answer)["counted"] is False
    assert not Decision.objects.exists()


def test_a_change_the_incident_was_not_told_of_stops_a_press(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**HIGH)
    incident = paged(pagerduty, row)
    cast.decide(row, cast.person("grace"), Verdict.INVESTIGATE, "Which pool?")
    knock(APPROVE, pagerduty.press(incident, "PADA"))
    assert refusals(row) == ["changed"]
    deliveries.send_due()
    knock(APPROVE, pagerduty.press(incident, "PADA"))
    assert Decision.objects.filter(request=row, verdict="approve").count() == 1


def test_another_incident_under_our_key_is_refused_and_kept_in_history(
    pagerduty: FakePagerDuty,
) -> None:
    row = cast.request(**HIGH)
    real = paged(pagerduty, row)
    lookalike = pagerduty.raise_incident(real.key, "Lunch order: approve?")
    answer = knock(APPROVE, pagerduty.press(lookalike, "PADA"))
    assert said(answer)["counted"] is False
    assert refusals(row) == ["not_our_button"]
    assert not Decision.objects.exists()


def test_a_key_nobody_sealed_opens_nothing(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**HIGH)
    paged(pagerduty, row)
    forged = pagerduty.raise_incident(f"approval/{row.public_id}/{'0' * 32}", "x")
    answer = knock(APPROVE, pagerduty.press(forged, "PADA"))
    assert (answer.status_code, said(answer)["counted"]) == (200, False)
    assert not Decision.objects.exists()


def test_an_incident_merged_of_two_requests_means_neither(pagerduty: FakePagerDuty) -> None:
    one, two = cast.request(**HIGH), cast.request(**HIGH | {"target": "other"})
    merged = paged(pagerduty, one)
    merged.alerts.append(paged(pagerduty, two).key)
    pagerduty.keyless = True
    answer = knock(APPROVE, pagerduty.press(merged, "PADA"))
    assert "Several requests" in said(answer)["detail"]
    assert not Decision.objects.exists()


def test_a_press_on_an_incident_of_others_is_none_of_our_business(pagerduty: FakePagerDuty) -> None:
    other = pagerduty.raise_incident("disk-full", "The disk is full")
    assert knock(APPROVE, pagerduty.press(other, "PADA")).status_code == 200
    assert other.notes == []


def test_on_a_decided_request_a_press_changes_nothing(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**HIGH)
    incident = paged(pagerduty, row)
    cast.decide(row, cast.person("ada"), Verdict.DENY, "No.")
    answer = knock(APPROVE, pagerduty.press(incident, "PGRACE"))
    assert "Already denied" in said(answer)["detail"]
    assert status(row) == Status.DENIED


@SHAPES
def test_a_press_that_could_not_be_looked_into_is_heard_at_the_next_attempt(
    pagerduty: FakePagerDuty, shape: str
) -> None:
    row = cast.request(**HIGH)
    press = pagerduty.press(paged(pagerduty, row), "PADA", shape=shape)
    pagerduty.will(server.says(503))
    assert knock(DENY, press).status_code == 503
    assert status(row) == Status.PENDING
    assert knock(DENY, press).status_code == 200
    assert status(row) == Status.DENIED


@SHAPES
def test_presses_told_three_times_have_one_effect_each(
    pagerduty: FakePagerDuty, shape: str
) -> None:
    for number in range(25):  # fifty in both shapes
        row = cast.request(**HIGH | {"target": f"api-{shape}-{number}"})
        press = pagerduty.press(paged(pagerduty, row), "PADA", shape=shape)
        answers = [said(knock(INVESTIGATE, press))["counted"] for _ in range(3)]
        assert answers == [True, False, False]
        assert Decision.objects.filter(request=row).count() == 1
        assert refusals(row) == []


def test_the_same_event_under_another_delivery_has_no_second_effect(
    pagerduty: FakePagerDuty,
) -> None:
    row = cast.request(**HIGH)
    press = pagerduty.press(paged(pagerduty, row), "PADA")
    knock(INVESTIGATE, press)
    knock(INVESTIGATE, press, **{"X-Webhook-Id": "another"})
    assert refusals(row) == []


def test_the_same_delivery_with_another_event_has_no_second_effect(
    pagerduty: FakePagerDuty,
) -> None:
    row = cast.request(**HIGH)
    incident = paged(pagerduty, row)
    for event in ("one", "two"):
        press = pagerduty.press(incident, "PADA", id=event)
        knock(INVESTIGATE, press, **{"X-Webhook-Id": "the same"})
    assert refusals(row) == []


def test_a_press_of_days_ago_counts_for_nothing(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**HIGH)
    old = (clock.now() - timedelta(days=3)).isoformat()
    answer = knock(DENY, pagerduty.press(paged(pagerduty, row), "PADA", created_on=old))
    assert "days ago" in said(answer)["detail"]
    assert status(row) == Status.PENDING


class TestAField:
    """A custom field whose value is a decision, told by a signed webhook."""

    @pytest.fixture(autouse=True)
    def chosen(self, settings: Any) -> None:
        settings.PAGERDUTY_DECISION_FIELD = "approval"

    @pytest.mark.parametrize("value", ["deny", "Denied"])
    def test_a_value_that_was_just_chosen_counts(
        self, pagerduty: FakePagerDuty, value: str
    ) -> None:
        row = cast.request(**HIGH)
        knock("/webhook", pagerduty.choose(paged(pagerduty, row), "PADA", value))
        assert status(row) == Status.DENIED
        assert Decision.objects.get(request=row).authenticated_by == "pagerduty_signature"

    @pytest.mark.parametrize("value", ["", "perhaps", None, 1, ["approve"]])
    def test_any_other_value_means_nothing(self, pagerduty: FakePagerDuty, value: Any) -> None:
        row = cast.request(**HIGH)
        answer = knock("/webhook", pagerduty.choose(paged(pagerduty, row), "PADA", value))
        assert answer.status_code == 200
        assert status(row) == Status.PENDING

    def test_a_value_that_stood_there_before_is_not_chosen_again(
        self, pagerduty: FakePagerDuty
    ) -> None:
        row = cast.request(**HIGH)
        body = json.loads(pagerduty.choose(paged(pagerduty, row), "PADA", "deny").body)
        body["event"]["data"]["changed_custom_fields"][0]["name"] = "region"
        knock("/webhook", sign(body))
        assert status(row) == Status.PENDING

    def test_without_the_setting_no_field_decides(
        self, pagerduty: FakePagerDuty, settings: Any
    ) -> None:
        settings.PAGERDUTY_DECISION_FIELD = ""
        row = cast.request(**HIGH)
        knock("/webhook", pagerduty.choose(paged(pagerduty, row), "PADA", "deny"))
        assert status(row) == Status.PENDING


class TestWebhooks:
    """Signed, and mostly about what does not concern us."""

    def test_resolving_by_hand_decides_nothing_and_says_so(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(**HIGH)
        incident = paged(pagerduty, row)
        agent = {"id": "PADA", "type": "user_reference"}
        body = pagerduty.event("incident.resolved", pagerduty.shown(incident), agent=agent)
        for _ in range(3):
            assert knock("/webhook", sign(body)).status_code == 200
        assert status(row) == Status.PENDING
        assert len(incident.notes) == 1
        assert "decided nothing" in incident.notes[0]

    def test_our_own_resolving_needs_no_words(self, pagerduty: FakePagerDuty) -> None:
        incident = paged(pagerduty, cast.request(**HIGH))
        shown = pagerduty.shown(incident)
        knock("/webhook", sign(pagerduty.event("incident.resolved", shown, agent=None)))
        assert incident.notes == []

    def test_acknowledging_approves_nothing_at_either_door(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(**HIGH)
        shown = pagerduty.shown(paged(pagerduty, row))
        agent = {"id": "PADA", "type": "user_reference"}
        for kind in ("incident.acknowledged", "incident.action_invocation.created"):
            for path in ("/webhook", APPROVE):
                signed = sign(pagerduty.event(kind, shown, agent=agent))
                both = Knock(signed.body, {**signed.headers, **secret_header()})
                assert said(knock(path, both))["detail"] != "This was heard before."
        assert not Decision.objects.exists()

    @pytest.mark.parametrize(
        "kind", ["pagey.ping", "service.updated", "incident.annotated", "incident.triggered", "new"]
    )
    def test_what_does_not_concern_us_is_never_refused(
        self, pagerduty: FakePagerDuty, kind: str
    ) -> None:
        data = {"id": "P1", "type": kind.split(".")[0]}
        body = pagerduty.event(kind, data, agent=None)
        assert knock("/webhook", sign(body)).status_code == 200

    @pytest.mark.parametrize("kind", TYPES)
    def test_no_type_that_is_documented_is_refused(
        self, pagerduty: FakePagerDuty, kind: str
    ) -> None:
        body = pagerduty.event(kind, data_of(kind), agent=None)
        assert knock("/webhook", sign(body)).status_code == 200
        both = Knock(sign(body).body, {**sign(body).headers, **secret_header()})
        assert said(knock(APPROVE, both))["counted"] is False

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"event":{"event_type":"incident.annotated","data":{"content":"a\\u0000b"}}}',
            b'{"event":{"event_type":"incident.annotated","data":{"content":"\\ud800"}}}',
            b'{"event":{"event_type":"incident.annotated","id":7,"agent":[]}}',
            b'{"event":{"event_type":"incident.annotated","number":18446744073709551616}}',
        ],
    )
    def test_an_event_nobody_reads_is_not_found_wanting(self, raw: bytes) -> None:
        """Whoever may write a note there could otherwise have the webhook switched off."""
        assert knock("/webhook", sign(raw)).status_code == 200

    def test_what_does_not_concern_us_leaves_nothing_behind(self, pagerduty: FakePagerDuty) -> None:
        kind = "incident.role.assigned"
        for _ in range(2):
            answer = knock("/webhook", sign(pagerduty.event(kind, data_of(kind), agent=None)))
            assert said(answer) == {"counted": False, "detail": "Nothing here concerns us."}
        assert not Replay.objects.exists()

    def test_a_secret_is_replaced_without_a_gap(
        self, pagerduty: FakePagerDuty, settings: Any
    ) -> None:
        settings.PAGERDUTY_WEBHOOK_SECRET = "old-one, new-one"
        body = pagerduty.event("pagey.ping", {}, agent=None)
        for secrets in (["old-one"], ["new-one"], ["other", "new-one"]):
            assert knock("/webhook", sign(body, *secrets)).status_code == 200
        assert knock("/webhook", sign(body, WEBHOOK_SECRET)).status_code == 401


def test_the_receipt_says_what_was_shown_and_since_when(pagerduty: FakePagerDuty) -> None:
    row = cast.request(**HIGH)
    paged(pagerduty, row)
    handle = Receipt.objects.get(request=row, adapter="pagerduty").handle
    assert (handle["version"], handle["complete"]) == (1, True)
    assert datetime.fromisoformat(handle["since"]) <= clock.now()
