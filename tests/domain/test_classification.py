"""Classes of data: what passes, what is asked, what is denied, and that findings tell no value."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.policy import classification
from approvals.domain.policy.checks import Check, Layer, Result
from approvals.domain.policy.circumstances import UNKNOWN
from approvals.domain.policy.classification import DataRules
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.subject import Subject, subject_of
from approvals.domain.policy.yaml_text import documents
from approvals.domain.terms import Approval, DataClass
from tests.domain.test_scope import JSON

AUTO, ASKS = (Approval.AUTO, ""), (Approval.REQUIRED, "")
EXPOSED = (Approval.FORBIDDEN, "data_exposed")


def read(text: str, policy: str = "p") -> DataRules:
    [value] = documents(f"{policy}.yaml", text)
    return classification.read(value, policy=policy)


def checked(*sections: str, **body: Any) -> list[Check]:
    submission = {"action": "send_report", "target": "vendor", "parameters": {}} | body
    found = [read(text, f"p{number}") for number, text in enumerate(sections)]
    return classification.check(found, subject_of("robo", submission), UNKNOWN)


def verdict(*sections: str, **body: Any) -> tuple[Approval, str]:
    made = checked(*sections, **body)
    reason = next((check.reason for check in made if check.reason), "")
    return Approval.strictest(*(check.leads_to for check in made)), reason


def confidential(**body: Any) -> dict[str, Any]:
    return {"data_classification": "confidential", "aggregated": True} | body


# --- the classes -----------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["view_logs", "file_report", "delete_table"])
def test_public_and_undeclared_data_passes_and_is_still_recorded(action: str) -> None:
    for body in ({}, {"data_classification": "public"}):
        [check] = checked(action=action, **body)
        assert (check.name, check.leads_to) == (Layer.DATA, Approval.AUTO)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("view_logs", AUTO), ("read", AUTO), ("get_report", AUTO), ("search_tickets", AUTO),
        ("summarise_tickets", AUTO), ("summarize_tickets", AUTO), ("summarize", AUTO),
        ("summary_mail", ASKS), ("send_report", ASKS), ("delete_table", ASKS), ("viewer", ASKS),
    ],
)  # fmt: skip
def test_internal_data_is_read_and_summarised(action: str, expected: tuple[Approval, str]) -> None:
    assert verdict(action=action, data_classification="internal") == expected


def test_a_policy_may_name_more_actions_for_internal_data() -> None:
    def internal(*sections: str, action: str = "send_report") -> tuple[Approval, str]:
        return verdict(*sections, action=action, data_classification="internal")

    assert internal("internal: [send_*]") == AUTO
    assert internal("internal: [post_*]") == ASKS
    assert internal("internal: []") == ASKS
    assert internal("internal: [send_*]", "internal: ['*_report']") == AUTO
    assert internal("internal: [send_*]", "internal: [post_*]") == ASKS
    assert internal("internal: [send_*]", "scan: [emails]") == AUTO
    assert internal("internal: [post_*]", action="view_logs") == AUTO


@pytest.mark.parametrize("aggregated", [True, False])
@pytest.mark.parametrize("action", ["view_logs", "send_report"])
def test_restricted_data_is_denied_whoever_asks_for_what(action: str, aggregated: bool) -> None:
    body = {"action": action, "aggregated": aggregated, "data_classification": "restricted"}
    assert verdict(**body) == (Approval.FORBIDDEN, "data_restricted")
    assert verdict("internal: ['*']\nscan: [emails]", **body)[1] == "data_restricted"


@pytest.mark.parametrize("body", [{}, {"aggregated": False}])
def test_confidential_data_must_be_declared_aggregated(body: dict[str, Any]) -> None:
    body = {"data_classification": "confidential", "parameters": {"text": "47 customers"}} | body
    assert verdict(**body) == (Approval.FORBIDDEN, "data_not_aggregated")
    assert verdict(action="view_logs", **body)[1] == "data_not_aggregated"
    assert verdict(**body | {"aggregated": True}) == AUTO


def test_aggregated_alone_changes_nothing() -> None:
    assert verdict(aggregated=True) == AUTO
    assert verdict(aggregated=True, data_classification="internal") == ASKS


# --- the words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ({"parameters": {"rows": [{"by": "Ada Lovelace"}]}}, "/parameters/rows/0/by"),
        ({"parameters": {"customer_name": "Zed"}}, "/parameters/customer_name"),
        ({"parameters": {"Ada Lovelace": 1}}, "/parameters/(key 1)"),
        ({"parameters": {"n": 4111111111111111}}, "/parameters/n"),
        ({"target": "mail to ada@example.com"}, "/target"),
        ({"resource": {"namespace": "john.smith", "type": "homes"}}, "/resource/namespace"),
        ({"reasoning": "DE89 3704 0044 0532 0130 00"}, "/reasoning"),
        ({"risk_reason": "Ada Lovelace"}, "/risk_reason"),
        ({"impact": {"summary": "Ada Lovelace pays"}}, "/impact/summary"),
        ({"alternatives": ["wait", "ask ada@example.com"]}, "/alternatives/1"),
        ({"labels": {"who": "Ada Lovelace"}}, "/labels/who"),
        ({"session": "ada@example.com"}, "/session"),
        ({"context": {"note": {"x": "Ada Lovelace"}}}, "/context/note/x"),
        ({"rollback": {"how": "call Ada Lovelace"}}, "/rollback/how"),
        ({"rollback": {"state_before": {"owner": "Ada Lovelace"}}}, "/rollback/state_before/owner"),
        ({"recipients": ["DE89370400440532013000"]}, "/recipients/0"),
    ],
)  # fmt: skip
def test_confidential_data_is_looked_through_wherever_it_may_stand(
    part: dict[str, Any], place: str
) -> None:
    made = checked(**confidential(**part))
    assert [check.reason for check in made] == ["", "data_exposed"]
    assert [one["place"] for one in made[1].values["found"]] == [place]
    assert place in made[1].words


def test_counts_of_confidential_data_pass() -> None:
    body = confidential(
        parameters={"customers": 47, "text": "47 customers in Berlin, 1,240 EUR", "to": "ops@x.io"},
        reasoning="Weekly report of the Production API to Grafana Cloud",
        recipients=["ops@x.io", "Ada Lovelace <ada@example.com>"],
    )
    assert verdict(**body) == AUTO


@pytest.mark.parametrize("declared", [None, "public", "internal"])
def test_what_goes_to_recipients_is_looked_through_whatever_its_class(declared: str | None) -> None:
    body = {"action": "view_report", "parameters": {"text": "by Ada Lovelace"}}
    body |= {"data_classification": declared} if declared else {}
    assert verdict(**body) == AUTO
    assert verdict(**body, recipients=[]) == AUTO
    assert verdict(**body, recipients=["ops@example.com"]) == ASKS
    clean = body | {"parameters": {"text": "47 customers"}}
    assert verdict(**clean, recipients=["ops@example.com"]) == AUTO


@pytest.mark.parametrize("action", ["send_report", "notify_team", "post_message", "page_oncall"])
def test_what_notifies_is_looked_through_even_when_it_names_no_recipients(action: str) -> None:
    assert verdict(action=action, parameters={"text": "by Ada Lovelace"}) == ASKS
    assert verdict(action=action, parameters={"text": "47 customers"}) == AUTO


@pytest.mark.parametrize("action", ["get_and_delete_report", "list_and_send", "view_thenUpdate_x"])
def test_internal_data_is_not_read_by_what_also_writes(action: str) -> None:
    assert verdict(action=action, data_classification="internal") == ASKS


def test_a_policy_says_what_is_looked_for_and_several_look_for_all_of_it() -> None:
    named = confidential(parameters={"text": "Ada Lovelace"})
    assert verdict("scan: [emails]", **named) == AUTO
    assert verdict("scan: [emails]", "scan: [names]", **named) == EXPOSED
    assert verdict("scan: [emails]", "internal: [x]", **named) == EXPOSED
    [_, refused] = checked("scan: [emails]", "scan: [names, secrets]", **named)
    assert (refused.rule, refused.file) == ("p1.data_classification", "p1.yaml")


def test_what_is_too_deep_to_look_through_is_left_to_a_person() -> None:
    deep: Any = "x"
    for _ in range(70):
        deep = [deep]
    assert verdict(**confidential(parameters={"a": deep})) == ASKS
    assert verdict(**confidential(parameters={"a": deep, "b": "Ada Lovelace"})) == ASKS
    assert verdict(**confidential(parameters={"a": deep}, target="Ada Lovelace")) == EXPOSED


def test_the_defaults_judge_by_their_own_name_and_stand_in_no_file() -> None:
    [check] = checked(action="view_logs", data_classification="restricted")
    assert (check.rule, check.file, check.line) == ("data_classification", "", 0)
    assert check.result is Result.FAIL
    assert check.values == {"data_classification": "restricted", "aggregated": False}


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "say 'scan' or 'internal'"),
        ("scan: []", "an empty list would look for nothing"),
        ("scan: [name]", "did you mean 'names'?"),
        ("scan: names", "a list is wanted here"),
        ("scans: [names]", "did you mean 'scan'?"),
        ("internal: [1]", "text is wanted here"),
    ],
)
def test_a_section_that_cannot_be_meant_is_refused(text: str, words: str) -> None:
    with pytest.raises(PolicyInvalid, match=words.replace("?", r"\?")):
        read(text)


# --- laws ------------------------------------------------------------------------------------

PLANTED = ["Ada Lovelace", "ada@example.com", "DE89370400440532013000", "gh" + "p_" + "a1B2" * 9]
SUBJECTS = st.builds(
    Subject,
    agent=st.just("robo"),
    action=st.sampled_from(["view_logs", "send_report", "summarise_x"]),
    target=st.sampled_from(["x", *PLANTED]),
    parameters=st.dictionaries(
        st.sampled_from(["customer_name", "to", *PLANTED]) | st.text(max_size=5),
        JSON | st.sampled_from(PLANTED),
        max_size=4,
    ),
    data_class=st.none() | st.sampled_from(DataClass),
    aggregated=st.booleans(),
    recipients=st.lists(st.sampled_from(PLANTED), max_size=2).map(tuple),
    prose=st.dictionaries(st.sampled_from(["/reasoning", "/context"]), JSON, max_size=2),
)
SECTIONS = st.lists(
    st.fixed_dictionaries(
        {"scan": st.lists(st.sampled_from(["names", "emails", "secrets"]), min_size=1)},
        optional={"internal": st.lists(st.sampled_from(["send_*", "*"]), max_size=2)},
    ),
    max_size=3,
)
ORDER = [Approval.AUTO, Approval.REQUIRED, Approval.FORBIDDEN]
STRICTER = [DataClass.PUBLIC, DataClass.INTERNAL, DataClass.RESTRICTED]


def _strictness(found: list[DataRules], wanted: Subject) -> int:
    return max(ORDER.index(each.leads_to) for each in classification.check(found, wanted, UNKNOWN))


@given(SUBJECTS, SECTIONS, st.randoms())
def test_whatever_is_asked_the_answer_is_there_and_tells_no_value(
    wanted: Subject, sections: list[dict[str, Any]], chance: Any
) -> None:
    found = [read(json.dumps(each), f"p{number}") for number, each in enumerate(sections)]
    made = classification.check(found, wanted, UNKNOWN)
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert made == classification.check(shuffled, wanted, UNKNOWN)
    told = json.dumps([check.to_json() for check in made], ensure_ascii=False)
    assert not any(value in told for value in PLANTED)


@given(SUBJECTS, SECTIONS)
def test_a_stricter_class_never_makes_a_verdict_weaker(
    wanted: Subject, sections: list[dict[str, Any]]
) -> None:
    found = [read(json.dumps(each)) for each in sections]
    by_class = [_strictness(found, replace(wanted, data_class=each)) for each in STRICTER]
    assert by_class == sorted(by_class)


@given(SUBJECTS, SECTIONS.filter(bool))
def test_one_more_section_beside_another_never_makes_a_verdict_weaker(
    wanted: Subject, sections: list[dict[str, Any]]
) -> None:
    found = [read(json.dumps(each)) for each in sections]
    if all("internal" in each for each in sections):
        assert _strictness(found, wanted) >= _strictness(found[:1], wanted)
    without = replace(wanted, data_class=None)
    assert _strictness(found, without) >= _strictness(found[:1], without)


@given(SUBJECTS)
def test_recipients_never_make_a_verdict_weaker(wanted: Subject) -> None:
    alone = replace(wanted, recipients=())
    sent = replace(wanted, recipients=("ops@example.com",))
    assert _strictness([], sent) >= _strictness([], alone)
