"""What an agent may send, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import ApprovalRequest, AuditEvent
from tests.api.conftest import Caller
from tests.support import cast

EVERY_FIELD: dict[str, Any] = cast.submission(
    risk="high",
    risk_reason="Similar scaling performed 12 times this month",
    alternatives=["Wait for the peak to pass", "Shed load"],
    resource={"namespace": "prod-api", "type": "deployments"},
    data_classification="internal",
    aggregated=True,
    recipients=["ops@example.com"],
    callback_url="https://93.184.216.34/hooks/approvals",
    expires_in=600,
    labels={"team": "checkout"},
    impact={
        "summary": "Three more replicas",
        "cost_per_hour_usd": 45.5,
        "pods": 3,
        "replica_percent": 60,
        "users": 1000,
    },
)


def test_a_medium_risk_action_waits_for_people(robo: Caller) -> None:
    answer = robo.post("/requests", cast.submission())

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == body["links"]["self"]
    assert (body["status"], body["basis"], body["grant"]) == ("pending", None, None)
    assert body["risk"]["effective"] == body["risk"]["computed"] == "medium"
    assert body["decide_by"] < body["expires_at"]
    assert body["created_at"].endswith("Z")


def test_every_field_comes_back_as_it_was_sent(robo: Caller) -> None:
    body = robo.post("/requests", EVERY_FIELD).json()

    assert {name: body[name] for name in EVERY_FIELD if name != "risk"} == {
        name: value for name, value in EVERY_FIELD.items() if name != "risk"
    }
    assert body["risk"]["claimed"] == body["risk"]["effective"] == "high"
    assert body["risk"]["computed"] == "medium"
    assert body["risk"]["because"]


def test_a_low_risk_action_is_approved_at_once_with_a_grant(robo: Caller) -> None:
    body = robo.post("/requests", cast.submission(**cast.LOW)).json()

    assert (body["status"], body["basis"]) == ("approved", "policy")
    assert body["grant"]["token"].count(".") == 2
    assert body["closed_by"] == "policy"
    assert body["decisions"] == []


def test_a_forbidden_action_is_denied_at_once(robo: Caller) -> None:
    body = robo.post("/requests", cast.submission(**cast.FORBIDDEN)).json()

    assert (body["status"], body["basis"], body["reason_code"]) == (
        "denied",
        "policy",
        "action_forbidden",
    )
    assert body["grant"] is None


def test_a_claim_never_lowers_the_risk_that_policy_computes(robo: Caller) -> None:
    body = robo.post("/requests", cast.submission(**cast.CRITICAL, risk="low")).json()

    assert body["status"] == "pending"
    assert (body["risk"]["claimed"], body["risk"]["effective"]) == ("low", "critical")


def test_an_action_nobody_classified_is_asked(robo: Caller) -> None:
    body = robo.post("/requests", cast.submission(action="polish_the_brass", risk="low")).json()

    assert body["status"] == "pending"


@pytest.mark.parametrize(("sent", "seconds"), [("10m", 600), (45, 45), ("30s", 30)])
def test_the_agent_may_give_up_earlier(robo: Caller, sent: object, seconds: int) -> None:
    body = robo.post("/requests", cast.submission(expires_in=sent)).json()

    row = ApprovalRequest.objects.get(public_id=body["id"])
    assert (row.expires_at - row.created_at).total_seconds() == min(seconds, 25 * 60)


MALFORMED = {
    "a duplicate key": b'{"action":"a","target":"t","parameters":{"env":"staging","env":"prod"}}',
    "NaN": b'{"action":"a","target":"t","parameters":{"x":NaN}}',
    "infinity": b'{"action":"a","target":"t","parameters":{"x":1e400}}',
    "a float no database keeps exactly": b'{"action":"a","target":"t","parameters":{"x":1e20}}',
    "an integer beyond 2^53": b'{"action":"a","target":"t","parameters":{"x":9007199254740993}}',
    "invalid UTF-8": b'{"action":"a","target":"\xff","parameters":{}}',
    "a byte order mark": b'\xef\xbb\xbf{"action":"a","target":"t","parameters":{}}',
    "a NUL": b'{"action":"a","target":"t\\u0000","parameters":{}}',
    "half a surrogate pair": b'{"action":"a","target":"\\ud800","parameters":{}}',
    "deep nesting": b'{"parameters":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a list": b"[]",
    "text": b'"action"',
    "no JSON": b"action=scale",
    "nothing": b"",
    "half of it": b'{"action":',
    "two objects": b"{}{}",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_what_two_programs_could_read_differently_is_refused(robo: Caller, raw: bytes) -> None:
    answer = robo.post("/requests", raw)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "malformed"
    assert "Nothing was recorded" in answer.json()["detail"]
    assert not ApprovalRequest.objects.exists()


def test_too_many_keys_are_refused(robo: Caller) -> None:
    many = {f"k{number}": 1 for number in range(10_001)}

    assert robo.post("/requests", cast.submission(parameters=many)).status_code == 400


INVALID: dict[str, tuple[dict[str, Any], str, str]] = {
    "no action": ({"action": None}, "action", "required"),
    "an action with spaces": ({"action": "scale up"}, "action", "invalid_name"),
    "an action in capitals": ({"action": "Scale"}, "action", "invalid_name"),
    "a number for text": ({"action": 1}, "action", "invalid"),
    "no target": ({"target": None}, "target", "required"),
    "an empty target": ({"target": ""}, "target", "blank"),
    "a long target": ({"target": "t" * 501}, "target", "max_length"),
    "a target of Hangul fillers": ({"target": "\u3164\u115f"}, "target", "invisible_name"),
    "a target of Braille blanks": ({"target": "\u2800"}, "target", "invisible_name"),
    "a target of spaces": ({"target": " \u3000"}, "target", "invisible_name"),
    "parameters as a list": ({"parameters": []}, "parameters", "invalid"),
    "parameters as text": ({"parameters": "{}"}, "parameters", "invalid"),
    "long reasoning": ({"reasoning": "r" * 20_001}, "reasoning", "max_length"),
    "an unknown risk": ({"risk": "hihg"}, "risk", "invalid_choice"),
    "a risk that is a list": ({"risk": ["high"]}, "risk", "invalid_choice"),
    "negative pods": ({"impact": {"pods": -1}}, "impact.pods", "min_value"),
    "pods as text": ({"impact": {"pods": "3"}}, "impact.pods", "invalid"),
    "pods as truth": ({"impact": {"pods": True}}, "impact.pods", "invalid"),
    "an unknown impact": ({"impact": {"pod": 3}}, "impact.pod", "unknown_field"),
    "many alternatives": ({"alternatives": ["a"] * 21}, "alternatives", "max_length"),
    "an alternative that is a number": ({"alternatives": ["a", 1]}, "alternatives[1]", "invalid"),
    "alternatives as text": ({"alternatives": "a"}, "alternatives", "not_a_list"),
    "truth as text": ({"rollback": {"available": "true"}}, "rollback.available", "invalid"),
    "truth as a number": ({"rollback": {"available": 1}}, "rollback.available", "invalid"),
    "a state that is a list": (
        {"rollback": {"state_before": []}},
        "rollback.state_before",
        "invalid",
    ),
    "an unknown class": (
        {"data_classification": "secret"},
        "data_classification",
        "invalid_choice",
    ),
    "aggregated as text": ({"aggregated": "true"}, "aggregated", "invalid"),
    "aggregated as a number": ({"aggregated": 1}, "aggregated", "invalid"),
    "a trigger that is no text": ({"context": {"triggered_by": 7}}, "context", "triggered_by"),
    "incidents that are no list": (
        {"context": {"related_incidents": "INC-1"}},
        "context",
        "related_incidents",
    ),
    "labels that are no text": ({"labels": {"a": 1}}, "labels.a", "invalid"),
    "a span of nothing": ({"expires_in": 0}, "expires_in", "out_of_range"),
    "a span of months": ({"expires_in": "31d"}, "expires_in", "out_of_range"),
    "a span in words": ({"expires_in": "soon"}, "expires_in", "invalid"),
    "a span that is true": ({"expires_in": True}, "expires_in", "invalid"),
    "a private callback": ({"callback_url": "https://10.0.0.1/"}, "callback_url", "refused_url"),
    "a callback by number": (
        {"callback_url": "https://2130706433/"},
        "callback_url",
        "refused_url",
    ),
    "a callback that is none": ({"callback_url": "javascript:1"}, "callback_url", "refused_url"),
}


@pytest.mark.parametrize(("changes", "field", "code"), INVALID.values(), ids=INVALID)
def test_a_field_that_breaks_a_rule_is_named(
    robo: Caller, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = robo.post("/requests", cast.submission(**changes))

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid")
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [(field, code)]
    assert field in problem["detail"]
    assert not ApprovalRequest.objects.exists()


def test_a_null_is_not_the_same_as_leaving_a_field_out(robo: Caller) -> None:
    answer = robo.post("/requests", cast.submission() | {"reasoning": None})

    assert answer.json()["errors"] == [
        {"field": "reasoning", "code": "null", "message": "This field may not be null."}
    ]


def test_an_unknown_field_is_refused_by_name_with_the_word_it_missed(robo: Caller) -> None:
    answer = robo.post("/requests", cast.submission(parametres={}, risc="low", action=7))

    faults = {fault["field"]: fault for fault in answer.json()["errors"]}
    assert answer.status_code == 422
    assert set(faults) == {"parametres", "risc", "action"}
    assert faults["parametres"]["code"] == "unknown_field"
    assert "did you mean 'parameters'?" in faults["parametres"]["message"]


def test_thousands_of_unknown_fields_cost_no_more_than_a_few(robo: Caller) -> None:
    answer = robo.post("/requests", cast.submission(**{f"field_{n}": n for n in range(5_000)}))

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) <= 50
    assert len(answer.content) < 20_000


def test_thousands_of_bad_labels_cost_no_more_than_a_few(robo: Caller) -> None:
    labels = {f"label_{n}": n for n in range(5_000)}
    answer = robo.post("/requests", cast.submission(labels=labels))

    assert answer.status_code == 422
    assert len(answer.content) < 20_000


def test_a_large_body_is_refused_before_it_is_read(robo: Caller) -> None:
    answer = robo.post("/requests", cast.submission(parameters={"x": "y" * 256 * 1024}))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_of_exactly_the_limit_is_read(robo: Caller) -> None:
    start = b'{"action":"view_logs","target":"t","parameters":{"x":"'
    end = b'"}}'
    raw = start + b"y" * (256 * 1024 - len(start) - len(end)) + end

    assert robo.post("/requests", raw).status_code == 201
    assert robo.post("/requests", raw.replace(b'"y', b'"yy', 1)).status_code == 413


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_other_media_types_are_refused(robo: Caller, media_type: str) -> None:
    answer = robo.post("/requests", b'{"action":"a"}', content_type=media_type)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_character_set_beside_the_media_type_is_fine(robo: Caller) -> None:
    json_in_utf_8 = "application/json; charset=utf-8"

    assert robo.post("/requests", cast.submission(), content_type=json_in_utf_8).status_code == 201


def test_a_refused_body_leaves_no_trace_in_history(robo: Caller) -> None:
    before = AuditEvent.objects.count()

    robo.post("/requests", cast.submission(risk="none"))

    assert AuditEvent.objects.count() == before


def test_agent_text_comes_back_exactly_whatever_it_holds(robo: Caller) -> None:
    odd = "\u202epassword\u202c \ufeff é é 🙂 <script>"

    body = robo.post("/requests", cast.submission(reasoning=odd, parameters={odd: odd})).json()

    assert body["reasoning"] == odd
    assert body["parameters"] == {odd: odd}
