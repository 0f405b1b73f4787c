"""Comparing policies: what cannot be proven equal or stricter counts as weaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.domain.plan import Requirement
from approvals.domain.policy import strict_sections
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.attention import Attention
from approvals.domain.policy.autonomy import AutonomyRules, Demotion
from approvals.domain.policy.blast import BlastRadius
from approvals.domain.policy.breakers import Breaker
from approvals.domain.policy.circumstances import UNKNOWN, Circumstances
from approvals.domain.policy.classification import DataRules
from approvals.domain.policy.conditions import Condition
from approvals.domain.policy.differences import Found
from approvals.domain.policy.documents import PolicySet, load
from approvals.domain.policy.evaluate import evaluate
from approvals.domain.policy.rates import Rate
from approvals.domain.policy.reading import Place
from approvals.domain.policy.rules import ActionRule
from approvals.domain.policy.scope import Scope
from approvals.domain.policy.strictness import compare
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval, RiskLevel, Stage
from tests.domain.test_policy import matrix

TEAMS = "\n---\n".join(
    f"apiVersion: guardrails.io/v1\nkind: Team\nmetadata: {{name: {name}}}\n"
    f"spec: {{members: [{members}]}}"
    for name, members in (("leads", "lin@example.com, max@example.com"), ("board", ""))
)
ASKS = "approval: required, approvers: [{team: leads, quorum: 2}], timeout: 5m"


def policy(*actions: str, name: str = "p", agents: str = "", **sections: str) -> str:
    listed = "".join(f"\n    - {action}" for action in actions)
    body = f"  actions:{listed}\n" if actions else ""
    body += "".join(f"  {key}: {value}\n" for key, value in sections.items())
    head = f"apiVersion: guardrails.io/v1\nkind: AgentPolicy\nmetadata: {{name: {name}}}\nspec:\n"
    return head + (f"  agents: {agents}\n" if agents else "") + body


def loaded(*documents: str, teams: str = TEAMS, rows: str = "") -> PolicySet:
    return load({"p.yaml": "\n---\n".join([teams, rows or matrix(), *documents])})


def between(before: Sequence[str], after: Sequence[str]) -> Found:
    return compare(loaded(*before), loaded(*after))


def rule_change(before: str, after: str) -> Found:
    return between(
        [policy(before, "{name: other, risk: high}")], [policy(after, "{name: other, risk: high}")]
    )


def test_the_same_files_differ_in_nothing() -> None:
    files = [policy("{name: scale, approval: auto, conditions: [{maxReplicas: 20}]}")]
    assert between(files, files) == Found()


def test_words_comments_and_the_order_of_documents_weaken_nothing() -> None:
    one, two = (
        policy("{name: a, risk: high, because: One.}"),
        policy("{name: b, risk: low}", name="q"),
    )
    reworded = policy("# a comment", "{name: a, risk: high, because: Two.}").replace("- #", "#")
    assert between([one, two], [two, reworded]) == Found()


WEAKER = [
    (
        "{name: drop, approval: forbidden}",
        "{name: drop, approval: required}",
        "was drop (forbidden)",
    ),
    ("{name: drop, approval: forbidden}", "{name: drop2, approval: forbidden}", "drop (forbidden)"),
    ("{name: a, approval: required}", "{name: a, approval: auto}", "is a (automatic)"),
    ("{name: a, risk: high}", "{name: a, risk: medium}", "risk medium, not high"),
    ("{name: a, risk: high}", "{name: a, approval: required}", "risk unrated, not high"),
    ("{name: a, approval: required}", "{name: a, approval: required, risk: low}", "risk low"),
    (
        "{name: a, approval: auto, conditions: {maxReplicas: 20}}",
        "{name: a, approval: auto, conditions: {maxReplicas: 21}}",
        "maxReplicas is 21, not 20",
    ),
    (
        "{name: a, approval: auto, conditions: {maxReplicas: 20}}",
        "{name: a, approval: auto}",
        "the condition maxReplicas 20 is gone",
    ),
    (
        "{name: a, approval: forbidden}",
        "{name: a, approval: forbidden, conditions: {maxReplicas: 20}}",
        "conditions changed",
    ),
    (
        "{name: a, approval: auto, conditions: {maxReplicas: 20}}",
        "{name: a, approval: required, conditions: {maxReplicas: 20}}",
        "is a (asks a person, under conditions)",
    ),
    (
        "{name: a, approval: required, approvers: [{team: leads, quorum: 2}]}",
        "{name: a, approval: required, approvers: [{team: leads}]}",
        "1 of leads must approve, not 2",
    ),
    (
        "{name: a, approval: required, approvers: [{team: leads}]}",
        "{name: a, approval: required}",
        "asks the people of the risk matrix instead",
    ),
    (
        "{name: a, approval: required, timeout: 5m}",
        "{name: a, approval: required, timeout: 6m}",
        "people have 6m, not 5m",
    ),
]


@pytest.mark.parametrize(("before", "after", "words"), WEAKER)
def test_what_a_rule_loses_is_told_with_its_line(before: str, after: str, words: str) -> None:
    found = rule_change(before, after)
    told = [str(each) for each in found.weaker]
    assert any(words in each for each in told), told
    assert all(each.startswith("p.yaml:") for each in told)


STRICTER = [
    ("{name: a, approval: auto}", "{name: a, approval: required}"),
    ("{name: a, approval: auto, conditions: {maxReplicas: 2}}", "{name: a, approval: required}"),
    ("{name: a, approval: required}", "{name: a, approval: forbidden}"),
    ("{name: a, approval: auto, conditions: {maxReplicas: 2}}", "{name: a, approval: forbidden}"),
    ("{name: a, risk: medium}", "{name: a, risk: high}"),
    ("{name: a, approval: auto}", "{name: a, approval: auto, conditions: {maxReplicas: 2}}"),
    (
        "{name: a, approval: auto, conditions: {maxReplicas: 3}}",
        "{name: a, approval: auto, conditions: {maxReplicas: 2}}",
    ),
    (
        "{name: a, approval: required, approvers: [{team: leads}]}",
        "{name: a, approval: required, approvers: [{team: leads, quorum: 2}, {team: board}]}",
    ),
    (
        "{name: a, approval: required, timeout: 5m}",
        "{name: a, approval: required, timeout: 4m}",
    ),
]


@pytest.mark.parametrize(("before", "after"), STRICTER)
def test_what_a_rule_gains_is_no_weakening(before: str, after: str) -> None:
    found = rule_change(before, after)
    assert not found.weaker
    assert found.stricter
    assert rule_change(after, before).weaker


def test_a_higher_risk_is_weaker_where_somebody_loses_their_say() -> None:
    both = "{approval: required, approvers: [{team: leads}, {team: board}], timeout: 4h}"
    board = "{approval: required, approvers: [{team: board, quorum: 2}], timeout: 4h}"
    rows = matrix(high=both, critical=board)

    def raised(before: str, after: str) -> Found:
        return compare(
            *(loaded(policy(f"{{name: a, risk: {r}}}"), rows=rows) for r in (before, after))
        )

    [told] = raised("high", "critical").weaker
    assert told.words == "p: a: risk critical, not high: other people decide"
    # Where an agent claims high, medium and high mean the same, and the board alone is left.
    assert raised("medium", "critical").weaker
    base, beside = policy("{name: a, risk: high}"), "{name: '*', risk: critical}"
    added = loaded(policy("{name: a, risk: high}", beside), rows=rows)
    assert compare(loaded(base, rows=rows), added).weaker
    whole = both.replace("{team: board}", "{team: board, quorum: 2}")
    rows = matrix(high=both, critical=whole)
    assert not raised("high", "critical").weaker


def test_a_rule_more_is_stricter_only_when_it_restricts() -> None:
    base = policy("{name: other, risk: high}")
    for rule in (
        "{name: drop, approval: forbidden}",
        "{name: a, approval: required}",
        "{name: a, risk: critical}",
        "{name: a, risk: medium}",
    ):
        found = between([base], [policy("{name: other, risk: high}", rule)])
        assert (len(found.weaker), len(found.stricter)) == (0, 1), rule
    for rule in (
        "{name: a, approval: auto}",
        "{name: a, risk: low}",
        "{name: a, approval: required, approvers: [{team: board}]}",
        "{name: a, approval: required, timeout: 9m}",
    ):
        found = between([base], [policy("{name: other, risk: high}", rule)])
        assert (len(found.weaker), len(found.stricter)) == (1, 0), rule


def test_a_rating_is_no_restriction_where_its_row_lets_through() -> None:
    rows = matrix(medium="{approval: auto}")
    before = loaded(policy("{name: other, risk: high}"), rows=rows)
    after = loaded(policy("{name: other, risk: high}", "{name: a, risk: medium}"), rows=rows)
    assert [each.words for each in compare(before, after).weaker] == [
        "p: a new rule: a (of risk medium)"
    ]


def test_taking_an_automatic_rule_away_is_at_once() -> None:
    kept = "{name: other, risk: high}"
    gone = between([policy("{name: a, approval: auto, risk: low}", kept)], [policy(kept)])
    assert not gone.weaker
    assert gone.stricter[0].gone


def test_a_bounded_automatic_rule_is_missed_where_another_lets_through() -> None:
    bounded = "{name: scale, approval: auto, conditions: {maxReplicas: 2}}"
    wide = "{name: 'sc*', approval: auto}"
    assert between([policy(bounded, wide)], [policy(wide)]).weaker
    assert not between(
        [policy(bounded, "{name: x, risk: low}")], [policy("{name: x, risk: low}")]
    ).weaker


def test_a_rating_that_could_not_be_told_asked_and_is_missed() -> None:
    large = '{name: refund, risk: low, when: "parameters.amount > 5.0"}'
    assert between(
        [policy("{name: refund, approval: auto}", large)],
        [policy("{name: refund, approval: auto}")],
    ).weaker


def test_a_rule_about_what_stage_full_lists_lets_it_run_by_itself() -> None:
    """What nobody classified is asked about even there; what a rule asks is not."""
    trust, whole = "{full: ['frob_*']}", "{name: frob_x, approval: required}"
    for rule in (whole, "{name: 'f*', risk: medium}"):
        assert between([policy(autonomy=trust)], [policy(rule, autonomy=trust)]).weaker
    bounded = "{name: frob_x, approval: auto, conditions: {maxReplicas: 2}}"
    assert between([policy(bounded, autonomy=trust)], [policy(whole, autonomy=trust)]).weaker
    for rule in ("{name: frob_x, risk: high}", "{name: other, approval: required}"):
        assert not between([policy(autonomy=trust)], [policy(rule, autonomy=trust)]).weaker


def test_a_rate_that_counts_fewer_actions_is_weaker() -> None:
    named, fewer = (
        policy(rate_limits=f"{{'deploy_*': {{max_per_hour: 5{actions}}}}}")
        for actions in ("", ", actions: [deploy_docs]")
    )
    [weaker] = between([named], [fewer]).weaker
    assert 'actions ["deploy_docs"], not none' in weaker.words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{approval: auto}", "nobody is asked any more"),
        (
            "{approval: required, approvers: [{team: leads}], timeout: 5m}",
            "1 of leads must approve",
        ),
        (f"{{{ASKS}0m}}".replace("5m0m", "50m"), "people have 50m, not 5m"),
        (f"{{{ASKS}, on_timeout: approve}}", "silence approves"),
        (
            f"{{{ASKS}, on_timeout: escalate, escalate_to: [{{team: board}}]}}",
            "board may approve too",
        ),
        (f"{{{ASKS}, pause: 5m}}", "stop the clock for 5m, not 0s"),
        (f"{{{ASKS}, grant_life: 1h}}", "wait to be used for 1h, not 15m"),
    ],
)
def test_a_row_that_asks_less_is_weaker(row: str, words: str) -> None:
    before = loaded(rows=matrix(medium=f"{{{ASKS}}}"))
    found = compare(before, loaded(rows=matrix(medium=row)))
    assert [each.words for each in found.weaker if words in each.words], found.weaker
    assert all("risk medium: " in each.words for each in found.weaker)


def test_a_fresh_sign_in_that_is_asked_for_no_more_is_weaker() -> None:
    without, with_it = (
        loaded(rows=matrix(medium=f"{{{ASKS}{also}}}")) for also in ("", ", step_up: true")
    )
    [weaker] = compare(with_it, without).weaker
    assert weaker.words.endswith("approving takes a fresh sign-in no more")
    found = compare(without, with_it)
    assert (len(found.weaker), len(found.stricter)) == (0, 1)


def test_a_row_that_asks_more_is_stricter() -> None:
    stricter = (
        ASKS.replace("5m", "4m").replace("}]", "}, {team: board}]") + ", reason_required: true"
    )
    found = compare(
        loaded(rows=matrix(medium=f"{{{ASKS}}}")), loaded(rows=matrix(medium=f"{{{stricter}}}"))
    )
    assert (len(found.weaker), len(found.stricter)) == (0, 3)


def test_a_row_that_asks_now_takes_no_question_from_those_who_were_asked_before() -> None:
    """Where a row asks nobody, what a check asks goes to the people of the row above."""
    high = "{approval: required, approvers: [{team: leads}, {team: board}], timeout: 5m}"
    nobody = loaded(rows=matrix(medium="{approval: auto}", high=high))
    for row, weakens in ((high, 0), (high.replace("{team: leads}, ", ""), 1)):
        found = compare(nobody, loaded(rows=matrix(medium=row, high=high)))
        assert (len(found.weaker), len(found.stricter)) == (weakens, 1)


def test_who_joins_a_team_may_decide_and_that_is_a_weakening() -> None:
    more = TEAMS.replace("[]", "[mallory@example.com]")
    [weaker] = compare(loaded(), loaded(teams=more)).weaker
    assert "mallory@example.com may decide for the team board" in weaker.words
    assert compare(loaded(teams=more), loaded()) == Found()


def test_a_policy_for_fewer_agents_is_weaker_and_for_more_only_when_it_restricts() -> None:
    forbids = "{name: drop, approval: forbidden}"
    every, some = policy(forbids), policy(forbids, agents="[digger]")
    assert between([every], [some]).weaker
    assert not between([some], [every]).weaker
    allows = "{name: a, approval: auto}"
    assert between([policy(allows, agents="[digger]")], [policy(allows)]).weaker


def test_a_policy_that_is_gone_takes_its_limits_along() -> None:
    limits = policy(name="limits", rateLimits="{actionsPerHour: 5}")
    base = policy("{name: a, risk: high}")
    [weaker] = between([base, limits], [base]).weaker
    assert weaker.gone
    assert "(in force)" in str(weaker)
    assert not between([base], [base, limits]).weaker


LIMITS = [
    ("scope", "{namespaces: ['prod-a*']}", "{namespaces: ['prod-*']}"),
    ("scope", "{namespaces: [prod], targets: [a]}", "{namespaces: [prod]}"),
    ("scope", "{resources: [secrets (read-only)]}", "{resources: [secrets]}"),
    ("scope", "{resources: [deployments]}", "{resources: [deployments, services]}"),
    ("scope", "{excluded: [-database-, -payment-]}", "{excluded: [-database-]}"),
    ("blastRadius", "{pods: 10}", "{pods: 11}"),
    ("blastRadius", "{pods: 10, users: 1000}", "{pods: 10}"),
    ("blast_radius", "{max_replica_percent: 25%}", "{max_replica_percent: 26%}"),
    ("circuitBreaker", "{errorRate: 0.1, window: 5m}", "{errorRate: 0.2, window: 5m}"),
    (
        "circuit_breakers",
        "{rollback_count: {threshold: 3, window: 1h, action: pause_and_alert}}",
        "{rollback_count: {threshold: 3, window: 1h, action: require_human_review}}",
    ),
    (
        "circuit_breakers",
        "{rollback_count: {threshold: 3, window: 1h}, error_rate: {threshold: 10%, window: 5m}}",
        "{rollback_count: {threshold: 3, window: 1h}}",
    ),
    ("rateLimits", "{actionsPerHour: 5}", "{actionsPerHour: 6}"),
    ("rateLimits", "{actionsPerHour: 5}", "{actionsPerDay: 5}"),
    ("rateLimits", "{cooldownAfterFailure: 30m}", "{cooldownAfterFailure: 29m}"),
    (
        "rate_limits",
        "{deployments: {max_per_hour: 5, max_per_day: 20}}",
        "{deployments: {max_per_hour: 5}}",
    ),
    (
        "rate_limits",
        "{scaling_events: {max_increase_per_event: 50%}}",
        "{scaling_events: {max_increase_per_event: 51%}}",
    ),
    ("attention", "{questions_per_hour: 20}", "{questions_per_hour: 21}"),
    ("attention", "{denied_cooldown: 30m}", "{denied_cooldown: 29m}"),
    ("autonomy", "{full: [scale]}", "{full: [scale, restart]}"),
    ("autonomy", "{demote: {agreement_below: 90%}}", "{demote: {agreement_below: 80%}}"),
]


@pytest.mark.parametrize(("section", "before", "after"), LIMITS)
def test_a_limit_that_is_raised_is_weaker_and_one_that_is_lowered_is_not(
    section: str, before: str, after: str
) -> None:
    old, new = policy(**{section: before}), policy(**{section: after})
    assert between([old], [new]).weaker
    if "PerDay" not in after:
        lowered = between([new], [old])
        assert not lowered.weaker
        assert lowered.stricter


@pytest.mark.parametrize(
    ("section", "value", "is_weaker"),
    [
        ("dataClassification", "{scan: [names, accounts, emails, secrets]}", False),
        ("dataClassification", "{scan: [emails]}", True),
        ("dataClassification", "{internal: [send_report]}", True),
        ("autonomy", "{full: [scale]}", True),
        ("autonomy", "{demote: {agreement_below: 90%}}", False),
        ("autonomy", "{demote: {agreement_below: 80%}}", True),
        ("attention", "{questions_per_hour: 20}", False),
        ("attention", "{share_cards: false}", True),
        ("scope", "{namespaces: [prod], without_resource: ['create_*']}", False),
        ("blastRadius", "{pods: 10}", False),
        ("circuitBreaker", "{errorRate: 0.1, window: 5m}", False),
    ],
)
def test_a_new_section_is_weaker_where_it_frees_from_what_holds_without_it(
    section: str, value: str, is_weaker: bool
) -> None:
    limits = policy(name="limits", **{section: value})
    found = between([], [limits])
    assert (bool(found.weaker), bool(found.stricter)) == (is_weaker, not is_weaker)
    [gone] = between([limits], []).weaker
    assert gone.gone


@pytest.mark.parametrize(
    ("section", "kinds"),
    [
        ("scope", [Scope]),
        ("rates", [Rate]),
        ("breakers", [Breaker]),
        ("blast", [BlastRadius]),
        ("data", [DataRules]),
        ("autonomy", [AutonomyRules, Demotion]),
        ("attention", [Attention]),
    ],
)
def test_every_limit_was_thought_about(section: str, kinds: list[Any]) -> None:
    told = {"policy", "place", strict_sections.KEYS.get(section), *OPEN_QUESTIONS}
    names = {each.name for kind in kinds for each in fields(kind)} - told
    assert names == set(strict_sections.LIMITS[section])


# Nobody can say which way these are strict, so any change of them is weaker.
OPEN_QUESTIONS = {"window", "share_cards", "demotion"}


# --- the law ---------------------------------------------------------------------------------
# Sets are made without the loader: it would refuse most of those that are worth a look.

PLACE = Place("p.yaml", 1, 1)
MATRICES = [
    loaded(rows=matrix(low=low, medium=medium)).matrix
    for low in ("{approval: auto}", f"{{{ASKS}}}")
    for medium in (f"{{{ASKS}}}", "{approval: auto}")
]
limits = st.sampled_from(
    [(), (Condition("maxReplicas", 1, PLACE),), (Condition("maxReplicas", 3, PLACE),)]
)


def readable(rule: ActionRule) -> ActionRule:
    """The rule without what no file may say together."""
    if rule.approval in {Approval.AUTO, Approval.FORBIDDEN}:
        rule = replace(rule, approvers=())
    if rule.approval is Approval.AUTO and rule.risk is RiskLevel.HIGH:
        return replace(rule, risk=RiskLevel.MEDIUM)
    if rule.approval is None and rule.risk is None:
        return replace(rule, risk=RiskLevel.MEDIUM)
    return rule


def a_rule_of(
    pattern: str,
    approval: Approval | None,
    risk: RiskLevel | None,
    conditions: tuple[Condition, ...],
    quorum: int,
) -> ActionRule:
    asked = (Requirement("leads", quorum),) if quorum else ()
    rule = ActionRule(
        pattern, approval, risk, "", "p", PLACE, conditions=conditions, approvers=asked
    )
    return readable(rule)


a_rule = st.builds(
    a_rule_of,
    st.sampled_from(("a", "a*")),
    st.sampled_from([None, *Approval]),
    st.sampled_from([None, RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH]),
    limits,
    st.sampled_from([0, 0, 1, 2]),
)
TRUST = AutonomyRules("p", PLACE, full=("a*",))
TRUSTED = Circumstances(UNKNOWN.now, stages={"*": Stage.FULL})
agents = st.sampled_from([("*",), ("*",), ("*",), ("robo",), ("digger",)])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[PolicySet, PolicySet]:
    """Two sets that differ in little, so that many pairs are not weaker."""
    matrices = st.sampled_from(MATRICES)
    rows, before = draw(matrices), draw(st.lists(a_rule, max_size=3))
    after = list(before)
    at = draw(st.integers(0, len(before)))
    change = draw(st.sampled_from(("drop", "add", "one field", "one field")))
    kept = after[at : at + 1]
    if change != "add":
        del after[at : at + 1]
    if change != "drop":
        made = draw(a_rule)
        field = draw(st.sampled_from(("approval", "risk", "conditions", "approvers")))
        if change == "one field" and kept:
            made = readable(replace(kept[0], **{field: getattr(made, field)}))
        after.insert(at, made)
    for_whom, trust = draw(agents), draw(st.sampled_from((None, None, TRUST)))
    policies = [
        AgentPolicy("p", whom, PLACE, rules=tuple(rules), autonomy=trust)
        for whom, rules in ((for_whom, before), (draw(st.sampled_from([for_whom, ("*",)])), after))
    ]
    rows_after = rows if draw(st.integers(0, 3)) else draw(matrices)
    return PolicySet(rows, (policies[0],)), PolicySet(rows_after, (policies[1],))


subjects = st.builds(
    lambda action, replicas, claimed: Subject(
        "robo", action, "prod", {} if replicas is None else {"replicas": replicas}, claimed
    ),
    st.sampled_from(("a", "ab")),
    st.sampled_from((None, 1, 2, 4)),
    st.sampled_from((None, *RiskLevel)),
)


@settings(max_examples=600)
@given(pairs(), st.lists(subjects, min_size=6, max_size=6))
def test_what_is_not_weaker_judges_no_request_less_strictly(
    pair: tuple[PolicySet, PolicySet], asked: list[Subject]
) -> None:
    if compare(*pair).weaker:
        return
    for subject in asked:
        before, after = (evaluate(policies, subject, TRUSTED) for policies in pair)
        assert after.verdict.rank >= before.verdict.rank, (before, after)
        if after.plan and before.plan and after.effective is before.effective:
            assert _seats(after.plan) >= _seats(before.plan)


def _seats(plan: Any) -> int:
    return sum(stage.seats for stage in plan.stages)
