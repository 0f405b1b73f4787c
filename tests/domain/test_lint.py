"""Warnings: what can be applied and may still not be meant, each told where it stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from approvals.domain.policy import lint
from approvals.domain.policy.documents import load
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.remarks import Code, Facts
from approvals.domain.policy.remarks import Warning as Remark
from tests.domain.test_documents import DEFAULT, EXAMPLES, matrix, policy, team

WINTER, SUMMER = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)


def remarks(*documents: str, **facts: Any) -> list[Remark]:
    found = load({"p.yaml": "---\n".join(documents)})
    return list(lint.warnings(found, Facts(**facts)))


def codes(*documents: str, **facts: Any) -> list[Code]:
    return [each.code for each in remarks(*documents, **facts)]


ASKS_SOLO = "{approval: required, approvers: [{team: solo}], timeout: 5m}"
BASIS = (team("leads"), matrix())


def test_the_default_policy_is_meant_as_it_stands() -> None:
    assert codes(DEFAULT) == []


def test_a_warning_says_where_it_is() -> None:
    [one] = remarks(*BASIS, policy("a", "{name: x, risk: low}", "{name: x, risk: low}"))
    assert (one.place.file, one.place.line, one.place.column) == ("p.yaml", 22, 7)
    assert str(one).startswith("p.yaml:22:7: warning: a.x changes nothing: rule 1 of a (x, p.yaml ")
    assert str(one).endswith("[shadowed]")


# --- rules that cannot matter ----------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    ["{name: drop_x, approval: required}", "{name: 'drop_x*', risk: high}"],
)
def test_a_rule_that_another_one_forbids_is_never_reached(rule: str) -> None:
    never = policy("b", "{name: 'drop_*', approval: forbidden}")
    assert codes(*BASIS, policy("a", rule), never) == [Code.UNREACHABLE]
    others = policy("b", "{name: 'drop_*', approval: forbidden}", agents="[somebody-else]")
    assert codes(*BASIS, policy("a", rule), others) == []


@pytest.mark.parametrize("name", ["drop-database", "Drop_database", "drop_database ", "drop_[a-"])
def test_a_name_no_action_can_have_is_never_reached_even_by_what_it_forbids(name: str) -> None:
    rule = f"{{name: {name!r}, approval: forbidden}}"
    assert codes(*BASIS, policy("a", rule)) == [Code.UNREACHABLE]
    known = "{name: 'drop_[a-f]*_?', approval: forbidden}"
    assert codes(*BASIS, policy("a", known)) == []


def test_a_rule_for_writing_where_every_type_is_read_only_is_never_reached() -> None:
    scope = "name: s\nscope: {resource_types: [secrets (read-only)]}\n"
    rules = policy("a", "{name: scale, risk: low}", "{name: view_logs, risk: low}")
    [one] = remarks(*BASIS, scope, rules)
    assert "a.scale is never reached: s.scope lets every type be read only" in one.words
    mixed = scope.replace("[secrets", "[services, secrets")
    assert codes(*BASIS, mixed, rules) == []


def test_a_namespace_that_an_exclusion_takes_away_is_never_reached() -> None:
    scope = "agent: bot\nscope: {namespaces: [shop, 'my-database-*'], excluded: [-database-]}\n"
    [one] = remarks(*BASIS, scope)
    assert (one.code, one.place.line) == (Code.UNREACHABLE, 16)
    assert "'my-database-*' is never reached: bot.scope excludes '-database-'" in one.words


def test_scopes_of_one_agent_that_have_nothing_in_common_are_told() -> None:
    found = load({"default.yaml": DEFAULT, **EXAMPLES})
    [one] = [each for each in lint.warnings(found) if each.code is Code.UNREACHABLE]
    assert "no namespace is in deployment-bot.scope and in deployment-agent-production" in one.words


@pytest.mark.parametrize(
    ("rule", "by"),
    [
        ("{name: x, approval: auto}", "{name: x, approval: required}"),
        ("{name: x, approval: required}", "{name: 'x*', approval: required}"),
        ("{name: x, approval: auto}", "{name: x, approval: auto, risk: low}"),
        ("{name: x, risk: low}", "{name: x, risk: high}"),
        ("{name: x, approval: forbidden}", "{name: '*', approval: forbidden}"),
    ],
)
def test_a_rule_is_shadowed_by_one_that_says_as_much_or_more(rule: str, by: str) -> None:
    assert codes(*BASIS, policy("a", rule, by)) == [Code.SHADOWED]
    assert codes(*BASIS, policy("a", by, rule)) == [Code.SHADOWED]
    assert codes(*BASIS, policy("a", rule), policy("b", by, agents="[other]")) == []


@pytest.mark.parametrize(
    ("rule", "by"),
    [
        ("{name: x, approval: required}", "{name: x, approval: auto}"),
        ("{name: x, approval: auto}", "{name: x, risk: low}"),
        ("{name: x, risk: high}", "{name: x, approval: required}"),
        ("{name: 'x*', risk: low}", "{name: x, risk: low}"),
        ("{name: x, approval: required, timeout: 5m}", "{name: x, approval: required}"),
        (
            "{name: x, approval: required, approvers: [{team: leads}]}",
            "{name: x, approval: required}",
        ),
        (
            "{name: x, approval: auto, conditions: [{maxReplicas: 3}]}",
            "{name: x, approval: auto}",
        ),
        (
            "{name: x, approval: required}",
            "{name: x, approval: required, conditions: [{maxReplicas: 3}]}",
        ),
    ],
)
def test_a_rule_that_adds_something_is_not_shadowed(rule: str, by: str) -> None:
    said = remarks(*BASIS, policy("a", rule, by))
    assert [each for each in said if each.place.line == 21] == []


# --- what was asked --------------------------------------------------------------------------


def test_a_rule_no_request_met_in_90_days_is_told() -> None:
    rules = policy("a", "{name: 'scale_*', risk: low}", "{name: deploy, risk: low}")
    forbids = policy("b", "{name: drop, approval: forbidden}")
    asked = {("bot", "scale_up"): 3}
    [one] = remarks(*BASIS, rules, forbids, asked=asked)
    assert (one.code, one.words) == (
        Code.UNUSED,
        "a.deploy matched no request in the last 90 days",
    )
    assert codes(*BASIS, rules, asked={}) == codes(*BASIS, rules) == []


def test_a_rule_that_is_not_in_force_yet_is_not_told_to_match_nothing() -> None:
    rules = policy("a", "{name: deploy, risk: low}")
    asked = {("bot", "scale_up"): 3}
    assert codes(*BASIS, rules, asked=asked, in_force=frozenset()) == []
    assert codes(*BASIS, rules, asked=asked, in_force=frozenset({"deploy"})) == [Code.UNUSED]


def test_an_agent_that_nobody_registered_is_told_where_agents_are_known() -> None:
    rules = policy("a", "{name: deploy, risk: low}", agents="[deploy-bto]")
    [one] = remarks(*BASIS, rules, agents=frozenset({"deploy-bot"}))
    assert (one.code, one.words) == (
        Code.NO_AGENT,
        "a concerns deploy-bto, and no agent here has such a name; did you mean 'deploy-bot'?",
    )
    assert codes(*BASIS, rules) == codes(*BASIS, rules, agents=frozenset({"deploy-bto"})) == []


def test_what_other_agents_asked_does_not_count() -> None:
    rules = policy("a", "{name: scale, risk: low}", agents="[digger]")
    assert codes(*BASIS, rules, asked={("bot", "scale"): 3}) == [Code.UNUSED]
    assert codes(*BASIS, rules, asked={("digger", "scale"): 1}) == []


# --- people ----------------------------------------------------------------------------------


def test_a_team_without_members_is_told_where_members_are_known() -> None:
    [one] = remarks(*BASIS, members={"leads": frozenset()})
    assert one.code is Code.EMPTY_TEAM
    assert "countersign user add EMAIL --team leads" in one.words
    assert codes(*BASIS) == codes(*BASIS, members={"leads": frozenset({"a@example.com"})}) == []


def test_a_team_with_too_few_members_is_told() -> None:
    two = matrix("{approval: required, approvers: [{team: leads, quorum: 2}], timeout: 5m}")
    facts = {"members": {"leads": frozenset({"a@example.com"})}}
    assert codes(team("leads"), two, **facts) == [Code.TOO_FEW]


def test_an_owner_who_is_the_only_approver_is_told_for_each_row_and_rule() -> None:
    facts: dict[str, Any] = {
        "members": {"leads": frozenset({"sam@example.com"})},
        "owners": {"bot": "Sam@example.com"},
    }
    rule = "{name: x, approval: required, approvers: [{team: leads}]}"
    said = remarks(*BASIS, policy("a", rule), **facts)
    assert [each.code for each in said] == [Code.OWNER_ONLY] * 4
    assert "owns the agent bot and may not approve what it asks, so nobody can" in said[0].words
    facts["members"]["leads"] |= {"lin@example.com"}
    assert codes(*BASIS, policy("a", rule), **facts) == []


def test_an_owner_may_decide_what_is_of_low_risk() -> None:
    low = matrix().replace("low: {approval: auto}", "low: " + ASKS_SOLO)
    facts: dict[str, Any] = {
        "members": {
            "leads": frozenset({"lin@example.com"}),
            "solo": frozenset({"sam@example.com"}),
        },
        "owners": {"bot": "sam@example.com"},
    }
    assert codes(team("leads"), team("solo"), low, **facts) == []
    assert codes(team("leads"), team("solo"), matrix(ASKS_SOLO), **facts) == [Code.OWNER_ONLY]


def test_a_team_asked_after_an_escalation_helps_the_owner() -> None:
    row = (
        "{approval: required, approvers: [{team: leads}], timeout: 5m, on_timeout: escalate, "
        "escalate_to: [{team: more}]}"
    )
    facts: dict[str, Any] = {
        "members": {
            "leads": frozenset({"sam@example.com"}),
            "more": frozenset({"lin@example.com"}),
        },
        "owners": {"bot": "sam@example.com"},
    }
    said = remarks(team("leads"), team("more"), matrix(row), **facts)
    assert ["medium" in each.words for each in said] == [False, False]


def test_managers_nobody_has_are_told_where_people_are_known() -> None:
    row = (
        "{approval: required, approvers: [{team: leads}], timeout: 5m, on_timeout: escalate, "
        "escalate_to: manager}"
    )
    documents = (team("leads"), matrix(row))
    facts: dict[str, Any] = {"members": {"leads": frozenset({"lin@example.com"})}}
    assert codes(*documents) == codes(*documents, **facts) == []
    [one] = remarks(*documents, **facts, managers={"sam@example.com": "ada@example.com"})
    assert one.code is Code.NO_MANAGER
    assert "the row 'medium' of the matrix goes on to the managers of 'leads'" in one.words
    assert "countersign user add EMAIL --manager EMAIL" in one.words
    assert codes(*documents, **facts, managers={"lin@example.com": "ada@example.com"}) == []


def test_a_channel_that_is_not_set_up_is_told_where_channels_are_known() -> None:
    row = "{approval: required, approvers: [{team: leads}], timeout: 5m, CHANNEL}"
    there = {"channels": frozenset({"slack", "servicenow"})}
    for channel, words in (
        ("change_request: servicenow", "opens a change request in ServiceNow, which is not set up"),
        ("channels: ['servicenow:normal']", "opens a change request in ServiceNow"),
        ("channels: [C123, pagerduty]", "announces its requests in PagerDuty"),
    ):
        documents = (team("leads"), matrix(row.replace("CHANNEL", channel)))
        assert codes(*documents) == []
        [one] = remarks(*documents, channels=frozenset({"slack"}))
        assert one.code is Code.CHANNEL_OFF
        assert words in one.words
        assert "docs/settings.md" in one.words
    documents = (team("leads"), matrix(row.replace("CHANNEL", "change_request: servicenow")))
    assert codes(*documents, **there) == []


# --- hours -----------------------------------------------------------------------------------


def on_duty(*hours: str) -> tuple[str, str]:
    listed = ", ".join(hours)
    return (team("leads").replace("{members: []}", f"{{on_duty: [{listed}]}}"), matrix())


OFFICE = '{days: mon-fri, hours: "08:00-18:00", timezone: Europe/Berlin}'


def test_nobody_on_duty_between_two_times_is_told_with_them() -> None:
    [one] = remarks(*on_duty(OFFICE))
    assert one.code is Code.NOBODY_ON_DUTY
    assert "between Fri 18:00 and Mon 08:00; Mon 18:00 and Tue 08:00; Tue 18:00" in one.words
    assert "(Europe/Berlin); what is asked then expires after 5m, before anybody comes" in one.words


@pytest.mark.parametrize(
    "hours",
    [
        ('{hours: "00:00-24:00"}',),
        ('{hours: "08:00-20:00"}', '{hours: "20:00-08:00"}'),
        ('{days: mon-fri, hours: "00:00-24:00"}', '{days: [sat, sun], hours: "00:00-24:00"}'),
        ('{days: sat-thu, hours: "00:00-24:00"}', '{days: fri, hours: "0:00-24:00"}'),
    ],
)
def test_a_week_without_a_gap_is_no_warning(hours: tuple[str, ...]) -> None:
    assert codes(*on_duty(*hours)) == []


def test_hours_of_several_zones_are_compared_at_a_moment() -> None:
    two = (
        '{hours: "08:00-20:00", timezone: Europe/Berlin}',
        '{hours: "14:00-01:00", timezone: America/New_York}',
    )
    assert codes(*on_duty(*two)) == []
    for at, gap in (
        (WINTER, "Mon 06:00 and Mon 07:00"),
        (SUMMER, "Mon 05:00 and Mon 06:00"),
    ):
        [one] = remarks(*on_duty(*two), at=at)
        assert gap in one.words
        assert "(UTC)" in one.words


def test_a_team_no_plan_asks_may_sleep() -> None:
    other = on_duty(OFFICE)[0].replace("name: leads", "name: others")
    assert codes(*BASIS, other) == []


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        ("{days: mon-fri}", "'hours' is missing"),
        ('{hours: "8-18"}', "hours such as"),
        ('{hours: "08:00-08:00"}', "a whole day is"),
        ('{hours: "24:00-25:00"}', "hours"),
        ("{hours: 480}", "hours such as"),
        ('{days: mon-fry, hours: "08:00-18:00"}', "did you mean 'fri'"),
        ('{days: [], hours: "08:00-18:00"}', "days such as mon-fri"),
        ('{hours: "08:00-18:00", timezone: Europe/Berlni}', "did you mean 'Europe/Berlin'"),
        ('{hours: "08:00-18:00", timezone: ../etc/passwd}', "time zone"),
        ('{hour: "08:00-18:00"}', "did you mean 'hours'"),
    ],
)
def test_hours_that_make_no_sense_are_refused(hours: str, why: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        remarks(*on_duty(hours))
    assert why in str(refused.value)
    assert refused.value.problems[0].key.startswith("spec.on_duty[0]")


def test_a_part_of_a_policy_is_told_to_be_one() -> None:
    found = load(EXAMPLES, is_part=True)
    assert Code.NO_MATRIX in [each.code for each in lint.warnings(found)]
