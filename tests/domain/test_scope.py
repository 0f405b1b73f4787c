"""Scope: namespaces, types and targets that include, and exclusions that win over all of them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from approvals.domain.policy import scope
from approvals.domain.policy.checks import Check, Layer, Result
from approvals.domain.policy.circumstances import UNKNOWN
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.scope import Scope
from approvals.domain.policy.subject import Subject
from approvals.domain.policy.yaml_text import documents
from approvals.domain.terms import Approval

PRODUCTION = "namespaces: [prod-*]\nresources: [deployments, services]"
PLAIN = """
namespaces: [production-app-a, production-app-b]
resource_types: [deployments, configmaps, secrets (read-only)]
excluded: ["-database-", "-payment-"]
"""
EXCLUDING = 'excluded: ["-database-", "-payment-"]'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda below: (
        st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=12), below, max_size=4)
    ),
    max_leaves=12,
)


def read(text: str, policy: str = "p") -> Scope:
    [value] = documents(f"{policy}.yaml", text)
    return scope.read(value, policy=policy)


def subject(action: str = "scale_up", target: str = "checkout", **claims: Any) -> Subject:
    return Subject("robo", action, target, claims.pop("parameters", {}), **claims)


def checked(*sections: str, **claims: Any) -> list[Check]:
    found = [read(text, f"p{number}") for number, text in enumerate(sections)]
    return scope.check(found, subject(**claims), UNKNOWN)


def verdict(*sections: str, **claims: Any) -> tuple[Approval, str]:
    """The strictest of the layer, and the first reason to refuse."""
    made = checked(*sections, **claims)
    reason = next((check.reason for check in made if check.reason), "")
    return Approval.strictest(Approval.AUTO, *(check.leads_to for check in made)), reason


AUTO, ASKS = (Approval.AUTO, ""), (Approval.REQUIRED, "")


def denied(reason: str) -> tuple[Approval, str]:
    return Approval.FORBIDDEN, reason


# --- namespaces, types, targets --------------------------------------------------------------


@pytest.mark.parametrize(
    ("namespace", "kind", "expected"),
    [
        ("prod-a", "deployments", AUTO),
        ("prod-", "Deployment", AUTO),
        ("prod-a", "SERVICE", AUTO),
        ("prod", "deployments", denied("out_of_scope")),
        ("staging-prod-a", "deployments", denied("out_of_scope")),
        ("PROD-a", "deployments", denied("out_of_scope")),
        ("prod-a", "secrets", denied("out_of_scope")),
        ("", "deployments", ASKS),
        ("prod-a", "", ASKS),
        ("", "secrets", denied("out_of_scope")),
        ("prod-a,kube-system", "deployments", ASKS),
        ("prod-a kube-system", "deployments", ASKS),
        ("prod-a\u200b", "deployments", ASKS),
        ("prod-/../kube-system", "deployments", ASKS),
        ("prod-..b", "deployments", AUTO),
    ],
)
def test_a_request_stays_inside_what_is_listed(
    namespace: str, kind: str, expected: tuple[Approval, str]
) -> None:
    assert verdict(PRODUCTION, namespace=namespace, resource_type=kind) == expected


@pytest.mark.parametrize(
    ("listed", "named"),
    [
        ("deployments", "Deployment"),
        ("Deployment", "deployments"),
        ("ingresses", "Ingress"),
        ("ingress", "INGRESSES"),
        ("policies", "Policy"),
        ("databases", "database"),
        ("caches", "cache"),
        ("batches", "Batch"),
        ("indexes", "index"),
        ("*sets", "StatefulSet"),
        ("deploy*", "Deployments"),
    ],
)
def test_types_are_compared_without_case_and_plural(listed: str, named: str) -> None:
    assert verdict(f"resources: ['{listed}']", resource_type=named) == AUTO


@pytest.mark.parametrize(
    ("listed", "named"), [("secrets", "secretstores"), ("pods", "podtemplates"), ("role", "rule")]
)
def test_other_types_stay_other_types(listed: str, named: str) -> None:
    assert verdict(f"resources: [{listed}]", resource_type=named) == denied("out_of_scope")


@pytest.mark.parametrize(
    "written",
    ["secrets (read-only)", "Secret (read only)", "secrets(READONLY)", "secret* (read_only)"],
)
def test_a_read_only_type_is_read_and_never_written(written: str) -> None:
    section = f"resources: ['{written}', deployments]"
    assert verdict(section, action="get_secret", resource_type="secrets") == AUTO
    assert verdict(section, action="rotate_secret", resource_type="Secrets") == denied("read_only")
    assert verdict(section, action="rotate_secret", resource_type="deployments") == AUTO


@pytest.mark.parametrize("listed", ["[secrets, secrets (read-only)]", "['*', secrets (read-only)]"])
def test_read_only_wins_over_the_same_type_in_full(listed: str) -> None:
    assert verdict(f"resources: {listed}", resource_type="secret") == denied("read_only")
    assert verdict(f"resources: {listed}", action="list_secrets", resource_type="secret") == AUTO


@pytest.mark.parametrize("key", ["kind", "resource_type", "resourceType", "Kind"])
def test_a_type_in_the_parameters_counts_too(key: str) -> None:
    section = "resources: [deploy*, secrets (read-only)]"
    for where in ({key: "%s"}, {"manifest": [{"spec": {key: "%s"}}]}):

        def found(kind: str, action: str, where: Any = where) -> tuple[Approval, str]:
            given = json.loads(json.dumps(where).replace("%s", kind))
            return verdict(section, action=action, resource_type="deployment", parameters=given)

        assert found("Deployment", "scale_up") == AUTO
        assert found("ClusterRole", "scale_up") == denied("out_of_scope")
        assert found("Secret", "scale_up") == denied("read_only")
        assert found("Secret", "get_secret") == AUTO
        assert found("Secret", "get_and_delete_secret") == denied("read_only")
        assert found("deployment, secret", "scale_up") == ASKS


@pytest.mark.parametrize(
    "action", ["get_and_delete_secret", "read_then_remove", "list_andDrop", "view_and_send"]
)
def test_a_name_that_also_writes_is_not_reading(action: str) -> None:
    assert verdict(
        "resources: [secrets (read-only)]", action=action, resource_type="secret"
    ) == denied("read_only")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"path": "/api/v1/namespaces/kube-system/pods/x"}, denied("out_of_scope")),
        ({"path": "/api/v1/namespaces/prod-a/pods/x"}, AUTO),
        ({"path": "/api/v1/namespaces"}, AUTO),
        ({"args": ["-n", "kube-system", "get"]}, denied("out_of_scope")),
        ({"args": ["--namespace", "kube-system"]}, denied("out_of_scope")),
        ({"args": ["--namespace=kube-system"]}, denied("out_of_scope")),
        ({"args": ["-n=kube-system"]}, denied("out_of_scope")),
        ({"args": ["-n", "prod-a", "kube-system"]}, AUTO),
        ({"args": ["--namespace=prod-a"]}, AUTO),
        ({"args": ["tail", "-n", "100"]}, ASKS),
        ({"args": ["get", "--all-namespaces"]}, ASKS),
        ({"command": "kubectl -n kube-system delete pod x"}, denied("out_of_scope")),
        ({"command": "head -n 5 file"}, AUTO),
        ({"args": ["-n"], "name": "kube-system"}, AUTO),
    ],
)
def test_a_namespace_in_a_path_or_an_argument_counts_too(
    given: dict[str, Any], expected: tuple[Approval, str]
) -> None:
    claims = {"namespace": "prod-a", "resource_type": "deployments", "parameters": given}
    assert verdict(PRODUCTION, **claims) == expected


def test_targets_are_globs() -> None:
    section = "targets: [production-*, 'tickets/ops']"
    assert verdict(section, target="production-api") == AUTO
    assert verdict(section, target="tickets/ops") == AUTO
    assert verdict(section, target="tickets/ops/7") == denied("out_of_scope")
    assert verdict("targets: [prod/*]", target="prod/../staging") == ASKS
    assert verdict("targets: [prod/*]", target="prod/a\u202eb") == ASKS


def test_actions_that_touch_no_resource_need_name_none() -> None:
    section = f"{PRODUCTION}\nwithout_resource: [create_*, send_*]"
    assert verdict(section, action="create_ticket") == AUTO
    assert verdict(section, action="scale_up") == ASKS
    assert verdict(section, action="create_ticket", namespace="staging") == denied("out_of_scope")
    assert verdict(section, action="create_x", resource_type="secrets") == denied("out_of_scope")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"namespace": "prod-b"}, AUTO),
        ({"namespace": "kube-system"}, denied("out_of_scope")),
        ({"k8s": {"targetNamespace": "kube-system"}}, denied("out_of_scope")),
        ({"namespaces": ["prod-b", "kube-system"]}, denied("out_of_scope")),
        ({"ns": "kube-system"}, denied("out_of_scope")),
        ({"namespace": {"name": "prod-b"}}, ASKS),
        ({"all_namespaces": True}, ASKS),
        ({"all_namespaces": False}, AUTO),
        ({"dns": "kube-system", "nameserver": "x"}, AUTO),
    ],
)
def test_a_namespace_in_the_parameters_counts_because_they_are_what_will_run(
    parameters: dict[str, Any], expected: tuple[Approval, str]
) -> None:
    claims = {"namespace": "prod-a", "resource_type": "services", "parameters": parameters}
    assert verdict(PRODUCTION, **claims) == expected


def test_thousands_of_namespaces_that_are_no_names_are_told_once() -> None:
    flood = {"namespaces": [1] * 5_000}
    claims = {"namespace": "prod-a", "resource_type": "services"}
    [one] = checked(PRODUCTION, **claims, parameters=flood)
    assert (one.leads_to, one.values["found_in"]) == (Approval.REQUIRED, "/parameters/namespaces/0")
    outside = {**flood, "namespace": "kube-system"}
    assert verdict(PRODUCTION, **claims, parameters=outside) == denied("out_of_scope")


def test_a_namespace_in_the_parameters_alone_is_not_named_yet() -> None:
    claims = {"resource_type": "services", "parameters": {"namespace": "prod-b"}}
    assert verdict(PRODUCTION, **claims) == ASKS


def test_several_scopes_allow_what_all_of_them_allow() -> None:
    both = ("namespaces: [prod-*]", "namespaces: ['*-api', '*-web']")
    assert verdict(*both, namespace="prod-api") == AUTO
    assert verdict(*both, namespace="prod-db") == denied("out_of_scope")
    assert verdict(*both, namespace="staging-api") == denied("out_of_scope")
    assert verdict(*both[::-1], namespace="staging-api") == denied("out_of_scope")


def test_no_scope_limits_nothing() -> None:
    assert checked() == []


# --- exclusions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        {"namespace": "production-database-a"},
        {"target": "orders-database-primary"},
        {"resource_type": "database"},
        {"parameters": {"name": "prod-database"}},
        {"parameters": {"database": 1}},
        {"parameters": {"a": [{"b": {"c-database-d": None}}]}},
        {"parameters": {"a": [[["x", "my.database.io"]]]}},
        {"parameters": {"command": "kubectl delete pod prod-database-0 --now"}},
        {"parameters": {"url": "https://host/database?x=1"}},
        {"parameters": {"flag": "--database=orders"}},
    ],
)
def test_an_exclusion_wins_wherever_it_stands(where: dict[str, Any]) -> None:
    assert verdict(EXCLUDING, **where) == denied("excluded")
    everything = "namespaces: ['*']\nresources: ['*']\ntargets: ['*']\n" + EXCLUDING
    assert verdict(everything, **where) == denied("excluded")


@pytest.mark.parametrize(
    "text", ["databases", "mydatabase-a", "data-base", "", "prod-api", "paymentservice"]
)
def test_what_only_resembles_the_excluded_word_passes(text: str) -> None:
    assert verdict(EXCLUDING, parameters={"name": text}) == AUTO


@pytest.mark.parametrize(
    "text",
    [
        "Payment page is slow",
        "systemctl restart payment",
        '{"db":"payment"}',
        "prodPaymentApi",
        "prod%2Dpayment%2Dapi",
        "prod-p\u0430yment-api",
        "(payment)",
    ],
)
def test_a_word_that_may_mean_the_excluded_thing_is_left_to_a_person(text: str) -> None:
    assert verdict(EXCLUDING, parameters={"title": text}) == ASKS


def test_an_exclusion_without_separators_is_found_inside_words() -> None:
    assert verdict("excluded: [payment]", target="prepayments") == denied("excluded")
    assert verdict("excluded: ['Payment Service']", target="payment_service") == denied("excluded")
    assert verdict("excluded: ['Payment Service']", parameters={"t": "the payment service"}) == (
        denied("excluded")
    )


@pytest.mark.parametrize(
    ("glob", "text", "expected"),
    [
        ("*-payment-*", "prod-payment-api", denied("excluded")),
        ("*-payment-*", "Payment", denied("excluded")),
        ("payment-*", "PAYMENT_API", denied("excluded")),
        ("payment-*", "prod-payment-api", AUTO),
        ("payment-*", "kubectl delete payment-api", ASKS),
        ("db-?", "db-1", denied("excluded")),
        ("db-?", "db-12", AUTO),
        ("*.internal", "host.internal", denied("excluded")),
        ("*.internal", "host.external", AUTO),
    ],
)
def test_an_exclusion_with_wildcards_is_a_glob(
    glob: str, text: str, expected: tuple[Approval, str]
) -> None:
    assert verdict(f"excluded: ['{glob}']", target=text) == expected


SEPARATORS = st.text("_./:-", min_size=1, max_size=3)
WORDS = st.sampled_from(["database", "payment", "prod-orders", "größe", "данные"])


def _in_any_case(draw: st.DrawFn, word: str) -> str:
    shown = "".join(char.upper() if draw(st.booleans()) else char for char in word)
    wide = "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in shown)
    return draw(st.sampled_from([shown, wide, f"{shown[:2]}\u200b{shown[2:]}"]))


@st.composite
def disguised(draw: st.DrawFn) -> tuple[str, str]:
    """An excluded word, and a name that holds it in another case, between other separators."""
    word = draw(WORDS)
    spelled = "".join(
        draw(SEPARATORS) if char == "-" else char for char in _in_any_case(draw, word)
    )
    before = draw(st.sampled_from(["", "prod", "a"]))
    after = draw(st.sampled_from(["", "api", "0"]))
    return word, (
        (before + draw(SEPARATORS) if before else "")
        + spelled
        + (draw(SEPARATORS) + after if after else "")
    )


@given(disguised(), st.sampled_from(["namespace", "target", "resource_type", "key", "value"]))
def test_no_case_or_separator_hides_an_excluded_word(pair: tuple[str, str], where: str) -> None:
    word, name = pair
    claims: dict[str, Any] = {where: name}
    if where in {"key", "value"}:
        claims = {"parameters": {"list": [{name: 1} if where == "key" else name]}}
    assert verdict(f"excluded: ['-{word}-']", **claims) == denied("excluded")


# --- what is told ----------------------------------------------------------------------------


def test_a_refusal_names_what_was_wanted_what_is_allowed_and_the_line() -> None:
    [check] = checked(PRODUCTION, namespace="staging", resource_type="services")
    assert check.words == ("The namespace staging is outside the scope of p0, which allows prod-*.")
    assert (check.name, check.result, check.rule) == (Layer.SCOPE, Result.FAIL, "p0.scope")
    assert (check.file, check.line) == ("p0.yaml", 1)
    assert check.values == {
        "namespace": "staging", "allowed": ["prod-*"], "found_in": "/resource/namespace",
    }  # fmt: skip


def test_an_exclusion_is_told_with_its_place_and_its_own_line() -> None:
    section = "namespaces: [a]\nexcluded:\n  - -database-\n  - -payment-\n"
    found = checked(section, namespace="a", parameters={"x": [{"y": "the-payment-api"}]})
    refused = [check for check in found if check.reason]
    assert [(check.line, check.values) for check in refused] == [
        (4, {"excluded": "-payment-", "found_in": "/parameters/x/0/y"})
    ]
    assert "excludes -payment-, which stands in /parameters/x/0/y" in refused[0].words


def test_a_pass_is_told_once_for_each_scope() -> None:
    passed = checked(PRODUCTION, "targets: ['*']", namespace="prod-a", resource_type="pods")
    assert [check.reason for check in passed] == ["out_of_scope", ""]
    assert passed[1].words == "Inside the scope of p1."
    assert (passed[1].result, passed[1].rule) == (Result.PASS, "p1.scope")


def test_what_an_agent_wrote_is_shown_safely() -> None:
    [check] = checked("namespaces: [prod]", namespace="pr\u202eod\u200b" + "x" * 60)
    assert "\u202e" not in check.words
    assert "⟦U+202E⟧" in check.words
    assert len(check.words) < 300


def test_a_key_that_is_no_plain_name_is_told_by_its_position() -> None:
    made = checked(EXCLUDING, parameters={"ok": 1, "a -database- <b>": 2})
    [refused] = [check for check in made if check.reason]
    assert refused.values["found_in"] == "/parameters/(key 2)"


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("{}", "a scope limits something", 1),
        ("without_resource: [a]", "a scope limits something", 1),
        ("namespaces: []", "an empty list would let nothing through", 1),
        ("resources: []", "an empty list would let nothing through", 1),
        ("resources: [a]\nresource_types: [b]", "keep one of the two", 2),
        ("resources: [secrets (readnoly)]", "write 'secrets' or 'secrets (read-only)'", 1),
        ("resources: ['(read-only)']", "write 'secrets' or 'secrets (read-only)'", 1),
        ("namespace: [a]", "did you mean 'namespaces'?", 1),
        ("excluded: [a, '-*-']", "needs a letter or a digit", 1),
        ("excluded: [1]", "text is wanted here", 1),
        ("namespaces: prod", "a list is wanted here", 1),
    ],
)
def test_a_scope_that_cannot_be_meant_is_refused(text: str, words: str, line: int) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        read(text)
    assert words in str(refused.value)
    assert refused.value.problems[0].place.line == line


# --- laws ------------------------------------------------------------------------------------

NAMES = st.sampled_from(["", "prod-a", "prod-b", "staging", "database", "a,b", "\u200b"]) | st.text(
    max_size=8
)
SUBJECTS = st.builds(
    Subject,
    agent=st.just("robo"),
    action=st.sampled_from(["get_pod", "scale_up", "create_ticket"]),
    target=NAMES,
    parameters=st.dictionaries(
        st.sampled_from(["namespace", "name", "x"]) | st.text(max_size=6), JSON, max_size=4
    ),
    namespace=NAMES,
    resource_type=st.sampled_from(["", "pods", "Secret", "deployment"]) | st.text(max_size=6),
)
GLOBS = st.lists(st.sampled_from(["prod-*", "*", "prod-a", "s*", "?"]), min_size=1, unique=True)
EXCLUSIONS = st.lists(st.sampled_from(["-database-", "a", "prod", "*-b", "x?"]), max_size=3)


def _section(namespaces: list[str], excluded: list[str]) -> str:
    return json.dumps({"namespaces": namespaces, "excluded": excluded})


def _strictness(found: list[Scope], wanted: Subject) -> int:
    order = [Approval.AUTO, Approval.REQUIRED, Approval.FORBIDDEN]
    made = scope.check(found, wanted, UNKNOWN)
    return max((order.index(check.leads_to) for check in made), default=0)


@given(SUBJECTS, GLOBS, EXCLUSIONS)
@example(Subject("robo", "a", "", {"x": float("nan"), "y": [10**400, -0.0]}), ["*"], ["a"])
def test_whatever_is_asked_a_scope_answers_and_always_the_same(
    wanted: Subject, namespaces: list[str], excluded: list[str]
) -> None:
    found = [read(_section(namespaces, excluded))]
    made = scope.check(found, wanted, UNKNOWN)
    assert made == scope.check(found, wanted, UNKNOWN)
    assert made
    json.dumps([check.to_json() for check in made])


@given(SUBJECTS, GLOBS, EXCLUSIONS, st.sampled_from(["-database-", "a", "p?", "zzz"]))
def test_one_more_exclusion_never_makes_a_verdict_weaker(
    wanted: Subject, namespaces: list[str], excluded: list[str], more: str
) -> None:
    before = [read(_section(namespaces, excluded))]
    after = [read(_section(namespaces, [more, *excluded]))]
    assert _strictness(after, wanted) >= _strictness(before, wanted)


@given(SUBJECTS, GLOBS, st.data())
def test_fewer_namespaces_never_make_a_verdict_weaker(
    wanted: Subject, namespaces: list[str], data: st.DataObject
) -> None:
    fewer = data.draw(st.lists(st.sampled_from(namespaces), min_size=1, unique=True))
    before, after = [read(_section(namespaces, []))], [read(_section(fewer, []))]
    assert _strictness(after, wanted) >= _strictness(before, wanted)


@given(SUBJECTS, st.lists(st.tuples(GLOBS, EXCLUSIONS), max_size=3), st.randoms())
def test_one_more_scope_is_never_weaker_and_their_order_does_not_matter(
    wanted: Subject, sections: list[tuple[list[str], list[str]]], chance: Any
) -> None:
    found = [read(_section(*each), f"p{number}") for number, each in enumerate(sections)]
    for count in range(len(found)):
        assert _strictness(found[: count + 1], wanted) >= _strictness(found[:count], wanted)
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert scope.check(shuffled, wanted, UNKNOWN) == scope.check(found, wanted, UNKNOWN)


# --- bounds ----------------------------------------------------------------------------------


def _nested(depth: int) -> dict[str, Any]:
    value: Any = "deep"
    for _ in range(depth):
        value = {"a": value}
    return {"top": value}


def test_what_is_too_deep_or_too_much_is_left_to_a_person() -> None:
    assert verdict(EXCLUDING, parameters=_nested(60)) == AUTO
    assert verdict(EXCLUDING, parameters=_nested(70)) == ASKS
    assert verdict(EXCLUDING, parameters=_nested(100_000)) == ASKS
    assert verdict(EXCLUDING, parameters={"a": ["x"] * 99_999}) == AUTO
    assert verdict(EXCLUDING, parameters={"a": ["x"] * 100_000}) == ASKS
    assert verdict(EXCLUDING, parameters={"a": "x" * 999_998}) == AUTO
    assert verdict(EXCLUDING, parameters={"a": "x" * 1_000_001}) == ASKS
    hidden = {"a": ["x"] * 100_000, "b": "-database-"}
    assert verdict(EXCLUDING, parameters=hidden)[0] is not Approval.AUTO
    claims = {"namespace": "prod-a", "resource_type": "services"}
    assert verdict(PRODUCTION, parameters=_nested(70), **claims) == ASKS


@pytest.mark.parametrize(
    "unit", ["a", "-", "a ", "A", "%41", "a\u0300\u0316", "\u200b", "data-base-", "ﷺ", "а"]
)
def test_hostile_text_costs_in_proportion_to_its_length(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        claims = {"parameters": {"x": text}, "target": text[:500]}
        started = time.perf_counter()
        checked('excluded: ["-database-", "*-payment-*", "a*b*c*d"]', **claims)
        return time.perf_counter() - started

    short = min(seconds(25_000) for _ in range(3))
    assert seconds(250_000) < 40 * max(short, 0.005)
