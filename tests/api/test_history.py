"""The questions history must answer, and the files it can be taken away in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.domain import chain
from approvals.domain.errors import Expired
from approvals.models import Agent, ApprovalRequest, AuditEvent
from approvals.services import clock
from tests.api.conftest import Caller
from tests.support import cast

Calls = Callable[..., Caller]


@pytest.fixture
def ran(robo: Caller, agent: Agent) -> ApprovalRequest:
    """A scaling that Lin approved and Robo ran."""
    row = cast.approved(agent)
    robo.post(f"/requests/{row.ref}/consume", {"parameters": row.submission["parameters"]})
    robo.post(f"/requests/{row.ref}/outcome", {"status": "success"})
    return row


def items(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_what_did_the_agent_do_in_the_last_hour(ada: Caller, ran: ApprovalRequest) -> None:
    hour = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    done = items(ada.get("/audit-events", agent="robo", after=hour, type="outcome.reported"))

    assert [(line["action"], line["target"], line["outcome"]) for line in done] == [
        ("scale_deployment", "production-api", "success")
    ]
    assert items(ada.get("/audit-events", agent="robo", before=hour)) == []


def test_who_approved_this_change(ada: Caller, ran: ApprovalRequest) -> None:
    [line] = items(ada.get("/audit-events", request=ran.ref, type="request.approved"))

    assert line["actor"] == "person:lin@example.com"
    assert line["approval"]["type"] == "approved"
    assert line["approval"]["by"] == "Lin"
    assert line["basis"] == "person"


def test_why_did_the_agent_decide_so(ada: Caller, ran: ApprovalRequest) -> None:
    [line] = items(ada.get("/audit-events", request=str(ran.public_id), type="request.submitted"))

    assert line["reasoning"].startswith("CPU utilization")
    assert line["context"]["triggered_by"] == "monitoring_alert_12345"
    assert line["entry"]["submission"]["reasoning"] == line["reasoning"]


def test_what_was_the_state_before_and_how_is_it_undone(ada: Caller, ran: ApprovalRequest) -> None:
    [line] = items(ada.get("/audit-events", target="production-api", type="grant.consumed"))

    assert line["state_before"] == {"replicas": 5}
    assert line["how_to_undo"] == "Scale back to 5"
    assert line["rollback_available"] is True


def test_every_line_has_the_fields_of_the_audit_trail(ada: Caller, ran: ApprovalRequest) -> None:
    wanted = {
        "timestamp", "agent", "session", "action", "target", "parameters", "reasoning", "context", "approval",
        "outcome", "rollback_available", "seq", "type", "request", "actor", "basis", "reason_code",
        "policy_version", "prev", "hash",
    }  # fmt: skip

    assert all(wanted <= set(line) for line in items(ada.get("/audit-events")))


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ({"session": "sess_abc123", "type": "request.submitted,grant.consumed"}, 2),
        ({"actor": "lin@example.com"}, 1),
        ({"actor": "person:lin@example.com"}, 1),
        ({"actor": "agent:lin@example.com"}, 0),
        ({"actor": "robo"}, 3),
        ({"action": "scale_deployment"}, 4),
        ({"action": "scale"}, 0),
        ({"session": "another"}, 0),
    ],
)
def test_history_is_filtered(
    ada: Caller, ran: ApprovalRequest, query: dict[str, str], types: int
) -> None:
    assert len(items(ada.get("/audit-events", request=ran.ref, **query))) == types


def test_pages_of_history_follow_one_another(ada: Caller, ran: ApprovalRequest) -> None:
    first = ada.get("/audit-events", request=ran.ref, limit=3)
    second = ada.get(first.json()["next"])

    assert [line["seq"] for line in items(first) + items(second)] == [3, 2, 1, 0]
    assert second.json()["next"] is None


@pytest.mark.parametrize("name", ["ada", "grace"])
def test_managers_and_auditors_read_history(calls: Calls, name: str) -> None:
    assert calls(name).get("/audit-events").status_code == 200


@pytest.mark.parametrize("path", ["/audit-events", "/audit-events/export"])
def test_nobody_else_does(calls: Calls, robo: Caller, path: str) -> None:
    assert calls("lin").get(path).json()["code"] == "missing_scope"
    assert calls("ada", "requests:read").get(path).json()["code"] == "missing_scope"
    assert robo.get(path).json()["code"] == "people_only"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"type": "request.exploded"}, 422),
        ({"after": "then"}, 422),
        ({"requst": "REQ-1"}, 422),
        ({"request": "nonsense"}, 404),
        ({"request": "REQ-999999"}, 200),
        ({"format": "xml"}, 422),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    ada: Caller, query: dict[str, str], status: int
) -> None:
    assert ada.get("/audit-events/export", **query).status_code == status


def test_evidence_can_be_checked_without_us(lin: Caller, ran: ApprovalRequest) -> None:
    body = lin.get(f"/requests/{ran.ref}/evidence").json()

    proof, events = body["proof"], body["events"]
    assert (proof["intact"], proof["length"], len(events)) == (True, 4, 4)
    assert chain.first_break(ran.ref, events, head=proof["head"], length=proof["length"]) is None
    assert body["request"]["ref"] == ran.ref
    events[1]["actor"] = "person:mallory@example.com"
    assert chain.first_break(ran.ref, events, head=proof["head"]) is not None


def test_agents_do_not_read_evidence(robo: Caller, ran: ApprovalRequest) -> None:
    assert robo.get(f"/requests/{ran.ref}/evidence").json()["code"] == "people_only"


def exported(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def test_all_of_history_leaves_as_lines_of_json_oldest_first(
    ada: Caller, ran: ApprovalRequest
) -> None:
    answer = ada.get("/audit-events/export", request=ran.ref)

    lines = [json.loads(line) for line in exported(answer).splitlines()]
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert [line["seq"] for line in lines] == [0, 1, 2, 3]
    entries = [line["entry"] | {"hash": line["hash"]} for line in lines]
    assert chain.first_break(ran.ref, entries) is None


def test_no_cell_of_a_spreadsheet_is_a_formula(ada: Caller, agent: Agent) -> None:
    row = cast.request(
        agent, target='=HYPERLINK("https://evil.example","x")', reasoning="+1", session="@SUM(A1)"
    )

    answer = ada.get("/audit-events/export", request=row.ref, format="csv")

    assert answer.headers["Content-Type"] == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    [line] = csv.DictReader(io.StringIO(exported(answer)))
    assert line["target"].startswith("'=")
    assert (line["reasoning"], line["session"]) == ("'+1", "'@SUM(A1)")
    assert json.loads(line["parameters"]) == {"from_replicas": 5, "to_replicas": 8}


def test_an_export_is_itself_history(ada: Caller, ran: ApprovalRequest) -> None:
    ada.get("/audit-events/export", agent="robo", format="csv")

    event = AuditEvent.objects.get(type="audit.exported")
    assert event.actor == "person:ada@example.com"
    assert event.entry["detail"] == {"filters": {"agent": "robo"}, "format": "csv"}


def test_a_refused_click_is_history_too(ada: Caller, mallory: Caller, agent: Agent) -> None:
    row = cast.request(agent)
    mallory.post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    [line] = items(ada.get("/audit-events", request=row.ref, type="decision.refused"))

    assert line["detail"]["refused_because"] == "not_an_approver"


def test_silence_reads_as_expired(ada: Caller, agent: Agent) -> None:
    row = cast.request(agent, at=clock.now() - timedelta(hours=1))
    with pytest.raises(Expired):
        cast.decide(row, cast.person("lin"))

    [line] = items(ada.get("/audit-events", request=row.ref, type="request.expired"))

    assert line["approval"]["type"] == "expired"
    assert line["actor"].startswith("system:")
