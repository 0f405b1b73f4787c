"""Conditions by name: at, below and above their limits, and untold where nothing can be read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.policy import cel_text, conditions
from approvals.domain.policy.circumstances import UNKNOWN, Circumstances
from approvals.domain.policy.conditions import NAMED, Finding
from approvals.domain.policy.documents import load
from approvals.domain.policy.evaluate import evaluate
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval
from tests.domain.asked import (
    MONDAY_NOON,
    NOW,
    anything,
    asked,
    impacts,
    parameters,
    scaled,
    written,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/conditions.md").read_text()


def found(text: str, subject: Subject, now: Circumstances = NOW) -> Finding:
    """What comes of one condition, as a policy writes it."""
    (condition,) = conditions.read(written(text))
    return conditions.find(condition, subject, now)


def holds(text: str, subject: Subject, now: Circumstances = NOW) -> bool | None:
    return found(text, subject, now).holds


@pytest.mark.parametrize(
    ("text", "below", "edge", "above"),
    [
        ("maxReplicas: 20", scaled(18, 19), scaled(18, 20), scaled(18, 21)),
        ("maxPercentChange: 50", scaled(10, 14), scaled(10, 15), scaled(10, 16)),
        ("maxPercentChange: 50%", scaled(10, 6), scaled(10, 5), scaled(10, 4)),
        ("maxIncrease: 3", scaled(5, 7), scaled(5, 8), scaled(5, 9)),
        ("maxDecrease: 3", scaled(9, 7), scaled(9, 6), scaled(9, 5)),
        ("maxPods: 3", scaled(5, 7), scaled(5, 8), scaled(5, 1)),
        *(
            (f"{name}: {limit}", *(asked(impact={field: limit + step}) for step in (-0.5, 0, 0.5)))
            for name, limit, field in [
                ("maxCostPerHour", 12.5, "cost_per_hour_usd"),
                ("maxUsers", 1000, "users"),
            ]
        ),
        ("maxRecipients: 2", *(asked(recipients=["a@b.c"] * count) for count in (1, 2, 3))),
    ],
)
def test_each_maximum_at_its_edge(text: str, below: Subject, edge: Subject, above: Subject) -> None:
    assert [holds(text, subject) for subject in (below, edge, above)] == [True, True, False]


def test_the_minimum_of_replicas_at_its_edge() -> None:
    subjects = [scaled(5, after) for after in (3, 2, 1)]
    assert [holds("minReplicas: 2", subject) for subject in subjects] == [True, True, False]


def test_growth_and_shrinking_are_told_apart() -> None:
    assert holds("maxIncrease: 0", scaled(9, 1)) is True
    assert holds("maxDecrease: 0", scaled(1, 9)) is True


def test_values_and_words_say_what_was_compared() -> None:
    finding = found("maxPercentChange: 50", scaled(5, 8))
    assert finding.words == "60 %, at most 50 %"
    assert dict(finding.values) == {"percent": 60.0}
    assert found("maxReplicas: 20", scaled(5, 30)).words == "30 replicas, at most 20"


@pytest.mark.parametrize("name", [name for name in NAMED if name not in {"hours", "days"}])
def test_what_a_request_does_not_say_cannot_be_told(name: str) -> None:
    finding = found(f"{name}: {NAMED[name].example}", replace(asked(), target=""), UNKNOWN)
    assert finding.holds is None
    assert finding.words


def test_growing_from_nothing_cannot_be_told_in_percent() -> None:
    assert holds("maxPercentChange: 50", scaled(0, 1)) is None


def test_one_clear_amount_over_the_limit_fails_though_another_is_unclear() -> None:
    mixed = asked(parameters={"to_replicas": 30, "replicas": "x"})
    assert holds("maxReplicas: 20", mixed) is False
    assert holds("maxReplicas: 40", mixed) is None


@pytest.mark.parametrize(
    ("text", "field", "name", "answer"),
    [
        ("namespaces: [staging-*]", "namespace", "staging-a", True),
        ("namespaces: [staging-*]", "namespace", "prod-a", False),
        ("namespaces: [staging-*]", "namespace", "STAGING-a", None),
        ("namespaces: staging-*", "namespace", "ｓtaging-a", None),
        ("resources: [deployments]", "type", "Deployment", True),
        ("resources: [Service]", "type", "services", True),
        ("resources: [deployments]", "type", "secrets", False),
    ],
)
def test_where_it_acts(text: str, field: str, name: str, answer: bool | None) -> None:
    assert holds(text, asked(resource={field: name})) is answer


def test_targets_are_globs() -> None:
    assert holds("targets: ['web-*']", asked(target="web-1")) is True
    assert holds("targets: ['web-*']", asked(target="db-1")) is False
    assert holds("targets: ['web-*']", asked(target="WEB-1")) is None


def test_every_recipient_must_be_listed() -> None:
    text = "recipients: ['*@example.com']"
    assert holds(text, asked(recipients=["a@example.com", "b@example.com"])) is True
    assert holds(text, asked(recipients=["a@example.com", "b@example.com.evil"])) is False
    assert holds(text, asked(recipients=["a@Example.com"])) is None


def at(moment: str) -> Circumstances:
    return Circumstances(datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    ("text", "moment", "answer"),
    [
        ("hours: 08:00-18:00", "2026-03-02T07:59:59+00:00", False),
        ("hours: 08:00-18:00", "2026-03-02T08:00:00+00:00", True),
        ("hours: 08:00-18:00", "2026-03-02T17:59:59+00:00", True),
        ("hours: 08:00-18:00", "2026-03-02T18:00:00+00:00", False),
        ("hours: 08:00-18:00 Europe/Berlin", "2026-03-02T17:30:00+00:00", False),
        ("hours: 08:00-18:00 Europe/Berlin", "2026-07-02T06:00:00+00:00", True),
        ("hours: 22:00-06:00", "2026-03-02T23:00:00+00:00", True),
        ("hours: 22:00-06:00", "2026-03-02T05:59:00+00:00", True),
        ("hours: 22:00-06:00", "2026-03-02T12:00:00+00:00", False),
        ("days: mon-fri", "2026-03-06T12:00:00+00:00", True),
        ("days: mon-fri", "2026-03-07T12:00:00+00:00", False),
        ("days: sat-mon", "2026-03-02T12:00:00+00:00", True),
        ("days: sat-mon", "2026-03-03T12:00:00+00:00", False),
        ("days: mon, wed", "2026-03-04T12:00:00+00:00", True),
        ("days: [tue]", "2026-03-02T12:00:00+00:00", False),
        ("days: mon-fri Asia/Tokyo", "2026-03-06T16:00:00+00:00", False),
    ],
)
def test_hours_and_days(text: str, moment: str, answer: bool) -> None:
    assert holds(text, asked(), at(moment)) is answer


def test_what_the_agent_has_behind_it_is_counted_by_us() -> None:
    seasoned = Circumstances(MONDAY_NOON, history={"performed": 10, "failed": 1})
    assert holds("minPerformed: 10", asked(), seasoned) is True
    assert holds("minPerformed: 11", asked(), seasoned) is False
    assert holds("maxFailures: 1", asked(), seasoned) is True
    assert holds("maxFailures: 0", asked(), seasoned) is False
    boasting = asked(parameters={"performed": 99}, context={"history": {"performed": 99}})
    assert holds("minPerformed: 11", boasting, seasoned) is False


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("maxReplica: 20", "did you mean 'maxReplicas'"),
        ("max_replicas: 20", "did you mean 'maxReplicas'"),
        ("maxReplicas: lots", "a number of at least 0"),
        ("maxReplicas: -1", "a number of at least 0"),
        ("maxReplicas: true", "a number of at least 0"),
        ("maxPercentChange: 50 percent", "a percentage"),
        ("namespaces: []", "would never hold"),
        ("namespaces: [[a]]", "text is wanted"),
        ("hours: 8-18", "hours such as"),
        ("hours: 08:00-24:30", "hours such as"),
        ("hours: 08:00-08:00", "begin when they end"),
        ("hours: 08:00-18:00 Nowhere/X", "time zone 'Nowhere/X' is not known"),
        ("hours: 08:00-18:00 ../../etc/passwd", "is not known"),
        ("days: monday", "days such as"),
        ("days: mon-", "days such as"),
        ("days: [mon, xyz]", "not known"),
        ("days: []", "days such as"),
        ("days: ','", "days such as"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(PolicyInvalid, match=re.escape(complaint)):
        conditions.read(written(text))


def test_every_example_of_the_table_can_be_read() -> None:
    rows = re.findall(r"^\| `(.+?)` \|", conditions.table(), re.MULTILINE)
    assert len(rows) == len(NAMED) >= 14
    for row in rows:
        assert conditions.read(written(row))


def test_the_page_has_the_table_as_it_is_and_the_names_of_every_input() -> None:
    assert conditions.table() in PAGE
    names = [*cel_text.FIELDS, *(field for fields in cel_text.FIELDS.values() for field in fields)]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_the_example_of_the_page_does_what_it_says() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    matrix = (ROOT / "policies/default.yaml").read_text()
    rules = load({"default.yaml": matrix, "example.yaml": example})
    staging = {"namespace": "staging-a", "type": "deployments"}
    now = replace(NOW, history={"failed": 0})
    for after, answer in ((8, True), (11, False)):
        subject = scaled(5, after, "scale_api", resource=staging)
        found = [
            check
            for check in evaluate(rules, subject, now).checks
            if check.rule == "careful-scaling.scale_*"
        ]
        assert [check.leads_to is Approval.AUTO for check in found] == [answer]


def test_a_list_and_a_mapping_are_read_alike() -> None:
    listed = conditions.read(written("- maxReplicas: 20\n- maxPercentChange: 50"))
    mapped = conditions.read(written("{maxReplicas: 20, maxPercentChange: 50}"))
    assert [(c.name, c.limit) for c in listed] == [(c.name, c.limit) for c in mapped]


@given(
    given_parameters=parameters, impact=impacts, name=st.sampled_from(sorted(NAMED)), wild=anything,
)  # fmt: skip
def test_every_condition_answers_whatever_was_asked(
    given_parameters: Any, impact: Any, name: str, wild: Any
) -> None:
    subject = asked(parameters=given_parameters, impact=impact)
    strange = replace(NOW, history={"performed": wild, "failed": wild})
    finding = found(f"{name}: {NAMED[name].example}", subject, strange)
    assert finding.holds in (True, False, None)


@given(
    given_parameters=parameters,
    impact=impacts,
    name=st.sampled_from(sorted(name for name in NAMED if name.startswith("max"))),
    limits=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_raising_a_maximum_never_makes_it_fail(
    given_parameters: Any, impact: Any, name: str, limits: tuple[int, int]
) -> None:
    subject = asked("scale", parameters=given_parameters, impact=impact)
    tight, wide = (holds(f"{name}: {limit}", subject) for limit in sorted(limits))
    assert tight is not True or wide is True
