"""Stages, evidence, summaries and standing grants, by the operators' commands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.domain.terms import Stage, Verdict
from approvals.models import AgentStage, ApprovalRequest
from approvals.services import clock, standing
from tests.countersign.commands import Captured, run, told
from tests.support import cast

pytestmark = pytest.mark.django_db
SCALING = "scaling_events"


def test_a_stage_is_set_lowered_and_shown(capsys: Captured) -> None:
    cast.agent()
    run("agent", "stage", "robo")
    assert "the rules decide alone" in capsys.readouterr().out

    run("agent", "stage", "robo", "*", "shadow", "--reason", "New here.")

    assert "every other class" in capsys.readouterr().out
    [held] = told(capsys, "agent", "stage", "robo")["stages"]
    assert (held["class"], held["stage"], held["reason"]) == ("*", "shadow", "New here.")
    assert held["changed_by"].startswith("operator ")


def test_a_higher_stage_is_asked_for(capsys: Captured) -> None:
    agent, _ = cast.agent()
    AgentStage.objects.create(
        agent=agent, action_class=SCALING, stage=Stage.SHADOW, since=clock.now(), changed_by="t"
    )
    change = ("agent", "stage", "robo", SCALING, "supervised", "--reason", "It did well.")

    asked = told(capsys, *change, code=3)

    assert asked["status"] == "pending"
    assert told(capsys, "agent", "stage", "robo")["stages"][0]["stage"] == "shadow"
    run(*change, code=3)
    assert "Nothing has changed yet" in capsys.readouterr().out


def test_what_cannot_be_is_said(capsys: Captured) -> None:
    cast.agent()
    for command, words in (
        (("stage", "nobody"), "There is no agent"),
        (("stage", "robo", SCALING), "Say the stage too"),
        (("stage", "robo", "scale_up", "shadow", "--reason", "x"), "counts in scaling_events"),
        (("stage", "robo", SCALING, "shadow"), "for a reason"),
        (("evidence", "robo", "--class", "No!"), "is no class of action"),
    ):
        run("agent", *command, code=1)
        assert words in capsys.readouterr().err


def test_a_class_that_nothing_counts_in_is_refused_with_a_suggestion(capsys: Captured) -> None:
    agent, _ = cast.agent()
    cast.request(agent, action="report")
    run("agent", "stage", "robo", "reportz", "shadow", "--reason", "New here.", code=1)
    assert "did you mean 'report'? Nothing was changed." in capsys.readouterr().err
    assert not AgentStage.objects.exists()
    for known in ("report", "security_patch", "deployments"):
        run("agent", "stage", "robo", known, "shadow", "--reason", "New here.")


def test_the_evidence_says_what_is_no_data(capsys: Captured) -> None:
    agent, _ = cast.agent()
    cast.decide(cast.request(agent), cast.person("lin"), Verdict.DENY, "Not now.")

    run("agent", "evidence", "robo", "--class", SCALING)

    shown = capsys.readouterr().out
    assert "success rate" in shown
    assert "no data" in shown
    assert "by Lin: Not now." in shown
    assert told(capsys, "agent", "evidence", "robo")["agreement"] == 0.0


def test_the_digest_counts_the_time_asked_for(capsys: Captured) -> None:
    agent, _ = cast.agent()
    cast.request(agent, at=clock.now() - timedelta(hours=2))
    cast.request(agent, target="other")

    assert told(capsys, "agent", "digest", "robo", "--since", "1h")["requests"] == 1
    assert told(capsys, "agent", "digest", "robo")["requests"] == 2
    run("agent", "digest", "robo")
    assert "scale_deployment 2" in capsys.readouterr().out


def test_an_incident_costs_a_stage(capsys: Captured) -> None:
    agent, _ = cast.agent()
    AgentStage.objects.create(
        agent=agent, action_class="*", stage=Stage.FULL, since=clock.now(), changed_by="t"
    )

    run("agent", "incident", "robo", "--reason", "INC-7")
    assert "every" not in capsys.readouterr().err
    [changed] = told(capsys, "agent", "incident", "robo", "--reason", "INC-8")

    assert changed["stage"] == "supervised"
    run("agent", "incident", "robo", "--class", SCALING, "--reason", "INC-9")
    assert "scaling_events is at stage shadow" in capsys.readouterr().out


def test_standing_grants_are_listed_and_revoked(capsys: Captured) -> None:
    run("standing", "list")
    assert "No standing grant is in force." in capsys.readouterr().out
    row, at = cast.approved(), clock.now()
    grant = standing.make_from(
        ref=row.ref, person=cast.person("lin"), until=at + timedelta(hours=1), most_uses=2, at=at
    )
    ref = standing.ref_of(grant)

    run("standing", "list")
    assert f"{ref}  " in capsys.readouterr().out
    assert told(capsys, "standing", "revoke", ref)["revoked_by"].startswith("operator ")

    run("standing", "revoke", ref, code=1)
    run("standing", "revoke", "SG-0", code=1)
    assert told(capsys, "standing", "list") == []
    assert len(told(capsys, "standing", "list", "--all", "--agent", "robo")) == 1


def test_a_stage_is_asked_for_with_dates_shown_and_called_off(capsys: Captured) -> None:
    agent, _ = cast.agent()
    AgentStage.objects.create(
        agent=agent, action_class=SCALING, stage=Stage.SHADOW, since=clock.now(), changed_by="t"
    )
    starts, ends = clock.now() + timedelta(days=1), clock.now() + timedelta(days=2)
    change = ("agent", "stage", "robo", SCALING, "supervised", "--reason", "It did well.")
    run(*change, "--starts", "soon", code=1)
    assert "Write the moment as" in capsys.readouterr().err
    run(*change, "--starts", starts.isoformat(), "--ends", ends.isoformat(), code=3)
    row = ApprovalRequest.objects.get(effect="change_stage")
    cast.decide(row, cast.person("mia", teams=["managers"]))
    cast.decide(row, cast.person("grace"))
    capsys.readouterr()

    [planned] = told(capsys, "agent", "stage", "robo")["planned"]
    assert (planned["stage"], planned["request"]) == ("supervised", row.ref)
    run("agent", "stage", "robo")
    assert f"Planned for {SCALING}: supervised from " in capsys.readouterr().out

    assert told(capsys, "agent", "stage", "robo", SCALING, "--call-off")["planned"] == []
    run("agent", "stage", "robo", SCALING, "--call-off", code=1)
    assert "Nothing like that is planned" in capsys.readouterr().err
