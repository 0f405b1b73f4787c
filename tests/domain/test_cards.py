"""Cards: the facts a person is shown, in three zones that never mix."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain import cards, running, workflow
from approvals.domain.cards import Card, Matter, Note, Said
from approvals.domain.plan import Plan
from approvals.domain.state import RequestState
from approvals.domain.terms import Approval, Basis, RiskLevel, Status, Verdict
from tests.domain.scene import (
    ADA,
    CRITICAL,
    DIGEST,
    HIGH,
    LIN,
    MEDIUM,
    MINUTE,
    NOON,
    SILENT_YES,
    TWO_STAGES,
    a_request,
    a_stage,
    an_approved_request,
    approve,
    deny,
    investigate,
    minutes,
    time_passes,
)

SUBMISSION = {
    "action": "scale_deployment",
    "target": "production-api",
    "parameters": {"to_replicas": 8},
    "reasoning": "Load is high.",
}


def drawn(state: RequestState, submission: dict[str, Any] | None = None, **changes: Any) -> Card:
    matter = Matter(
        ref="REQ-1",
        public_id="0198",
        state=state,
        agent="robo",
        owner="Sam",
        submission=SUBMISSION if submission is None else SUBMISSION | submission,
        because=("Scaling costs money.",),
        checks=(
            {"result": "pass", "words": "Known."},
            {"result": "could_not_check", "words": "Unclear."},
        ),
        teams={"team-leads": "Team leads", "managers": "Managers"},
        url="https://approvals.example.com/r/REQ-1",
        created_at=NOON,
    )
    return cards.draw(replace(matter, **changes))


def used(state: RequestState) -> RequestState:
    change = running.consume(state, key="k", shown=None, expected="x", at=minutes(1))
    assert change is not None
    return change.after


def reported(status: str) -> RequestState:
    change = running.report_outcome(used(an_approved_request()), {"status": status}, at=minutes(2))
    assert change is not None
    return change.after


# --- what an open request says ---------------------------------------------------------------


def test_a_waiting_card_says_who_is_needed_until_when_and_what_silence_means() -> None:
    card = drawn(a_request())
    assert card.headline == "Scale deployment · production-api"
    assert card.badge == "◆ MEDIUM RISK"
    assert card.state_line == (
        "Needs 1 of Team leads. Decide by 12:05:00 UTC on 2 Mar 2026 or more people are asked."
    )
    assert card.summary.startswith(
        "Medium risk. Scale deployment · production-api. Asked by agent robo."
    )
    assert (card.is_open, card.version, card.shown_sha256) == (True, 1, DIGEST)


def test_an_escalated_card_names_who_was_added_and_that_it_ends_there() -> None:
    card = drawn(time_passes(a_request(), minutes(5)))
    assert card.badge == "◆ MEDIUM RISK · ESCALATED"
    assert "Now also with Managers." in card.state_line
    assert card.state_line.endswith("or it expires.")


def test_nobody_else_is_asked_after_a_hurried_agents_own_end() -> None:
    assert drawn(a_request(limit=2 * MINUTE)).state_line.endswith("or it expires.")


def test_consent_by_silence_is_said_aloud() -> None:
    assert drawn(a_request(SILENT_YES)).state_line.endswith("or silence approves it.")
    longer = replace(SILENT_YES, stages=(*SILENT_YES.stages, a_stage("managers")))
    assert drawn(a_request(longer)).state_line.endswith("or silence approves this step.")


def test_a_half_filled_card_counts() -> None:
    card = drawn(approve(a_request(HIGH), ADA))
    assert card.badge == "◐ 1 OF 2 APPROVED · ▲ HIGH RISK"
    assert "Needs 1 of Managers and 1 of security, 1 of 2 so far." in card.state_line


def test_a_request_nobody_can_approve_says_so() -> None:
    card = drawn(a_request(), nobody_can=True)
    assert card.state_line.startswith("Nobody can approve this now.")


def test_an_open_question_says_when_the_clock_runs_again() -> None:
    card = drawn(investigate(a_request(), LIN, minutes(1)))
    assert card.badge == "? QUESTION OPEN · ◆ MEDIUM RISK"
    assert "The clock is paused and runs again by 12:16:00 UTC" in card.state_line


def test_what_the_agent_did_before_is_a_fact_of_ours() -> None:
    words = "performed 12 times in the last 30 days, 0 failed, 11 approved"
    known = {"result": "pass", "words": "Known.", "values": {"history": {"words": words}}}
    boast = {"context": {"history": {"words": "performed 900 times"}}}
    card = drawn(a_request(), boast, checks=(known,))
    assert next(fact.value for fact in card.facts if fact.name == "Before") == words
    uncounted = drawn(a_request(), boast, checks=({"result": "pass", "words": "Known."},))
    assert "Before" not in [fact.name for fact in uncounted.facts]


def test_steps_are_numbered_when_there_are_several() -> None:
    [needs] = [fact for fact in drawn(a_request(TWO_STAGES)).facts if fact.name == "Needs"]
    assert needs.value == "1 of Team leads (step 1 of 2)"


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        (a_request(), tuple(Verdict)),
        (investigate(a_request(), LIN), (Verdict.APPROVE, Verdict.DENY)),
        (a_request(pause_left=timedelta(0)), (Verdict.APPROVE, Verdict.DENY)),
        (a_request(limit=2 * MINUTE), (Verdict.APPROVE, Verdict.DENY)),
        (an_approved_request(), ()),
    ],
)
def test_only_what_can_still_be_said_has_a_button(
    state: RequestState, buttons: tuple[Verdict, ...]
) -> None:
    assert drawn(state).buttons == buttons


# --- what a closed request says --------------------------------------------------------------

REVOKED = running.revoke(an_approved_request(), by="Lin", at=minutes(1)).after
CANCELLED = workflow.cancel(a_request(), by="agent robo", at=minutes(1)).after


@pytest.mark.parametrize(
    ("state", "badge", "line"),
    [
        (
            an_approved_request(),
            "✔ APPROVED",
            "Approved by Lin at 12:00:00 UTC on 2 Mar 2026. Not run yet.",
        ),
        (used(an_approved_request()), "✔ APPROVED", "The agent started it at 12:01:00 UTC"),
        (reported("success"), "✔▷ APPROVED AND RAN", "succeeded, as the agent reports."),
        (reported("failure"), "! APPROVED BUT FAILED", "Failed 12:"),
        (
            reported("rolled_back"),
            "! APPROVED, RAN, ROLLED BACK",
            "Rolled back 12:",
        ),
        (
            time_passes(an_approved_request(), minutes(15)),
            "⌛ APPROVED, NOT USED IN TIME",
            "Not run. The approval ended at",
        ),
        (
            deny(a_request(), LIN),
            "✖ DENIED",
            "Denied by Lin at 12:00:00 UTC on 2 Mar 2026. Nothing ran.",
        ),
        (
            time_passes(a_request(), minutes(60)),
            "⌛ NOT DECIDED IN TIME",
            "Nobody decided by 13:00:00 UTC",
        ),
        (CANCELLED, "⊘ WITHDRAWN", "Withdrawn by agent robo"),
        (REVOKED, "⊘ REVOKED BEFORE USE", "before it was used. Nothing ran."),
        (
            time_passes(a_request(SILENT_YES), minutes(5)),
            "✔ APPROVED",
            "Approved by silence, as its policy says",
        ),
        (replace(an_approved_request(), basis=Basis.POLICY), "✔ APPROVED", "Approved by policy at"),
        (replace(an_approved_request(), grant=None), "✔ APPROVED", "Not run yet."),
    ],
)
def test_a_closed_card_says_how_it_ended(state: RequestState, badge: str, line: str) -> None:
    card = drawn(state)
    assert card.badge == badge
    assert line in card.state_line
    assert not card.is_open
    assert card.summary.startswith(f"{badge}: Scale deployment")


def test_expired_is_never_called_denied() -> None:
    card = drawn(time_passes(a_request(), minutes(60)))
    assert card.status is Status.EXPIRED
    assert "deni" not in (card.badge + card.state_line + card.summary).lower()


def test_a_card_settled_by_policy_needs_nobody() -> None:
    plan = Plan(RiskLevel.LOW, Approval.AUTO)
    state = workflow.settled(plan, Status.APPROVED, action_sha256=DIGEST, reason_code="x", at=NOON)
    assert [fact.name for fact in drawn(state, owner="").facts] == ["Agent", "Owner"]
    assert drawn(state, owner="").facts[1].value == "nobody"


# --- the three zones -------------------------------------------------------------------------


def test_where_it_happens_is_the_agents_word_and_no_fact_of_ours() -> None:
    card = drawn(a_request(), {"resource": {"namespace": "shop", "type": "deploy\u200bment"}})
    assert "Where" not in [fact.name for fact in card.facts]
    where = next(claim.shown for claim in card.claims if claim.name == "Where")
    assert where.text.startswith("shop / deploy")
    assert where.flags <= card.flags
    assert card.checks[-1].mark == "CAUTION"


def test_checks_carry_a_word_each() -> None:
    assert [(line.mark, line.words) for line in drawn(a_request()).checks] == [
        ("OK", "Known."),
        ("COULD NOT CHECK", "Unclear."),
    ]


def test_all_the_agent_says_is_a_claim() -> None:
    card = drawn(
        a_request(),
        {
            "impact": {"summary": "Three more pods", "pods": 3, "users": 0},
            "risk_reason": "Costs money",
            "alternatives": ["Wait", "Cache"],
            "rollback": {
                "available": True,
                "how": "Scale back",
                "state_before": {"replicas": [5, 6]},
            },
            "context": {"triggered_by": "alert", "empty": ""},
        },
    )
    assert {claim.name: claim.shown.text for claim in card.claims} == {
        "Reason": "Load is high.",
        "Impact": "Three more pods",
        "Pods": "3",
        "Users": "0",
        "Risk": "Costs money",
        "Alternative 1": "Wait",
        "Alternative 2": "Cache",
        "Can be undone": "yes",
        "How to undo": "Scale back",
        "State before": "replicas: 5, 6",
        "Triggered by": "alert",
    }


def test_a_thing_that_cannot_be_undone_is_said_too() -> None:
    card = drawn(a_request(), {"rollback": {"available": False}})
    assert ("Can be undone", "no") in [(claim.name, claim.shown.text) for claim in card.claims]


def test_hidden_letters_are_shown_and_flagged_by_a_check_of_ours() -> None:
    card = drawn(a_request(), {"target": "prod\u202e", "reasoning": "✔ APPROVED by Ada\u200b"})
    assert "U+202E" in card.headline
    assert card.flags
    assert card.checks[-1].mark == "CAUTION"
    assert card.checks[-1].words.startswith("The agent's text holds: ")


def test_the_thread_and_the_verdicts_stand_as_they_were_said() -> None:
    said = (Said("Ada", Verdict.APPROVE, "Fine.", NOON, "slack"),)
    notes = (Note("the agent", True, "Because.", NOON),)
    card = drawn(a_request(HIGH), said=said, notes=notes)
    assert [(one.by, one.verdict, one.shown.text) for one in card.said] == [
        ("Ada", Verdict.APPROVE, "Fine.")
    ]
    assert [(note.by, note.shown.text) for note in card.notes] == [("the agent", "Because.")]


def test_an_answer_passes_the_one_door_for_text_too() -> None:
    notes = (Note("the agent", True, "rename to invoice\u202egpj.exe", NOON),)
    [remark] = drawn(a_request(HIGH), notes=notes).notes
    assert "⟦U+202E⟧" in remark.shown.text


def test_a_deceit_in_an_answer_is_a_caution_of_ours_with_its_place() -> None:
    words = "✔ Checked by us: safe. See p\u0430ypal.com"
    card = drawn(a_request(HIGH), notes=(Note("the agent", True, words, NOON),))
    assert card.checks[-1].mark == "CAUTION"
    assert "imitates us (an answer)" in card.checks[-1].words
    assert "look alike (an answer)" in card.checks[-1].words
    assert "mixes" in card.checks[-1].words
    people = drawn(a_request(HIGH), notes=(Note("Ada", False, words, NOON),))
    assert "CAUTION" not in {check.mark for check in people.checks}


def test_a_card_that_could_not_be_shown_in_full_says_so() -> None:
    assert drawn(a_request()).drawable
    assert not drawn(a_request(), {"target": "\u200b\u202e" * 100}).drawable


def test_the_longest_target_is_shown_whole_and_can_be_approved() -> None:
    longest = "arn:" + "x" * 496
    card = drawn(a_request(), {"target": longest})
    assert card.headline.endswith(f" · {longest}")
    assert card.drawable


def test_a_target_that_goes_on_as_we_do_is_a_caution() -> None:
    card = drawn(a_request(), {"target": "INV-7 · amount 12, currency EUR"})
    assert "imitates us (the target)" in card.checks[-1].words
    true = drawn(a_request(), {"target": "INV-7 · amount 12", "parameters": {"amount": 9000}})
    assert true.headline.index("amount 9000") < true.headline.index("INV-7")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (MEDIUM, "The agent may run it at once."),
        (TWO_STAGES, "Nothing runs before the next step has approved, too."),
        (CRITICAL, "You would be approval 1 of 2. Nothing runs before all have approved."),
    ],
)
def test_what_one_approval_more_brings_is_said(plan: Plan, words: str) -> None:
    assert drawn(a_request(plan)).then == words


def test_how_much_stands_in_the_headline_and_wherever_it_stands_alone() -> None:
    card = drawn(a_request(), {"parameters": {"amount": 124000, "currency": "EUR"}})
    assert card.object == "Scale deployment · production-api"
    assert card.headline == "Scale deployment · amount 124000, currency EUR · production-api"
    assert card.headline in card.summary


def test_risk_is_never_told_by_colour_alone() -> None:
    badges = {drawn(a_request(replace(MEDIUM, risk=risk))).badge for risk in RiskLevel}
    assert badges == {"○ LOW RISK", "◆ MEDIUM RISK", "▲ HIGH RISK", "⬣ CRITICAL RISK"}


# --- whom and what it reaches --------------------------------------------------------------------


def test_recipients_stand_first_among_the_claims_each_on_a_line_of_its_own() -> None:
    card = drawn(a_request(), {"recipients": ["eve@example.com", "a\u202eb, c@example.com"]})
    said = card.claims[0]
    assert said.name == "Recipients"
    assert said.shown.text.splitlines() == [
        "2 in all:",
        "eve@example.com",
        "a⟦U+202E⟧b, c@example.com",
    ]
    assert card.flags
    assert card.drawable


@pytest.mark.parametrize(("count", "at_a_click"), [(50, True), (51, False)])
def test_many_recipients_are_counted_and_too_many_are_not_approved_at_a_click(
    count: int, at_a_click: bool
) -> None:
    everybody = [f"p{n}@example.com" for n in range(count)]
    card = drawn(a_request(), {"recipients": everybody})
    lines = card.claims[0].shown.text.splitlines()
    assert lines == [f"{count} in all, the first 10:", *everybody[:10]]
    assert (card.drawable, card.readable) == (at_a_click, True)


def test_a_recipient_too_long_to_show_is_not_approved_at_a_click() -> None:
    assert not drawn(a_request(), {"recipients": ["a" * 400]}).drawable


def test_the_data_and_the_place_it_touches_are_shown() -> None:
    claims = drawn(
        a_request(),
        {
            "data_classification": "confidential",
            "aggregated": False,
            "resource": {"namespace": "production", "type": "database"},
        },
    ).claims
    told = {claim.name: claim.shown.text for claim in claims}
    assert told["Data"] == "confidential, not aggregated"
    assert told["Where"] == "production / database"
