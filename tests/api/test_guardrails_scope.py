"""An agent meets the edges of its scope and of its data, told what, where and by which line."""

from __future__ import annotations

from typing import Any

from approvals.models import ApprovalRequest
from approvals.services import clock, policies
from tests.api.conftest import Caller
from tests.support import cast

GUARDRAILS = """apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: reporting}
spec:
  agents: [robo]
  scope:
    namespaces: [prod-*]
    resource_types: [deployments, secrets (read-only)]
    without_resource: [create_*, send_*]
    excluded:
      - -database-
      - -payment-
  actions:
    - {name: send_report, approval: auto, risk: low}
    - {name: scale_deployment, approval: auto, risk: low}
    - {name: rotate_secret, approval: auto, risk: low}
"""


def guarded() -> None:
    cast.policy()
    files = policies.read_directory(cast.POLICIES) | {"reporting.yaml": GUARDRAILS}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())


def report(text: str, **changes: Any) -> dict[str, Any]:
    return cast.submission(
        action="send_report",
        target="vendor",
        parameters={"report": {"text": text}, "to": "vendor@example.com"},
        recipients=["vendor@example.com"],
        data_classification="confidential",
        aggregated=True,
        **changes,
    )


def scaling(namespace: str, kind: str = "deployments", **changes: Any) -> dict[str, Any]:
    small = {"parameters": {"from_replicas": 20, "to_replicas": 21}} | changes
    return cast.submission(resource={"namespace": namespace, "type": kind}, **small)


def the_check(body: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    """The one step of the evaluation with these values."""
    [step] = [step for step in body["evaluation"] if wanted.items() <= step.items()]
    found: dict[str, Any] = step
    return found


def test_a_customer_name_in_confidential_data_is_denied_and_counts_go_on(robo: Caller) -> None:
    guarded()

    denied = robo.post("/requests", report("Ada Lovelace and 46 others were affected")).json()

    assert (denied["status"], denied["basis"]) == ("denied", "policy")
    assert denied["reason_code"] == "data_exposed"
    step = the_check(denied, check="data_classification", result="fail")
    assert step["values"]["found"] == [{"kind": "names", "place": "/parameters/report/text"}]
    assert "Lovelace" not in str(denied["evaluation"])

    counted = robo.post("/requests", report("47 customers were affected")).json()

    assert (counted["status"], counted["reason_code"]) == ("approved", "risk_low_auto")
    assert counted["aggregated"] is True


def test_confidential_data_that_is_not_declared_aggregated_is_denied(robo: Caller) -> None:
    guarded()
    body = report("47 customers were affected") | {"aggregated": False}

    denied = robo.post("/requests", body).json()

    assert (denied["status"], denied["reason_code"]) == ("denied", "data_not_aggregated")
    assert denied["aggregated"] is False


def test_an_excluded_resource_is_denied_and_told_by_file_and_line(robo: Caller) -> None:
    guarded()

    denied = robo.post("/requests", scaling("prod-payment-api")).json()

    assert (denied["status"], denied["reason_code"]) == ("denied", "excluded")
    step = the_check(denied, check="scope", leads_to="forbidden")
    assert (step["rule"], step["file"]) == ("reporting.scope", "reporting.yaml")
    assert "-payment-" in GUARDRAILS.splitlines()[step["line"] - 1]
    assert step["values"] == {"excluded": "-payment-", "found_in": "/resource/namespace"}


def test_the_edges_of_a_scope(robo: Caller) -> None:
    guarded()

    def status(body: dict[str, Any]) -> tuple[str, str]:
        answer = robo.post("/requests", body).json()
        return answer["status"], answer["reason_code"] or ""

    assert status(scaling("prod-a"))[0] == "approved"
    assert status(scaling("staging")) == ("denied", "out_of_scope")
    assert status(scaling("prod-a", "pods")) == ("denied", "out_of_scope")
    assert status(scaling("prod-a") | {"resource": {}})[0] == "pending"
    rotation = {"action": "rotate_secret", "parameters": {"name": "tls"}}
    assert status(scaling("prod-a", "Secret", **rotation)) == ("denied", "read_only")
    assert status(scaling("prod-a", parameters={"a": [{"DATABASE": 1}]})) == ("denied", "excluded")


def test_preflight_says_the_same_and_writes_nothing(robo: Caller) -> None:
    guarded()

    answer = robo.post("/evaluate", report("mail ada@example.org")).json()

    assert answer["verdict"] == "forbidden"
    step = the_check(answer, check="data_classification", result="fail")
    assert step["values"]["found"] == [{"kind": "emails", "place": "/parameters/report/text"}]
    assert not ApprovalRequest.objects.exists()


def test_the_schema_knows_aggregated_as_true_or_false(nobody: Caller) -> None:
    document = nobody.get("/api/schema").json()

    field = document["components"]["schemas"]["Submission"]["properties"]["aggregated"]
    assert field["type"] == "boolean"
