"""Policy: documents read whole or refused with their place, and one verdict per request."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.plan import Plan, Requirement
from approvals.domain.policy.checks import Result
from approvals.domain.policy.documents import PolicySet, load
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.subject import Subject
from approvals.domain.policy.yaml_text import NODE_LIMIT, SIZE_LIMIT
from approvals.domain.terms import Approval, OnTimeout, RiskLevel

POLICIES = Path(__file__).resolve().parents[2] / "policies"
TEAM = """
apiVersion: guardrails.io/v1
kind: Team
metadata: {name: leads, title: Team leads}
spec: {members: [lin@example.com, ada@example.com]}
"""
ASK = "{approval: required, approvers: [{team: leads}], timeout: 5m}"


def matrix(**rows: str) -> str:
    lines = {"low": "{approval: auto}", "medium": ASK, "high": ASK, "critical": ASK} | rows
    body = "\n".join(f"  {level}: {row}" for level, row in lines.items())
    return f"apiVersion: guardrails.io/v1\nkind: RiskMatrix\nmetadata: {{name: m}}\nspec:\n{body}\n"


def rules(*actions: str, agents: str = "") -> str:
    listed = "\n".join(f"    - {action}" for action in actions)
    head = "apiVersion: guardrails.io/v1\nkind: AgentPolicy\nmetadata: {name: p}\nspec:\n"
    return f"{head}{agents}  actions:\n{listed}\n"


def together(*documents: str) -> PolicySet:
    return load({"p.yaml": "\n---\n".join(documents)})


def judged(*documents: str, action: str = "scale", claimed: RiskLevel | None = None) -> Evaluation:
    policy = together(TEAM, *documents)
    return evaluate(policy, Subject("robo", action, "production", {}, claimed))


def plan_of(row: str, level: str = "medium") -> Plan:
    return together(TEAM, matrix(**{level: row})).matrix[RiskLevel(level)].plan


def refusal(*documents: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        together(*documents)
    return str(refused.value)


# --- the default matrix ----------------------------------------------------------------------

DEFAULT = load({"default.yaml": (POLICIES / "default.yaml").read_text()}, version=7)


def by_default(action: str, claimed: RiskLevel | None = None) -> Evaluation:
    return evaluate(DEFAULT, Subject("robo", action, "production", {}, claimed))


@pytest.mark.parametrize(
    ("action", "risk", "verdict"),
    [
        ("view_logs", "low", "auto"),
        ("create_ticket", "low", "auto"),
        ("scale_deployment", "medium", "required"),
        ("config_change", "high", "required"),
        ("database_migration", "critical", "required"),
        ("something_new", "medium", "required"),
    ],
)
def test_the_default_matrix_judges_as_it_is_told(action: str, risk: str, verdict: str) -> None:
    evaluation = by_default(action)
    assert (evaluation.effective, evaluation.verdict) == (risk, verdict)
    assert evaluation.reason_code == f"risk_{risk}_{verdict}"
    assert evaluation.policy_version == 7


def test_the_default_plans_are_those_of_the_mission() -> None:
    plans = {level: row.plan for level, row in DEFAULT.matrix.items()}
    [medium] = plans[RiskLevel.MEDIUM].stages
    assert medium.requirements == (Requirement("team-leads"),)
    assert [rung.window for rung in medium.rungs] == [timedelta(minutes=5)] * 2
    assert medium.rungs[1].also == ("managers",)
    [high] = plans[RiskLevel.HIGH].stages
    assert high.requirements == (Requirement("managers"), Requirement("security"))
    [critical] = plans[RiskLevel.CRITICAL].stages
    assert critical.requirements == (Requirement("change-board", 2),)
    assert plans[RiskLevel.LOW].approval is Approval.AUTO


def test_a_forbidden_action_is_denied_with_its_reason_and_place() -> None:
    evaluation = by_default("drop_database", RiskLevel.LOW)
    assert (evaluation.verdict, evaluation.plan) == (Approval.FORBIDDEN, None)
    assert evaluation.reason_code == "action_forbidden"
    [forbidden] = [check for check in evaluation.checks if check.name == "forbidden"]
    assert (forbidden.result, forbidden.words) == (Result.FAIL, "No agent drops a database.")
    assert forbidden.file == "default.yaml"
    line = (POLICIES / "default.yaml").read_text().splitlines()[forbidden.line - 1]
    assert "drop_database" in line


def test_an_action_nobody_classified_is_asked_about() -> None:
    evaluation = by_default("something_new", RiskLevel.LOW)
    assert evaluation.verdict is Approval.REQUIRED
    assert evaluation.because[0] == "Nobody has classified this action."
    assert "could_not_check" in [step["result"] for step in evaluation.to_json()]


# --- the laws of the verdict -----------------------------------------------------------------


@given(st.text(max_size=30), st.sampled_from([None, *RiskLevel]))
def test_a_claim_never_lowers_the_computed_risk(action: str, claimed: RiskLevel | None) -> None:
    evaluation = by_default(action, claimed)
    assert evaluation.effective.rank == max(
        evaluation.computed.rank, claimed.rank if claimed else 0
    )


def test_a_claim_is_told_whichever_way_it_differs() -> None:
    assert by_default("view_logs", RiskLevel.HIGH).because[1] == "The agent itself claims high."
    assert "does not lower it" in by_default("config_change", RiskLevel.LOW).because[1]
    assert len(by_default("config_change", RiskLevel.HIGH).because) == 1


def test_a_higher_claim_is_believed() -> None:
    evaluation = by_default("view_logs", RiskLevel.CRITICAL)
    assert (evaluation.verdict, evaluation.effective) == (Approval.REQUIRED, RiskLevel.CRITICAL)


def test_ask_beats_auto_when_two_rules_match() -> None:
    for order in ((0, 1), (1, 0)):
        two = (
            "{name: 'create_*', approval: auto, risk: low}",
            "{name: create_ticket, approval: required}",
        )
        evaluation = judged(matrix(), rules(*(two[n] for n in order)), action="create_ticket")
        assert evaluation.verdict is Approval.REQUIRED
        assert judged(matrix(), rules(*two), action="create_note").verdict is Approval.AUTO


def test_deny_beats_everything() -> None:
    two = rules("{name: '*', approval: auto, risk: low}", "{name: scale, approval: forbidden}")
    assert judged(matrix(), two).verdict is Approval.FORBIDDEN


def test_an_unclassified_action_is_asked_even_where_its_row_would_pass() -> None:
    assert judged(matrix(medium="{approval: auto}")).verdict is Approval.REQUIRED


def test_a_rule_passes_what_the_matrix_asks_up_to_medium() -> None:
    evaluation = judged(matrix(), rules("{name: scale, approval: auto, risk: medium}"))
    assert evaluation.verdict is Approval.AUTO
    assert judged(matrix(), rules("{name: scale, approval: auto}")).verdict is Approval.AUTO


def test_no_rule_passes_what_is_of_high_risk() -> None:
    high = rules("{name: scale, approval: auto}", "{name: 'sc*', risk: high}")
    assert judged(matrix(), high).verdict is Approval.REQUIRED
    claimed = judged(matrix(), rules("{name: scale, approval: auto}"), claimed=RiskLevel.HIGH)
    assert claimed.verdict is Approval.REQUIRED


def test_who_must_ask_on_a_passing_row_asks_the_next_rows_people() -> None:
    evaluation = judged(matrix(), rules("{name: scale, approval: required, risk: low}"))
    assert evaluation.effective is RiskLevel.LOW
    assert evaluation.plan is not None
    assert evaluation.plan.approval is Approval.REQUIRED
    assert evaluation.plan.stages
    assert evaluation.plan.risk is RiskLevel.LOW


def test_the_worst_of_several_ratings_counts() -> None:
    evaluation = judged(matrix(), rules("{name: 'sc*', risk: low}", "{name: scale, risk: high}"))
    assert evaluation.computed is RiskLevel.HIGH
    assert evaluation.because == ("p rates scale as high.",)


def test_a_rule_may_be_for_some_agents_only() -> None:
    only = rules("{name: scale, approval: forbidden}", agents="  agents: ['digger*']\n")
    assert judged(matrix(), only).verdict is Approval.REQUIRED


def test_the_words_of_a_forbidding_rule_are_made_when_it_has_none() -> None:
    evaluation = judged(matrix(), rules("{name: scale, approval: forbidden}"))
    assert evaluation.checks[1].words == "p forbids scale."


# --- rows of the matrix ----------------------------------------------------------------------


def test_a_row_becomes_a_plan() -> None:
    plan = plan_of(
        "{approval: required, approvers: [{team: leads, quorum: 2}], timeout: 1h, pause: 10m, "
        "remind_at: [90%, 25%], grant_life: 1m, reason_required: true, channels: [slack]}"
    )
    assert (plan.pause, plan.grant_life) == (timedelta(minutes=10), timedelta(minutes=1))
    assert plan.remind_at == (0.25, 0.9)
    assert (plan.approve_reason_required, plan.channels, plan.owner_may_decide) == (
        True,
        ("slack",),
        False,
    )
    assert plan.stages[0].on_timeout is OnTimeout.EXPIRE


def test_a_row_may_ask_for_a_fresh_sign_in() -> None:
    assert plan_of(ASK[:-1] + ", step_up: true}").step_up
    assert not plan_of(ASK[:-1] + ", step_up: false}").step_up
    assert not plan_of(ASK).step_up


def test_stages_follow_one_another() -> None:
    stage = "{approvers: [{team: leads}], timeout: 5m}"
    assert len(plan_of(f"{{approval: required, stages: [{stage}, {stage}]}}").stages) == 2


def test_an_escalation_without_a_time_waits_as_long_as_the_timeout() -> None:
    plan = plan_of(
        "{approval: required, approvers: [{team: leads}], timeout: 5m, on_timeout: escalate, "
        "escalate_to: [{team: leads, after: 1m}, {team: leads}]}"
    )
    assert [rung.window.seconds for rung in plan.stages[0].rungs] == [60, 300, 300]


TO_MANAGERS = (
    "{approval: required, approvers: [{team: leads}, {team: guards}], timeout: 5m, "
    "on_timeout: escalate, escalate_to: STEPS}"
)
GUARDS = TEAM.replace("leads", "guards")


@pytest.mark.parametrize(
    ("steps", "also"),
    [
        ("manager", ("manager:leads", "manager:guards")),
        ("[manager]", ("manager:leads", "manager:guards")),
        ("[{manager: guards}]", ("manager:guards",)),
        ("[{manager: guards, after: 5m}]", ("manager:guards",)),
    ],
)
def test_an_escalation_may_go_to_the_managers_of_those_asked(
    steps: str, also: tuple[str, ...]
) -> None:
    policy = together(TEAM, GUARDS, matrix(medium=TO_MANAGERS.replace("STEPS", steps)))
    [stage] = policy.matrix[RiskLevel.MEDIUM].plan.stages
    assert [(rung.window.seconds, rung.also) for rung in stage.rungs] == [(300, ()), (300, also)]
    assert stage.teams(1) == ("leads", "guards", *also)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ("[{manager: laeds}]", "'laeds' is not declared by any document of kind Team; did you mean 'le"),
        ("[{manager: leads, team: guards}]", "one of 'team', 'on_call' and 'manager' is wanted here"),
        ("[{team: 'manager:leads'}]", "'manager:leads' is not declared"),
        ("managers", "a list is wanted"),
        (f"[{{manager: {'x' * 73}}}]", "too long"),
    ],
)  # fmt: skip
def test_managers_nobody_can_name_are_refused(steps: str, why: str) -> None:
    assert why in refusal(TEAM, GUARDS, matrix(medium=TO_MANAGERS.replace("STEPS", steps)))


def test_no_team_is_called_like_the_managers_of_one() -> None:
    words = "names that begin with 'manager:' stand for the managers of a team's people"
    assert words in refusal(TEAM, TEAM.replace("name: leads", "name: 'manager:leads'"), matrix())


@pytest.mark.parametrize(("risk", "also"), [("medium", "guards"), ("high", "leads guards")])
def test_a_rule_that_asks_others_goes_on_to_their_managers(risk: str, also: str) -> None:
    row = TO_MANAGERS.replace(", {team: guards}", "").replace("STEPS", "manager")
    rule = f"{{name: scale, risk: {risk}, approval: required, approvers: [{{team: guards}}]}}"
    evaluation = judged(GUARDS, matrix(medium=row, high=row), rules(rule))
    assert evaluation.plan is not None
    asked = evaluation.plan.stages[0].rungs[1].also
    assert asked == tuple(f"manager:{team}" for team in also.split())


def test_silence_may_consent_up_to_medium_and_never_above() -> None:
    row = "{approval: required, approvers: [{team: leads}], timeout: 5m, on_timeout: approve}"
    assert plan_of(row).stages[0].on_timeout is OnTimeout.APPROVE
    assert "silence never approves above medium" in refusal(TEAM, matrix(high=row))


def test_low_risk_may_be_decided_by_the_owner_when_it_is_asked() -> None:
    assert plan_of(ASK, "low").owner_may_decide


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{approvers: [{team: leads}], timeout: 5m}", "'approval' is missing"),
        ("{approval: forbidden}", "'forbidden' is not known here"),
        ("{approval: auto, grant_life: 0s}", "more than nothing"),
        ("{approval: required, timeout: 5m}", "either 'approvers' (one stage) or 'stages'"),
        ("{approval: required, stages: []}", "at least one stage"),
        ("{approval: required, approvers: [{team: leads}]}", "'timeout' is missing"),
        (
            "{approval: required, approvers: [], timeout: 5m}",
            "an empty list would let nobody approve",
        ),
        ("{approval: required, approvers: [{quorum: 1}], timeout: 5m}", "'team' is missing"),
        ("{approval: required, approvers: [{team: leads, quorum: 0}], timeout: 5m}", "at least 1"),
        (
            "{approval: required, approvers: [{team: leads, quorum: yes}], timeout: 5m}",
            "whole number",
        ),
        (
            "{approval: required, approvers: [{team: leeds}], timeout: 5m}",
            "'leeds' is not declared",
        ),
        ("{approval: required, approvers: {team: leads}, timeout: 5m}", "a list is wanted"),
        ("{approval: required, approvers: [leads], timeout: 5m}", "a mapping"),
        ("{approval: required, approvers: [{team: leads}], timeout: soon}", "a span of time"),
        (ASK[:-1] + ", on_timeout: escalate}", "go together"),
        (ASK[:-1] + ", escalate_to: [{team: leads}]}", "go together"),
        (
            ASK[:-1] + ", on_timeout: escalate, escalate_to: [{after: 5m}]}",
            "one of 'team', 'on_call' and 'manager' is wanted here",
        ),
        (ASK[:-1] + ", reason_required: 1}", "true or false"),
        (ASK[:-1] + ", step_up: 1}", "true or false"),
        ("{approval: auto, step_up: true}", "here nobody is asked"),
        (ASK[:-1] + ", remind_at: [0%]}", "a share of the time"),
        (ASK[:-1] + ", remind_at: [²%]}", "a share of the time"),
        (ASK[:-1] + ", timeuot: 5m}", "did you mean 'timeout'?"),
        (ASK[:-1] + ", channels: ['']}", "text is wanted"),
        (ASK[:-1] + ", channels: null}", "a list is wanted"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_with_its_place(row: str, why: str) -> None:
    words = refusal(TEAM, matrix(medium=row))
    assert why in words
    assert words.startswith("p.yaml:")


def test_high_risk_is_never_automatic() -> None:
    assert "never approved automatically" in refusal(TEAM, matrix(high="{approval: auto}"))
    both = refusal(TEAM, matrix(), rules("{name: x, approval: auto, risk: critical}"))
    assert "never approved automatically" in both


# --- documents -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("apiVersion: guardrails.io/v1\nkind: Team\nspec: {}\n", "'metadata' is missing"),
        (
            "apiVersion: guardrails.io/v2\nkind: Team\nmetadata: {name: x}\nspec: {}\n",
            "'guardrails.io/v2'",
        ),
        (
            "apiVersion: guardrails.io/v1\nkind: Taem\nmetadata: {name: x}\nspec: {}\n",
            "did you mean 'Team'?",
        ),
        (
            "apiVersion: guardrails.io/v1\nkind: Team\nmetadata: {title: x}\nspec: {}\n",
            "'name' is missing",
        ),
        (
            "apiVersion: guardrails.io/v1\nkind: AgentPolicy\nmetadata: {name: x}\nspec: {}\n",
            "at least one section",
        ),
        (rules("{approval: auto}"), "'name' is missing"),
        (rules("{name: x}"), "say 'approval', 'risk' or both"),
        (TEAM, "stands twice"),
        (matrix(), "one too many"),
        ("just words", "a mapping"),
        ("[unclosed", "not YAML"),
        ("a: \x01", "not YAML"),
        ("kind: Team\nkind: Team\n", "stands twice"),
        ("? [a]\n: b\n", "a key must be plain text"),
        ("a: &anchor 1\n", "anchors and aliases"),
        ("a: !!python/name:os.system x\n", "is not allowed"),
        ("a: !!int ²\n", "'a' is not known here"),
        ("a: !!int +-5\n", "'a' is not known here"),
        ("[" * 2_000 + "]" * 2_000, "the file is too large"),
        ("# " + "x" * SIZE_LIMIT, "at most 256 KiB"),
        ("[" + "1," * (NODE_LIMIT + 1) + "]", "the file is too large"),
    ],
)
def test_a_document_with_a_surprise_is_refused_whole(document: str, why: str) -> None:
    words = refusal(TEAM, matrix(), document)
    assert why in words


def test_a_matrix_has_a_row_for_every_level() -> None:
    short = matrix().partition("  medium:")[0]
    assert "the row 'medium' is missing" in refusal(TEAM, short)


def test_there_is_always_a_matrix() -> None:
    assert "no document of kind RiskMatrix" in refusal(TEAM)


def test_an_empty_file_is_refused() -> None:
    assert "the file is empty" in refusal("# nothing")


def test_every_bad_file_is_named_at_once() -> None:
    with pytest.raises(PolicyInvalid) as refused:
        load({"a.yaml": "kind: x", "b.yaml": "[", "c.yaml": TEAM + "\n---\n" + matrix()})
    assert {problem.place.file for problem in refused.value.problems} == {"a.yaml", "b.yaml"}


def test_a_team_knows_its_members_and_its_title() -> None:
    teams = together(TEAM, matrix()).teams
    assert (teams["leads"].title, teams["leads"].members) == (
        "Team leads",
        ("lin@example.com", "ada@example.com"),
    )
    plain = "apiVersion: guardrails.io/v1\nkind: Team\nmetadata: {name: crew}\nspec: {}\n"
    crew = together(TEAM, plain, matrix()).teams["crew"]
    assert (crew.title, crew.members) == ("crew", ())


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_by_place(text: str) -> None:
    with pytest.raises(PolicyInvalid):
        load({"p.yaml": text})
