"""The smallest change to a scope adds one name to one list, and nothing an agent writes makes it more."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.policy import documents, scope, scope_edits
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.reading import Place
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Approval
from tests.support.counting import calls_of

FLOW = """
agent: bot
# what it may touch
scope: {namespaces: [prod-a, 'prod-b'], targets: ["api-*"]}  # keep short
actions: {allowed: [restart_pod]}
"""
BLOCK = """
name: wide
agents: [bot, other]
scope:
  resources:
    - deployments   # most
    - secrets (read-only)
  namespaces:
  - prod-a # one

  # a remark
  targets:
      - "*"
actions: {allowed: [restart_pod]}
"""
FRAME = """
apiVersion: guardrails.io/v1
kind: RiskMatrix
metadata: {name: default}
spec:
  low: {approval: auto}
  medium: {approval: required, approvers: [{team: leads, quorum: 1}], timeout: 5m, on_timeout: expire}
  high: {approval: required, approvers: [{team: leads, quorum: 1}], timeout: 5m, on_timeout: expire}
  critical: {approval: required, approvers: [{team: leads, quorum: 1}], timeout: 5m, on_timeout: expire}
---
apiVersion: guardrails.io/v1
kind: Team
metadata: {name: leads, title: Leads}
spec: {members: []}
"""


def files(text: str = FLOW) -> dict[str, str]:
    return {"bot.yaml": text, "frame.yaml": FRAME}


def asked(target: str = "api-1", namespace: str = "prod-a", kind: str = "") -> dict[str, Any]:
    named = {"namespace": namespace, "type": kind}
    return {
        "action": "restart_pod",
        "target": target,
        "parameters": {},
        "resource": {name: each for name, each in named.items() if each},
    }


def smallest(found: Mapping[str, str], agent: str, body: Mapping[str, Any]) -> scope_edits.Edited:
    return scope_edits.smallest(found, documents.load(found), agent, body)


def is_let_in(found: Mapping[str, str], body: Mapping[str, Any]) -> bool:
    subject = subject_of("bot", body)
    scopes = [each.scope for each in documents.load(found).concerning("bot") if each.scope]
    steps = scope.check(scopes, subject, Circumstances(datetime(2026, 11, 22, tzinfo=UTC)))
    return all(step.leads_to is not Approval.FORBIDDEN for step in steps)


def lines_added(before: str, after: str) -> list[str]:
    """What a diff of the two shows; a line taken out begins with a minus."""
    found = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in found if line[0] in "+-"]


def test_one_name_is_added_where_it_was_left_out_and_every_remark_stays() -> None:
    found = smallest(files(), "bot", asked(namespace="prod-c"))
    assert found.obstacle == ""
    assert [(each.policy, each.kind, each.name, each.agents) for each in found.added] == [
        ("bot", "namespace", "prod-c", ("bot",))
    ]
    assert lines_added(FLOW, found.files["bot.yaml"]) == [
        "- scope: {namespaces: [prod-a, 'prod-b'], targets: [\"api-*\"]}  # keep short",
        '+ scope: {namespaces: [prod-a, \'prod-b\', "prod-c"], targets: ["api-*"]}  # keep short',
    ]
    assert is_let_in(found.files, asked(namespace="prod-c"))
    assert not is_let_in(found.files, asked(namespace="prod-cc"))


def test_lists_of_lines_grow_by_a_line_and_each_list_that_left_it_out_grows() -> None:
    body = asked(namespace="prod-c", kind="Pod")
    found = smallest(files(BLOCK), "bot", body)
    assert [each.kind for each in found.added] == ["namespace", "resource type"]
    assert found.added[0].agents == ("bot", "other")
    assert lines_added(BLOCK, found.files["bot.yaml"]) == ['+     - "Pod"', '+   - "prod-c"']
    assert is_let_in(found.files, body)


def test_two_policies_that_both_refuse_are_both_changed() -> None:
    both = files() | {"more.yaml": "name: more\nagents: ['*']\nscope: {namespaces: [prod-*]}\n"}
    found = smallest(both, "bot", asked(namespace="test"))
    assert [each.policy for each in found.added] == ["bot", "more"]
    assert is_let_in(found.files, asked(namespace="test"))


def test_what_the_scope_lets_in_needs_no_change() -> None:
    found = smallest(files(), "bot", asked())
    assert (found.added, found.obstacle, found.files) == ((), "", files())


@pytest.mark.parametrize(
    ("text", "body", "words"),
    [
        (FLOW.replace("targets", "excluded: [secret], targets"), asked("api-secret"), "excludes"),
        (BLOCK, asked(kind="secrets"), "be read only"),
        (FLOW, asked(namespace="a b"), "not one plain name"),
        (FLOW, asked(target="api\u200b"), "is not one plain name"),
        (FLOW, asked(target="x/../y"), "is not one plain name"),
        (FLOW, asked(target="x\ny"), "is not one plain name"),
        (FLOW, asked(target="x" * 201), "is not one plain name"),
        (FLOW, asked(target="token=ghp_" + "a" * 36), "is not one plain name"),
        (BLOCK, asked(kind="pods(x)"), "No scope may list it"),
        (
            FLOW.replace('["api-*"]', '["api-*", "a\n   b"]'),
            asked(target="x"),
            "added to it safely",
        ),
    ],
)
def test_what_no_name_in_a_list_would_do_is_said_and_not_offered(
    text: str, body: dict[str, Any], words: str
) -> None:
    found = smallest(files(text), "bot", body)
    if words == "is not one plain name":
        words = "not one plain name"
    assert words in found.obstacle


@pytest.mark.parametrize("name", ["*", "prod-*", "[a-z]", "?", "prod-[ab]", "a*b?c[d"])
def test_a_name_that_looks_like_a_glob_lets_in_itself_alone(name: str) -> None:
    found = smallest(files(), "bot", asked(target=name))
    assert found.obstacle == ""
    assert is_let_in(found.files, asked(target=name))
    assert not is_let_in(found.files, asked(target="prod-a"))
    assert not is_let_in(found.files, asked(target="a"))


HOSTILE = (
    '"', "'", "]", "}", "]}\nscope: null", '", "*', "# no", "- x", "a: b", "\\", "\\u002a", "!!python", "&a",
    "*a", "---", "ümlaut", "ключ", "😀", "\u202ex", "%TAG", "null", "1", "true", "a\tb", "\ufeff", "=", "<<",
)  # fmt: skip


@pytest.mark.parametrize("text", [FLOW, BLOCK.replace('"*"', '"api-*"')])
@given(st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=30)))
def test_whatever_an_agent_calls_its_target_nothing_else_changes(text: str, name: str) -> None:
    found = smallest(files(text), "bot", asked(target=name))
    if found.obstacle or not found.added:
        return
    before, after = (yaml.safe_load(each) for each in (text, found.files["bot.yaml"]))
    assert after["scope"]["targets"] == [*before["scope"]["targets"], glob.escape(name)]
    before["scope"]["targets"] = after["scope"]["targets"]
    assert after == before
    assert found.files["bot.yaml"].isascii()
    assert is_let_in(found.files, asked(target=name))
    assert not is_let_in(found.files, asked(target=f"{name}x"))


def test_a_list_that_stands_nowhere_is_not_changed() -> None:
    assert scope_edits.with_names(FLOW, {Place("bot.yaml", 9, 9): ["x"]}) is None


def named(count: int) -> dict[str, Any]:
    """A request that names so many namespaces outside the scope."""
    more = [{"namespace": f"n-{number}"} for number in range(count - 1)]
    return asked(namespace="n-x") | {"parameters": {"deep": more}}


def test_names_of_one_list_and_of_several_are_added_in_their_order() -> None:
    text = BLOCK.replace('"*"', '"api-*"')
    body = named(3) | {"target": "web"}
    found = smallest(files(text), "bot", body)
    assert [each.name for each in found.added] == ["web", "n-x", "n-0", "n-1"]
    assert lines_added(text, found.files["bot.yaml"]) == [
        '+   - "n-x"', '+   - "n-0"', '+   - "n-1"', '+       - "web"',
    ]  # fmt: skip
    assert is_let_in(found.files, body)


def test_more_names_than_one_change_lets_in_are_not_offered() -> None:
    assert len(smallest(files(), "bot", named(scope_edits.MOST)).added) == scope_edits.MOST
    found = smallest(files(), "bot", named(scope_edits.MOST + 1))
    assert (found.added, found.files) == ((), files())
    assert "more than 12 names" in found.obstacle


def test_a_change_is_read_back_as_often_however_many_names_it_lets_in() -> None:
    many = files(FLOW)
    policy = documents.load(many)

    def read(count: int) -> int:
        return calls_of(
            documents.load, lambda: scope_edits.smallest(many, policy, "bot", named(count))
        )

    assert read(scope_edits.MOST) == read(1) > 0
    assert read(scope_edits.MOST + 1) == 0  # nothing is written for what is not offered
