"""What Prometheus reads: counted from rows, 0 where nothing was, absent where nothing is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from approvals.domain.terms import AlertKind, BreakerAction, BreakerKind
from approvals.models import Agent, Alert, AuditEvent, BreakerTrip, PolicyVersion
from approvals.project import metrics
from approvals.services import alerts, clock
from tests.support import cast

ISSUED = {
    "approval_requests_pending",
    "actions_blocked_by_policy",
    "circuit_breaker_activations",
    "rate_limit_approaches",
    "repeated_approval_denials",
    "unusual_action_patterns",
    "scope_violation_attempts",
}


def scraped() -> dict[str, dict[str, float]]:
    """Every sample by its name and its labels' values."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        samples = found.setdefault(family.name, {})
        for sample in family.samples:
            samples[" ".join(sample.labels.values())] = sample.value
    return found


def test_all_signals_are_there_and_0_before_anything_happened(agent: Agent) -> None:
    del agent
    found = scraped()

    assert found.keys() >= ISSUED
    for name in ISSUED:
        assert found[name]
        assert set(found[name].values()) == {0.0}


def test_what_waits_is_counted_by_risk_and_has_an_age(agent: Agent) -> None:
    assert scraped()["countersign_oldest_waiting_seconds"] == {}
    assert scraped()["countersign_last_request_seconds"] == {}

    cast.request(agent, at=clock.now() - timedelta(minutes=2))
    cast.request(agent, **cast.HIGH)

    found = scraped()
    waiting = found["approval_requests_pending"]
    assert waiting == {"low": 0, "medium": 1, "high": 1, "critical": 0}
    assert 115 < found["countersign_oldest_waiting_seconds"][""] < 125
    assert 0 <= found["countersign_last_request_seconds"][""] < 5


def test_nothing_waits_is_0_and_has_no_age(agent: Agent) -> None:
    cast.approved(agent)

    found = scraped()
    assert set(found["approval_requests_pending"].values()) == {0.0}
    assert found["countersign_oldest_waiting_seconds"] == {}


def test_what_policy_denied_is_counted_by_reason_layer_and_agent(agent: Agent) -> None:
    for _ in range(2):
        cast.request(agent, **cast.FORBIDDEN)
    denied = cast.request(agent, **cast.FORBIDDEN)
    type(denied).objects.filter(pk=denied.pk).update(reason_code="out_of_scope")
    other = cast.request(agent, **cast.FORBIDDEN)
    type(other).objects.filter(pk=other.pk).update(reason_code="something_new")

    found = scraped()
    blocked = {name: count for name, count in found["actions_blocked_by_policy"].items() if count}
    assert blocked == {"forbidden action_forbidden": 2, "scope out_of_scope": 1, "other other": 1}
    attempted = {name: count for name, count in found["scope_violation_attempts"].items() if count}
    assert attempted == {"out_of_scope": 1}
    assert found["countersign_blocked_last_hour"] == {"robo": 4}


@pytest.mark.django_db
def test_only_the_agents_denied_most_have_a_name() -> None:
    for number in range(12):
        someone, _ = cast.agent(f"bot-{number:02}")
        for _ in range(1 if number < 2 else 2):
            cast.request(someone, **cast.FORBIDDEN)

    lately = scraped()["countersign_blocked_last_hour"]
    assert len(lately) == 11
    assert lately["(others)"] == 2


def test_alerts_and_breakers_are_counted_by_kind(agent: Agent) -> None:
    at = clock.now()
    for kind, key in (
        (AlertKind.RATE_APPROACHED, "a"),
        (AlertKind.REPEATED_DENIALS, "b"),
        (AlertKind.UNUSUAL_PATTERN, "c:rate"),
    ):
        alerts.raise_once(kind=kind, key=key, agent=agent, words="Look.", at=at)
    Alert.objects.filter(key="b").update(closed_at=at)
    BreakerTrip.objects.create(
        agent=agent,
        policy="p",
        kind=BreakerKind.ERROR_RATE.value,
        does=BreakerAction.PAUSE_AND_ALERT.value,
        words="Open.",
        opened_at=at,
        half_open_at=at,
    )

    found = scraped()
    assert found["rate_limit_approaches"] == {"": 1}
    assert found["repeated_approval_denials"] == {"": 1}
    assert found["unusual_action_patterns"]["rate"] == 1
    assert found["circuit_breaker_activations"]["error_rate"] == 1
    assert found["countersign_breakers_open"]["error_rate"] == 1
    assert found["countersign_alerts_open"]["repeated_approval_denials"] == 0
    assert found["countersign_alerts_open"]["rate_limit_approaches"] == 1


def test_a_guardrail_nobody_wrote_is_told_from_one_that_saw_nothing(agent: Agent) -> None:
    del agent
    found = scraped()

    assert found["countersign_guardrails_in_force"]["action_rule"] > 0
    assert found["countersign_guardrails_in_force"]["circuit_breaker"] >= 0
    assert found["countersign_policy_version"] == {"": 1}
    assert found["countersign_ready"] == {"": 1}


@pytest.mark.django_db
def test_without_a_policy_it_is_not_ready_and_has_no_version() -> None:
    assert not PolicyVersion.objects.exists()

    found = scraped()
    assert found["countersign_ready"] == {"": 0}
    assert found["countersign_policy_version"] == {}
    assert found["countersign_guardrails_in_force"] == {}


def test_a_changed_event_is_seen_at_the_next_look(agent: Agent) -> None:
    cast.request(agent)
    assert scraped()["countersign_chain_broken"] == {"": 0}

    event = AuditEvent(chain="forged", seq=0, type="x", at=clock.now(), actor="", hash="0" * 64)
    event.entry = {"chain": "forged", "seq": 0, "prev": "0" * 64}
    event.save(force_insert=True)

    assert scraped()["countersign_chain_broken"] == {"": 1}


def test_every_process_tells_the_same(agent: Agent) -> None:
    cast.request(agent, **cast.FORBIDDEN)

    one, another = (
        {line for line in metrics.page().decode().splitlines() if line.startswith(tuple(ISSUED))}
        for _ in range(2)
    )

    assert one == another
