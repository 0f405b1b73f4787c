"""A policy says `change_request: servicenow`: from an agent's question to the decision, both ways round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from approvals.models import Decision
from approvals.services import deliveries
from tests.api.conftest import Caller
from tests.fakes.servicenow import FakeServiceNow, Record
from tests.support import cast
from tests.support.servicenow import change_requests, look, pointed, with_board

pytestmark = pytest.mark.django_db
MIGRATION: dict[str, Any] = cast.submission(
    **cast.CRITICAL
    | {
        "reasoning": "Orders need the new column before the release.",
        "impact": {"summary": "Orders are read-only for two minutes", "users": 900},
        "alternatives": ["Wait for the maintenance window"],
        "rollback": {"available": True, "how": "Restore snapshot 41"},
    }
)


class Asked:
    """A migration that an agent asked for over the API, and its change request there."""

    def __init__(self, robo: Caller, servicenow: FakeServiceNow) -> None:
        self.robo, self.servicenow = robo, servicenow
        answer = robo.post("/requests", MIGRATION)
        assert answer.status_code == 201, answer.content
        self.first = answer.json()
        deliveries.send_due()

    @property
    def change(self) -> Record:
        [change] = self.servicenow.changes
        return change

    @property
    def answers(self) -> dict[str, str]:
        return {row["approver.user_name"]: row["state"] for row in self.servicenow.rows}

    def now(self) -> dict[str, Any]:
        """What the agent reads."""
        body: dict[str, Any] = self.robo.get(f"/requests/{self.first['ref']}").json()
        return body

    def decided_here(self, name: str, verdict: str, comment: str = "") -> dict[str, Any]:
        caller = Caller(cast.token(cast.person(name)))
        given = {"verdict": verdict, "comment": comment}
        answer = caller.post(f"/requests/{self.first['ref']}/decisions", given)
        assert answer.status_code == 200, answer.content
        deliveries.send_due()
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
def servicenow(settings: Any) -> Iterator[FakeServiceNow]:
    with pointed(settings) as fake:
        yield fake


@pytest.fixture
def asked(servicenow: FakeServiceNow) -> Asked:
    """Of two people of the change board, both are asked there and here."""
    key = cast.agent()[1]
    with_board(servicenow, "chen", "dana")
    change_requests()
    return Asked(Caller(key), servicenow)


def test_the_policy_opens_one_change_request_in_full(asked: Asked) -> None:
    assert (asked.first["status"], asked.first["risk"]["effective"]) == ("pending", "critical")
    assert asked.first["plan"]["channels"] == ["servicenow"]
    change = asked.change
    assert change["correlation_id"] == asked.first["id"]
    assert change["short_description"] == f"{asked.first['ref']}: Database migration · orders"
    for words in (
        "CRITICAL RISK", "version = 42", "Agent: robo", "Orders need the new column",
        "Orders are read-only for two minutes", "Wait for the maintenance window",
        "Restore snapshot 41", f"/r/{asked.first['ref']}",
    ):  # fmt: skip
        assert words in change["description"]
    assert (change["state"], change["approval"]) == ("-4", "requested")
    assert asked.answers == {"chen": "requested", "dana": "requested"}


def test_approved_there_it_is_approved_here_by_those_who_did_it(
    asked: Asked, servicenow: FakeServiceNow
) -> None:
    servicenow.says("chen", "approved")
    look()
    assert asked.now()["status"] == "pending"
    servicenow.says("dana", "approved", "Good to go.")
    look()
    deliveries.send_due()
    now = asked.now()
    assert (now["status"], now["basis"]) == ("approved", "person")
    assert [(one["by"]["email"], one["channel"], one["comment"]) for one in now["decisions"]] == [
        ("chen@example.com", "servicenow", ""),
        ("dana@example.com", "servicenow", "Good to go."),
    ]
    assert {one.authenticated_by for one in Decision.objects.all()} == {"servicenow_record"}
    assert now["grant"], "the agent may run it now"
    assert asked.change["state"] == "-2"


def test_rejected_there_it_ends_here_with_the_words_said_there(
    asked: Asked, servicenow: FakeServiceNow
) -> None:
    servicenow.says("dana", "rejected", "Not during the freeze.")
    look()
    deliveries.send_due()
    now = asked.now()
    assert (now["status"], now["closed_by"], now["grant"]) == ("denied", "Dana", None)
    assert now["decisions"][0]["comment"] == "Not during the freeze."
    assert asked.change["state"] == "4"


def test_cancelled_there_it_is_withdrawn_here_and_denied_by_nobody(asked: Asked) -> None:
    asked.change["state"] = "4"
    look()
    now = asked.now()
    assert now["status"] == "cancelled"
    assert now["decisions"] == []


def test_decided_here_it_is_written_there_with_who_decided(asked: Asked) -> None:
    asked.decided_here("chen", "approve", "Checked the plan.")
    assert "1 OF 2 APPROVED" in asked.change["work_notes"][-1]
    assert asked.decided_here("dana", "approve", "Me too.")["status"] == "approved"
    assert asked.answers == {"chen": "approved", "dana": "approved"}
    written = {row["approver.user_name"]: row["comments"] for row in asked.servicenow.rows}
    ref = asked.first["ref"]
    for name, words in (("chen", "Checked the plan."), ("dana", "Me too.")):
        who = f"{name.capitalize()} ({name}@example.com) decided this in Countersign, {ref}."
        assert who in written[name]
        assert words in written[name]
    assert "APPROVED" in asked.change["work_notes"][-1]
    assert asked.change["state"] == "-2"


def test_denied_here_it_is_rejected_there_by_name(asked: Asked) -> None:
    assert asked.decided_here("dana", "deny", "Not before Monday.")["status"] == "denied"
    assert asked.answers == {"chen": "cancelled", "dana": "rejected"}
    assert asked.change["state"] == "4"
    notes = "\n".join(asked.change["work_notes"])
    assert "Denied by Dana" in notes
    assert "Not before Monday." in notes


def test_one_answer_there_and_one_here_make_two_people(
    asked: Asked, servicenow: FakeServiceNow
) -> None:
    asked.decided_here("chen", "approve")
    servicenow.says("dana", "approved")
    look()
    now = asked.now()
    assert now["status"] == "approved"
    assert [one["channel"] for one in now["decisions"]] == ["api", "servicenow"]
