"""What was approved is what runs, once."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.domain import canonical
from approvals.models import Agent, ApprovalRequest, AuditEvent
from approvals.services import clock
from tests.api.conftest import Caller
from tests.api.test_idempotency import at_once
from tests.support import cast

PARAMETERS: dict[str, Any] = {
    "name": "café",
    "replicas": {"from": 5, "to": 8},
    "zones": ["a", "b"],
    "surge": 0.25,
    "force": False,
    "note": None,
}


@pytest.fixture
def ready(agent: Agent) -> ApprovalRequest:
    return cast.approved(agent, parameters=PARAMETERS)


def test_an_approval_is_used_once(robo: Caller, ready: ApprovalRequest) -> None:
    first = robo.post(f"/requests/{ready.ref}/consume", Idempotency_Key="a")
    again = robo.post(f"/requests/{ready.ref}/consume", Idempotency_Key="a")
    other = robo.post(f"/requests/{ready.ref}/consume", Idempotency_Key="b")
    unnamed = robo.post(f"/requests/{ready.ref}/consume")

    assert first.status_code == again.status_code == 200
    assert first.json()["consumed_at"] == again.json()["consumed_at"] is not None
    assert first.json()["grant"] is None
    assert {other.status_code, unnamed.status_code} == {409}
    assert other.json()["code"] == unnamed.json()["code"] == "already_consumed"


def test_no_body_and_an_empty_body_are_the_same(robo: Caller, ready: ApprovalRequest) -> None:
    assert robo.post(f"/requests/{ready.ref}/consume", b"").status_code == 200


def test_the_order_of_keys_and_the_form_of_numbers_do_not_matter(
    robo: Caller, ready: ApprovalRequest
) -> None:
    turned = dict(reversed(PARAMETERS.items())) | {"replicas": {"to": 8.0, "from": 5}}

    answer = robo.post(f"/requests/{ready.ref}/consume", {"parameters": turned})

    assert answer.status_code == 200


OTHERS: dict[str, dict[str, Any]] = {
    "one argument": PARAMETERS | {"replicas": {"from": 5, "to": 20}},
    "one more": PARAMETERS | {"dry_run": False},
    "one less": {name: value for name, value in PARAMETERS.items() if name != "note"},
    "text for a number": PARAMETERS | {"surge": "0.25"},
    "a number for truth": PARAMETERS | {"force": 0},
    "another order in a list": PARAMETERS | {"zones": ["b", "a"]},
    "another Unicode form": PARAMETERS | {"name": "cafe\u0301"},
    "none of them": {},
}


@pytest.mark.parametrize("parameters", OTHERS.values(), ids=OTHERS)
def test_other_parameters_are_refused_and_nothing_is_used(
    robo: Caller, ready: ApprovalRequest, parameters: dict[str, Any]
) -> None:
    answer = robo.post(f"/requests/{ready.ref}/consume", {"parameters": parameters})

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "parameters_changed")
    assert problem["facts"]["approved"] == ready.parameters_sha256
    assert AuditEvent.objects.filter(type="grant.refused", request=ready).count() == 1
    assert robo.post(f"/requests/{ready.ref}/consume").status_code == 200


leaves = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8)
values = st.recursive(
    leaves,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """The approved parameters with one edit somewhere."""
    parameters = copy.deepcopy(PARAMETERS)
    place: dict[str, Any] = draw(st.sampled_from([parameters, parameters["replicas"]]))
    name = draw(st.sampled_from([*place, "another", "Name", "name "]))
    if name in place and draw(st.booleans()):
        del place[name]
    else:
        place[name] = draw(values)
    return parameters


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(parameters=mutated())
def test_no_mutation_of_the_parameters_is_ever_consumed(
    robo: Caller, ready: ApprovalRequest, parameters: dict[str, Any]
) -> None:
    try:
        same = canonical.parameters_sha256(parameters) == ready.parameters_sha256
    except canonical.Malformed:
        same = False

    if not same:
        answer = robo.post(f"/requests/{ready.ref}/consume", {"parameters": parameters})
        assert answer.status_code in {400, 409}
    ready.refresh_from_db()
    assert ready.consumed_at is None


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_one_runs() -> None:
    agent, key = cast.agent()
    row = cast.approved(agent)

    def consume(number: int) -> Any:
        return Caller(key).post(f"/requests/{row.ref}/consume", Idempotency_Key=f"k{number}")

    answers = at_once(20, consume)

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert AuditEvent.objects.filter(type="grant.consumed", request=row).count() == 1


def test_what_waits_cannot_be_consumed(robo: Caller, agent: Agent) -> None:
    answer = robo.post(f"/requests/{cast.request(agent).ref}/consume")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_approved")


def test_an_approval_not_used_in_time_has_ended(robo: Caller, agent: Agent) -> None:
    row = cast.request(agent, at=clock.now() - timedelta(hours=1), **cast.LOW)

    answer = robo.post(f"/requests/{row.ref}/consume")

    assert (answer.status_code, answer.json()["code"]) == (410, "grant_expired")


def test_people_cannot_consume(lin: Caller, ready: ApprovalRequest) -> None:
    answer = lin.post(f"/requests/{ready.ref}/consume")

    assert (answer.status_code, answer.json()["code"]) == (403, "agents_only")


def test_the_grant_is_verified_offline_with_the_published_keys(
    robo: Caller, nobody: Caller, ready: ApprovalRequest, settings: Any
) -> None:
    token = robo.get(f"/requests/{ready.ref}").json()["grant"]["token"]
    published = jwt.PyJWKSet.from_dict(nobody.get("/.well-known/jwks.json").json())

    claims = jwt.decode(
        token,
        published[jwt.get_unverified_header(token)["kid"]],
        algorithms=["EdDSA"],
        audience=settings.GRANT_AUDIENCE,
        issuer=settings.PUBLIC_URL,
        options={"require": ["iss", "aud", "sub", "jti", "iat", "exp"]},
    )

    assert (claims["sub"], claims["request"]) == ("robo", str(ready.public_id))
    assert claims["parameters_sha256"] == canonical.parameters_sha256(PARAMETERS)
    assert (claims["action"], claims["target"]) == (ready.action, ready.target)


def test_the_outcome_is_reported_once(robo: Caller, ready: ApprovalRequest) -> None:
    robo.post(f"/requests/{ready.ref}/consume")
    outcome = {"status": "success", "detail": "8 of 8 ready", "duration_ms": 41_000, "cost": 1.5}

    first = robo.post(f"/requests/{ready.ref}/outcome", outcome)
    again = robo.post(f"/requests/{ready.ref}/outcome", outcome)
    other = robo.post(f"/requests/{ready.ref}/outcome", {"status": "failure"})

    assert first.json()["outcome"] == again.json()["outcome"] == outcome
    assert (other.status_code, other.json()["code"]) == (409, "outcome_conflict")
    assert AuditEvent.objects.filter(type="outcome.reported", request=ready).count() == 1


def test_a_success_may_later_be_rolled_back(robo: Caller, ready: ApprovalRequest) -> None:
    robo.post(f"/requests/{ready.ref}/consume")
    robo.post(f"/requests/{ready.ref}/outcome", {"status": "success"})

    answer = robo.post(
        f"/requests/{ready.ref}/outcome", {"status": "rolled_back", "rollback": {"done": True}}
    )

    assert answer.json()["outcome"]["status"] == "rolled_back"


def test_nothing_ran_that_was_not_consumed(robo: Caller, ready: ApprovalRequest) -> None:
    answer = robo.post(f"/requests/{ready.ref}/outcome", {"status": "success"})

    assert (answer.status_code, answer.json()["code"]) == (409, "not_consumed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "status"),
        ({"status": "fine"}, "status"),
        ({"status": "success", "duration_ms": 1.5}, "duration_ms"),
        ({"status": "success", "cost": -1}, "cost"),
        ({"status": "success", "logs": ""}, "logs"),
    ],
)
def test_an_outcome_that_breaks_a_rule_is_refused(
    robo: Caller, ready: ApprovalRequest, body: dict[str, Any], field: str
) -> None:
    answer = robo.post(f"/requests/{ready.ref}/outcome", body)

    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
