"""Documents: what teams write loads as it stands, and every mistake is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from approvals.domain.policy.classes import coverer, covers
from approvals.domain.policy.documents import PolicySet, load
from approvals.domain.policy.reading import PolicyInvalid, Problem
from approvals.domain.policy.yaml_text import decoded
from approvals.domain.terms import Approval

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = (ROOT / "policies" / "default.yaml").read_text()
EXAMPLES = {
    path.name: path.read_text() for path in sorted((ROOT / "examples" / "policies").glob("*.yaml"))
}


def team(name: str, *members: str) -> str:
    listed = ", ".join(members)
    return (
        f"apiVersion: guardrails.io/v1\nkind: Team\nmetadata: {{name: {name}}}\n"
        f"spec: {{members: [{listed}]}}\n"
    )


def matrix(medium: str = "{approval: required, approvers: [{team: leads}], timeout: 5m}") -> str:
    usual = "{approval: required, approvers: [{team: leads}], timeout: 5m}"
    return (
        "apiVersion: guardrails.io/v1\nkind: RiskMatrix\nmetadata: {name: m}\nspec:\n"
        f"  low: {{approval: auto}}\n  medium: {medium}\n  high: {usual}\n  critical: {usual}\n"
    )


def policy(name: str, *actions: str, agents: str = "['*']") -> str:
    listed = "\n".join(f"    - {action}" for action in actions)
    return (
        f"apiVersion: guardrails.io/v1\nkind: AgentPolicy\nmetadata: {{name: {name}}}\n"
        f"spec:\n  agents: {agents}\n  actions:\n{listed}\n"
    )


def together(*documents: str) -> PolicySet:
    return load({"p.yaml": "---\n".join(documents)})


def problems(*documents: str) -> list[Problem]:
    with pytest.raises(PolicyInvalid) as refused:
        together(*documents)
    return list(refused.value.problems)


BASIS = (team("leads"), matrix())


# --- what teams write already ----------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_loads_beside_the_default(name: str) -> None:
    found = load({"default.yaml": DEFAULT, name: EXAMPLES[name]})
    assert len(found.policies) == 2


def test_all_examples_load_in_one_file_together_with_the_default() -> None:
    found = load({"all.yaml": "\n---\n".join([DEFAULT, *EXAMPLES.values()])})
    assert [each.name for each in found.policies] == [
        "all",
        "all#2",
        "default-actions",
        "deployment-agent-production",
        "deployment-bot",
    ]


def test_the_guardrails_form_becomes_rules_of_its_name() -> None:
    found = load({"default.yaml": DEFAULT, "a.yaml": EXAMPLES["deployment-agent.yaml"]})
    [one] = [each for each in found.policies if each.name == "deployment-agent-production"]
    assert [(rule.name, rule.approval) for rule in one.rules] == [
        ("deployment-agent-production.scale", Approval.AUTO),
        ("deployment-agent-production.rollback", Approval.REQUIRED),
    ]
    assert [each.name for each in one.rules[0].conditions] == ["maxReplicas", "maxPercentChange"]
    assert one.scope is not None
    assert len(one.rates) == len(one.breakers) == 1
    assert one.concerns("anybody")


def test_the_plain_lists_become_rules_for_every_agent() -> None:
    found = load({"default.yaml": DEFAULT, "lists.yaml": EXAMPLES["actions.yaml"]})
    [one] = [each for each in found.policies if each.name == "lists"]
    assert {(rule.pattern, rule.approval) for rule in one.rules} >= {
        ("scale_up", Approval.AUTO),
        ("modify_config", Approval.REQUIRED),
        ("drop_database", Approval.FORBIDDEN),
    }
    assert one.concerns("anybody")


def test_a_block_with_an_agent_is_called_after_it_and_concerns_it_alone() -> None:
    found = load({"default.yaml": DEFAULT, "scope.yaml": EXAMPLES["scope.yaml"]})
    [one] = [each for each in found.policies if each.name == "deployment-bot"]
    assert (one.concerns("deployment-bot"), one.concerns("other-bot")) == (True, False)


# --- names -----------------------------------------------------------------------------------

LISTS = "actions: {allowed: [look]}\n"


def test_nameless_blocks_of_one_agent_or_file_are_numbered_in_order() -> None:
    block = "agent: bot\nactions: {allowed: [look]}\n"
    found = load(
        {
            "a/bot.yaml": LISTS,
            "b/bot.yaml": LISTS + "---\n" + block,
            "m.yaml": team("leads") + "---\n" + matrix(),
        }
    )
    assert [(each.name, each.place.file, each.place.line) for each in found.policies] == [
        ("bot", "a/bot.yaml", 1),
        ("bot#2", "b/bot.yaml", 1),
        ("bot#3", "b/bot.yaml", 3),
    ]


def test_a_name_that_was_given_is_never_taken_by_a_nameless_block() -> None:
    found = load(
        {"bot.yaml": LISTS, "m.yaml": "---\n".join([*BASIS, policy("bot", "{name: x, risk: low}")])}
    )
    assert {each.name: each.place.file for each in found.policies} == {
        "bot": "m.yaml",
        "bot#2": "bot.yaml",
    }


def test_two_policies_of_one_name_are_refused() -> None:
    one = policy("twin", "{name: x, risk: low}")
    [met] = problems(*BASIS, one, one)
    assert (met.key, met.place.line) == ("metadata.name", 25)
    assert "'twin' already, in p.yaml line" in met.words
    [met] = problems(*BASIS, one, "name: twin\nactions: {allowed: [look]}\n")
    assert met.key == "name"


def test_documents_of_different_kinds_may_bear_one_name() -> None:
    found = together(team("m"), team("leads"), matrix(), policy("m", "{name: x, risk: low}"), LISTS)
    assert [each.name for each in found.policies] == ["m", "p"]


@pytest.mark.parametrize("name", ["' '", "''", f"'{'n' * 151}'", '"a\\nb"', "[a]", "null", "7"])
def test_a_name_is_a_short_line_of_text(name: str) -> None:
    assert problems(*BASIS, policy(name, "{name: x, risk: low}"))


# --- every mistake at once -------------------------------------------------------------------


def test_every_mistake_of_every_document_is_told_in_the_order_it_stands() -> None:
    met = problems(
        *BASIS,
        "apiVersion: guardrails.io/v1\nkind: AgentPolicy\nmetadata: {name: one}\nspec:\n"
        "  agentz: [x]\n"
        "  actions:\n"
        "    - {name: a, approval: requird}\n"
        "    - {name: b, risk: huge}\n"
        "    - {approval: auto}\n"
        "  rateLimits: {actionsPerHuor: 5}\n"
        "  scope: {namespace: [a]}\n",
        "actions: {alowed: [x]}\n",
        "apiVersion: guardrails.io/v2\nkind: Taem\nmetadata: {nam: x}\nspec: {}\n",
    )
    told = [(each.key, each.suggestion) for each in met]
    assert told == [
        ("spec.agentz", "agent"),
        ("spec.actions[0].approval", "required"),
        ("spec.actions[1].risk", ""),
        ("spec.actions[2]", ""),
        ("spec.rateLimits.actionsPerHuor", ""),
        ("spec.scope.namespace", "namespaces"),
        ("actions.alowed", "allowed"),
        ("apiVersion", "guardrails.io/v1"),
        ("kind", "Team"),
        ("metadata.nam", "name"),
    ]


@pytest.mark.parametrize(
    ("document", "key", "line", "column", "near"),
    [
        (policy("x", "{nmae: a, risk: low}"), "spec.actions[0].nmae", 7, 8, "name"),
        (policy("x", "{name: a, approval: atuo}"), "spec.actions[0].approval", 7, 17, "auto"),
        (
            policy("x", "{name: a, approval: auto, conditions: [{maxReplica: 2}]}"),
            "spec.actions[0].conditions[0].maxReplica",
            7,
            47,
            "maxReplicas",
        ),
        (
            policy("x", "{name: a, approval: auto, conditions: {max_replicas: 2}}"),
            "spec.actions[0].conditions.max_replicas",
            7,
            46,
            "maxReplicas",
        ),
        (
            policy("x", "{name: a, approval: required, approvers: [{team: Leeds}]}"),
            "spec.actions[0].approvers[0].team",
            7,
            50,
            "leads",
        ),
        ("agent: x\nrateLimit: {actionsPerHour: 1}\n", "rateLimit", 2, 1, "rateLimits"),
        (
            "agent: x\nscope: {resource_type: [a]}\n",
            "scope.resource_type",
            2,
            9,
            "resource_types",
        ),
        ("Kind: Team\nSpec: {}\n", "Kind", 1, 1, "kind"),
    ],
)
def test_a_near_miss_is_told_with_its_place_and_the_word_it_missed(
    document: str, key: str, line: int, column: int, near: str
) -> None:
    first = next(
        each
        for each in _refused({"a.yaml": "---\n".join(BASIS), "b.yaml": document})
        if each.key == key
    )
    assert (first.place.file, first.place.line, first.place.column) == ("b.yaml", line, column)
    assert first.suggestion == near
    assert near in first.words
    assert str(first).startswith(f"b.yaml:{line}:{column}: {key}: ")


def _refused(files: dict[str, str]) -> tuple[Problem, ...]:
    with pytest.raises(PolicyInvalid) as refused:
        load(files)
    return refused.value.problems


def test_a_class_of_action_is_near_when_it_is_misspelt() -> None:
    [met] = problems(*BASIS, "rate_limits: {deployment: {max_per_hour: 5}}\n")
    assert "did you mean 'deployments'" in met.words


def test_teams_of_a_document_that_cannot_be_read_are_not_said_to_be_unknown() -> None:
    broken = (
        "apiVersion: guardrails.io/v1\nkind: Team\nmetadata: {name: leads}\nspec: {membres: []}\n"
    )
    assert [each.key for each in problems(broken, matrix())] == ["spec.membres"]
    assert [each.words[:8] for each in problems("[", matrix())] == ["not YAML"]
    misspelt = team("leads").replace("kind: Team", "kind: Taem")
    assert [each.key for each in problems(misspelt, matrix())] == ["kind"]


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("a: 1\na: 2\n", 2, 1, "the key 'a' stands twice; first in line 1"),
        ("a: {<<: {b: 1}}\n", 1, 5, "merge keys (<<) are not allowed"),
        ("a: &x 1\nb: 2\n", 1, 4, "anchors and aliases are not allowed"),
        ("a: [*x]\n", 1, 5, "put a glob that begins with * in quotes"),
        ("a: [*-prod]\n", 1, 5, "put a glob that begins with * in quotes"),
        ("a: *.prod\n", 1, 5, "a glob that begins with * stands in quotes"),
        ("actions:\n\tallowed: [x]\n", 2, 1, "a tab stands here; indent with spaces"),
        ("a: !!set {x, y}\n", 1, 1, "is not allowed"),
        ("a: !!binary aGk=\n", 1, 1, "is not allowed"),
        ("'': 1\n", 1, 1, "a key must be plain text"),
        ("a: b\nc: \x07\n", 2, 4, "a character that may not stand in text"),
        ("--- \n---\n# nothing\n", 1, 1, "the file is empty"),
        ("- a\n- b\n", 1, 1, "a mapping (key: value) is wanted here"),
        ("a: [\n", 2, 1, "not YAML"),
    ],
)
def test_yaml_with_a_surprise_is_refused_by_its_place(
    text: str, line: int, column: int, why: str
) -> None:
    first = _refused({"b.yaml": text})[0]
    assert (first.place.line, first.place.column) == (line, column)
    assert why in first.words


def test_bytes_that_are_no_text_are_refused_by_their_place() -> None:
    with pytest.raises(PolicyInvalid, match=r"b\.yaml:2:5: not UTF-8"):
        decoded("b.yaml", "ü: 1\nä: b".encode() + b"\xff")
    assert decoded("b.yaml", b"a: 1\r\nb: 2\r") == "a: 1\nb: 2\n"


def test_every_part_of_a_file_is_read_although_one_is_wrong() -> None:
    met = _refused({"b.yaml": "a: 1\na: 2\n---\nkind: Tema\n---\n? [x]\n: y\n"})
    assert {each.place.line for each in met} >= {2, 4, 6}


# --- quorums ---------------------------------------------------------------------------------

ROW = "{{approval: required, approvers: [{}], timeout: 5m}}"


@pytest.mark.parametrize(
    ("approvers", "why"),
    [
        ("{team: leads, quorum: 0}", "a whole number of at least 1"),
        ("{team: leads, quorum: 3}", "3 people of the team 'leads' can never say yes"),
        ("{team: leads, quorum: 2}, {team: leads}", "3 people of the team 'leads'"),
        ("{team: leads, quorum: 2}, {team: same}", "3 distinct people must say yes"),
        ("{team: leads, quorum: 999999999999}", "at most 50 people"),
        ("{team: leads, quorum: 1.5}", "a whole number"),
    ],
)
def test_a_quorum_nobody_could_fill_is_refused(approvers: str, why: str) -> None:
    people = (team("leads", "a@example.com", "b@example.com"), team("same", "B@example.com"))
    assert why in str(problems(*people, matrix(ROW.format(approvers))))
    rule = f"{{name: x, approval: required, approvers: [{approvers}]}}"
    assert why in str(problems(*people, matrix(), policy("p", rule)))


def test_a_quorum_that_can_be_filled_is_taken() -> None:
    two = team("leads", "a@example.com", "b@example.com")
    assert together(two, matrix(ROW.format("{team: leads, quorum: 2}"))).matrix
    other = team("same", "B@example.com", "c@example.com")
    both = ROW.format("{team: leads, quorum: 2}, {team: same}")
    assert together(two, other, matrix(both)).matrix
    unknown_size = ROW.format("{team: leads, quorum: 9}")
    assert together(team("leads"), matrix(unknown_size)).matrix


def test_a_team_listed_twice_is_asked_for_the_sum() -> None:
    found = together(team("leads"), matrix(ROW.format("{team: leads}, {team: leads, quorum: 2}")))
    [stage] = list(found.matrix.values())[1].plan.stages
    assert [(each.team, each.quorum) for each in stage.requirements] == [("leads", 3)]


def test_people_named_in_a_row_that_asks_nobody_are_refused() -> None:
    [met] = problems(team("leads"), matrix("{approval: auto, approvers: [{team: leads}]}"))
    assert (met.key, "nobody is asked" in met.words) == ("spec.medium.approvers", True)


# --- automatic here, forbidden there ---------------------------------------------------------

AUTO, NEVER = "{{name: {}, approval: auto}}", "{{name: {}, approval: forbidden}}"


@pytest.mark.parametrize(
    ("automatic", "forbidden"),
    [
        ("drop_table", "drop_table"),
        ("drop_table", "drop_*"),
        ("'drop_*'", "'drop_*'"),
        ("'drop_db_*'", "'drop_*'"),
        ("'drop_??'", "'drop_?*'"),
        ("x", "'*'"),
    ],
)
def test_what_is_forbidden_elsewhere_cannot_be_made_automatic(
    automatic: str, forbidden: str
) -> None:
    one, other = policy("a", AUTO.format(automatic)), policy("b", NEVER.format(forbidden))
    for documents in ((one, other), (other, one)):
        [met] = problems(*BASIS, *documents)
        assert "would be approved automatically here, and b." in met.words
        assert met.key == "spec.actions[0]"


@pytest.mark.parametrize(
    ("automatic", "forbidden", "agents"),
    [
        ("'drop_*'", "drop_table", "['*']"),
        ("'*'", "'drop_*'", "['*']"),
        ("'drop_*'", "'drop_?'", "['*']"),
        ("drop_table", "drop_table", "['digger-*']"),
    ],
)
def test_what_is_forbidden_only_in_part_or_to_others_may_be_automatic(
    automatic: str, forbidden: str, agents: str
) -> None:
    forbids = policy("b", NEVER.format(forbidden), agents=agents)
    assert together(*BASIS, policy("a", AUTO.format(automatic)), forbids).rules


def test_what_is_forbidden_to_all_agents_cannot_be_automatic_for_one() -> None:
    one = policy("a", AUTO.format("drop_table"), agents="[digger]")
    assert problems(*BASIS, one, policy("b", NEVER.format("drop_table")))
    assert problems(*BASIS, one, policy("b", NEVER.format("drop_table"), agents="['dig*']"))


def test_a_rule_that_forbids_under_conditions_leaves_room_for_an_automatic_one() -> None:
    sometimes = "{name: scale, approval: forbidden, conditions: [{minReplicas: 100}]}"
    assert together(*BASIS, policy("a", AUTO.format("scale")), policy("b", sometimes)).rules


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ("*", "a*", True), ("a*", "a?b", True), ("a?", "a*", False), ("*b", "*ab", True),
        ("a*c", "abc", True), ("a*c", "a*", False), ("*?", "?*", True), ("a[bc]", "ab", True),
        ("a[bc]", "a[bc]", True), ("a?", "a[bc]", True), ("a[!x]", "a?", False), ("a", "a*", False),
        ("a.c", "abc", False), ("*a*a*", "aba", True), ("*a*a*", "*a", False), ("a[b", "a[b", True),
    ],
)  # fmt: skip
def test_globs_cover_globs_only_when_every_name_is_covered(
    wide: str, narrow: str, covered: bool
) -> None:
    assert covers(wide, narrow) is covered
    assert coverer(["zzz", wide])(narrow) is covered


def test_only_so_many_rules_are_taken() -> None:
    names = ", ".join(f"a{number}" for number in range(5_001))
    assert "at most 5,000 action rules" in str(problems(*BASIS, f"actions: {{allowed: [{names}]}}"))


# --- nothing half applies --------------------------------------------------------------------


def test_one_mistake_in_one_file_refuses_the_whole_set() -> None:
    with pytest.raises(PolicyInvalid):
        load({"default.yaml": DEFAULT, **EXAMPLES, "z.yaml": "agent: x\nscoop: {}\n"})


def test_the_order_of_files_and_documents_means_nothing() -> None:
    parts = [DEFAULT, *EXAMPLES.values()]
    forth = load({f"{number}.yaml": text for number, text in enumerate(parts)})
    back = load({f"{number}.yaml": text for number, text in enumerate(reversed(parts))})
    assert {each.name for each in forth.policies} >= {"deployment-bot", "default-actions"}
    assert sorted(rule.pattern for rule in forth.rules) == sorted(
        rule.pattern for rule in back.rules
    )
    assert dict.fromkeys(forth.teams) == dict.fromkeys(back.teams)


def test_a_part_of_a_set_may_do_without_a_matrix() -> None:
    assert load(EXAMPLES, is_part=True).matrix == {}
    with pytest.raises(PolicyInvalid, match="there is no document of kind RiskMatrix"):
        load(EXAMPLES)
