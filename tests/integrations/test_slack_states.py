"""What a request says in Slack in each of its states, as people read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain import showing, workflow
from approvals.domain.cards import Note, Pending, Said
from approvals.domain.terms import RiskLevel, Verdict
from integrations.slack import blocks, plain
from tests.fakes import block_kit
from tests.integrations.test_slack_blocks import (
    ADA,
    CLOSED,
    LATER,
    RULE_ONE,
    STATES,
    VALUE,
    a_card,
    approved,
    buttons,
    click,
    consumed,
    ended,
    literal,
    marked_up,
    opened,
)

ADA_SAID = Said("Ada", Verdict.APPROVE, "", LATER, "slack")
DENIED = Said("Ada", Verdict.DENY, "The parcel was never sent.", LATER, "web")
ASKED = Said("Ada", Verdict.INVESTIGATE, "Which parcel?", LATER, "web")
AT = "12:05:00 UTC on 22 Nov 2026"


def read(card: Any) -> tuple[str, str, set[str]]:
    """Header, everything that can be read, and the names of the buttons."""
    message = blocks.draw(card, value=VALUE, critical_on_web=True)
    assert block_kit.faults(message.blocks) == []
    assert "REQ-2481" in message.text
    found = literal(message.blocks)
    if not card.hides:
        assert "cus_Q9f2KX" in message.text
        assert any("amount = 124000" in text for text in found)
    return found[0], "\n".join(found), {b["text"]["text"] for b in buttons(message.blocks).values()}


def test_pending_says_what_who_and_until_when() -> None:
    header, words, offered = read(a_card())
    assert header == "▲ HIGH RISK · Refund customer · amount 124000 · cus_Q9f2KX"
    assert "Needs 2 of Managers, 0 of 2 so far." in words
    assert "Decide by 13:00:00 UTC on 22 Nov 2026 or more people are asked." in words
    assert "3 of 3 parameters shown" in words
    assert offered == {"Approve", "Deny…", "Investigate…", "Open full request"}


def test_escalated_says_that_nobody_answered_and_who_is_asked_now() -> None:
    header, words, offered = read(a_card(STATES["escalated"][0]))
    assert header == "▲ HIGH RISK · ESCALATED · Refund customer · amount 124000 · cus_Q9f2KX"
    assert "No decision in the time before. Now also with whoever is on call." in words
    assert "or it expires" in words
    assert "Approve" in offered


def test_one_of_two_says_who_approved_and_that_it_takes_somebody_else() -> None:
    header, words, offered = read(a_card(STATES["one of two"][0], said=(ADA_SAID,)))
    assert header.startswith("◐ 1 OF 2 APPROVED · ▲ HIGH RISK")
    assert f"Ada approved at {AT}. Somebody else must approve as well. Nothing has run." in words
    assert "1 of 2 so far" in words
    assert "Approve" in offered


@pytest.mark.parametrize(
    ("state", "header", "line"),
    [
        (approved(), "✔ APPROVED", "Not run yet. The approval ends at"),
        (consumed(), "✔ APPROVED", f"The agent started it at {AT}."),
        (ended("success"), "✔▷ APPROVED AND RAN", f"Ran {AT}: succeeded, as the agent reports."),
        (ended("failure"), "! APPROVED BUT FAILED", f"Failed {AT}, as the agent reports."),
        (
            ended("rolled_back"),
            "! APPROVED, RAN, ROLLED BACK",
            f"Rolled back {AT}, as the agent reports.",
        ),
        (
            STATES["not used"][0],
            "⌛ APPROVED, NOT USED IN TIME",
            "did not use it in time.",
        ),
    ],
    ids=["not run yet", "started", "ran", "failed", "rolled back", "not used"],
)
def test_approved_says_by_whom_and_what_became_of_it(state: Any, header: str, line: str) -> None:
    both = (ADA_SAID, replace(ADA_SAID, by="Grace"))
    head, words, offered = read(a_card(state, said=both))
    assert head.startswith(f"{header} · Refund customer")
    assert line in words
    assert f"Ada approved at {AT}." in words
    assert f"Grace approved at {AT}." in words
    assert offered == {"Open full request"}


def test_denied_says_by_whom_why_and_that_nothing_ran() -> None:
    header, words, offered = read(a_card(STATES["denied"][0], said=(DENIED,)))
    assert header.startswith("✖ DENIED · ")
    assert f"Denied by Ada at {AT}. Nothing ran." in words
    assert f"Ada denied at {AT}.\n Reason given to the agent:\nThe parcel was never sent." in words
    assert offered == {"Open full request"}


def test_expired_says_that_nobody_decided_and_is_never_called_denied() -> None:
    header, words, offered = read(a_card(STATES["expired"][0]))
    assert header.startswith("⌛ NOT DECIDED IN TIME · ")
    assert "0 of 2 approvals. Nothing ran. The agent can ask again." in words
    assert "denied" not in words.lower()
    assert offered == {"Open full request"}


def test_cancelled_says_who_withdrew_it() -> None:
    header, words, offered = read(a_card(STATES["cancelled"][0]))
    assert header.startswith("⊘ WITHDRAWN · ")
    assert f"Withdrawn by agent robo at {AT}. No decision is needed. Nothing ran." in words
    assert offered == {"Open full request"}


def test_investigating_says_who_asked_and_what_the_clock_does() -> None:
    header, words, offered = read(a_card(STATES["investigating"][0], said=(ASKED,)))
    assert header.startswith("? QUESTION OPEN · ▲ HIGH RISK · ")
    assert f"Ada asked a question at {AT}. Nothing has run. A question is open." in words
    assert "The clock is paused and runs again by" in words
    assert "Which parcel?" in words
    assert offered == {"Approve", "Deny…", "Open full request"}


def test_low_is_approved_with_one_click_and_critical_only_where_it_can_be_read_in_full() -> None:
    low = blocks.draw(a_card(opened(RiskLevel.LOW)), value=VALUE, critical_on_web=True)
    assert "confirm" not in buttons(low.blocks)["approve"]
    header, _, offered = read(a_card(opened(RiskLevel.CRITICAL)))
    assert header.startswith("⬣ CRITICAL RISK")
    assert offered == {"Open to decide", "Deny…"}


@pytest.mark.parametrize(
    ("rollback", "told"),
    [
        ({"available": True, "how": "Refund again."}, "The agent says it can be undone."),
        ({"available": False}, "The agent says it cannot be undone."),
        ({}, "Nobody said whether it can be undone."),
    ],
)
def test_high_asks_again_with_object_amount_and_whether_it_can_be_undone(
    rollback: dict[str, Any], told: str
) -> None:
    message = blocks.draw(a_card(rollback=rollback), value=VALUE)
    confirm = buttons(message.blocks)["approve"]["confirm"]["text"]["text"]
    assert confirm.startswith("Refund customer · cus_Q9f2KX. amount: 124,000.")
    assert told in confirm
    assert len(confirm) <= 300


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        (
            {"a_retries": 1, "a_timeout": 2, "amount": 9_000_000},
            "amount: 9,000,000. a_retries: 1. And 1 more number.",
        ),
        (
            {"amount": 1, "x": 2, "y": 3, "total": 9_000_000},
            "amount: 1. total: 9,000,000. And 2 more numbers.",
        ),
        ({"x": 2, "in": {"amount": 3}}, "x: 2. in.amount: 3. Risk"),
    ],
)
def test_what_says_how_much_comes_before_other_numbers_and_the_rest_is_counted(
    parameters: dict[str, Any], told: str
) -> None:
    message = blocks.draw(a_card(parameters=parameters), value=VALUE)
    confirm = buttons(message.blocks)["approve"]["confirm"]["text"]["text"]
    assert f" {told}" in confirm
    assert len(confirm) <= 300


@pytest.mark.parametrize("name", STATES)
def test_every_edit_has_new_block_ids(name: str) -> None:
    first = blocks.draw(a_card(), value=VALUE).blocks
    now = blocks.draw(a_card(STATES[name][0]), value=VALUE).blocks
    same = {block["block_id"] for block in first} & {block["block_id"] for block in now}
    assert bool(same) is (name == "pending")


def test_a_channel_of_names_reads_no_value_and_nobody_approves_there() -> None:
    card = showing.only_names(a_card(target="cus_Q9f2KX"))
    header, words, offered = read(card)
    assert header == "▲ HIGH RISK · Refund customer · cus_Q9f2KX"
    assert "amount = not shown in this channel" in words
    assert "124000" not in words
    assert "damaged" not in words
    assert "Values are not shown in this channel." in words
    assert offered == {"Open to decide", "Deny…"}


def test_a_channel_of_nothing_reads_only_that_one_waits() -> None:
    card = showing.only_that_it_waits(a_card())
    header, words, offered = read(card)
    assert header == "▲ HIGH RISK · A request that is not shown here"
    for secret in ("cus_Q9f2KX", "refund", "124000", "billing-refunds", "charge"):
        assert secret not in words.lower()
    assert offered == {"Open to decide"}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("reduced", [showing.only_names, showing.only_that_it_waits])
def test_less_is_drawn_within_the_limits_in_every_state(name: str, reduced: Any) -> None:
    card = reduced(a_card(STATES[name][0], said=(DENIED,)))
    for message in (blocks.draw(card, value=VALUE), plain.draw(card, value=VALUE)):
        assert block_kit.faults(message.blocks) == []
        assert "approve" not in buttons(message.blocks)


def test_a_mention_of_groups_fits_into_either_form() -> None:
    groups = [f"S{number:010}" for number in range(6)]
    for draw in (blocks.draw, plain.draw):
        message = draw(a_card(), value=VALUE, groups=groups)
        assert block_kit.faults(message.blocks) == []


def test_whoever_approves_one_of_two_reads_which_one_it_would_be() -> None:
    for name, number, then in (
        ("pending", 1, "Nothing runs before all have approved."),
        ("one of two", 2, "The agent may run it at once."),
    ):
        question = buttons(blocks.draw(a_card(STATES[name][0]), value=VALUE).blocks)["approve"]
        confirm = question["confirm"]
        assert confirm["confirm"]["text"] == f"Approve ({number} of 2)"
        assert confirm["text"]["text"].endswith(f"You would be approval {number} of 2. {then}")
    alone = buttons(blocks.draw(a_card(opened(quorum=1)), value=VALUE).blocks)["approve"]["confirm"]
    assert alone["confirm"]["text"] == "Approve"
    assert "You would be" not in alone["text"]["text"]
    assert alone["text"]["text"].endswith("The agent may run it at once.")


@pytest.mark.parametrize("draw", [blocks.draw, plain.draw])
def test_critical_says_where_it_is_decided_and_what_that_takes(draw: Any) -> None:
    for quorum, people in ((1, "one person"), (2, "2 people"), (3, "3 people")):
        card = a_card(opened(RiskLevel.CRITICAL, quorum=quorum))
        words = f"Decide on the web: {people}, fresh sign-in."
        on_web = draw(card, value=VALUE, critical_on_web=True)
        assert words in "\n".join(literal(on_web.blocks))
        assert block_kit.faults(on_web.blocks) == []
        here = draw(card, value=VALUE, critical_on_web=False)
        assert "Decide on the web" not in str(here.blocks)
    high = draw(a_card(), value=VALUE, critical_on_web=True)
    assert "Decide on the web" not in str(high.blocks)


@pytest.mark.parametrize("draw", [blocks.draw, plain.draw])
def test_how_many_questions_were_asked_stands_with_the_last_answer(draw: Any) -> None:
    answer = Note("robo", True, "The red one.", LATER)
    for said, told in (((ASKED,), "1 question, see"), ((ASKED, ASKED), "2 questions, see")):
        words = "\n".join(literal(draw(a_card(said=said, notes=(answer,)), value=VALUE).blocks))
        assert f" · {told} thread or full request" in words
        assert "The red one." in words
    assert "see thread" not in str(draw(a_card(), value=VALUE).blocks)


# --- once approved: what became of it ---------------------------------------------------------

ENDINGS = ("Not run yet.", "The agent started it", "Ran ", "Failed ", "Rolled back ", "Not run. ")


@pytest.mark.parametrize(
    "name", ["approved", "running", "ran", "failed", "rolled back", "not used"]
)
def test_an_approval_is_followed_by_exactly_one_line_of_what_became_of_it(name: str) -> None:
    message = blocks.draw(a_card(STATES[name][0], said=(ADA_SAID,)), value=VALUE)
    lines = literal(message.blocks)
    assert sum(line.startswith(ENDINGS) for line in lines) == 1
    assert lines[1].startswith("Approved by Ada and Grace at ")
    assert lines[2].startswith(ENDINGS)
    assert "\n".join(lines).count(lines[2]) == 1


def test_what_the_agent_reports_is_its_own_text_and_marked_so() -> None:
    told = f"✔ Checked by us: refunded. {RULE_ONE} \u202e" + "x" * 5_000
    message = blocks.draw(a_card(ended("failure", detail=told)), value=VALUE)
    assert block_kit.faults(message.blocks) == []
    lines = literal(message.blocks)
    at = lines.index("The agent reports")
    assert lines[at + 1] == " · not checked"
    assert lines[at + 2].startswith(f"✔ Checked by us: refunded. {RULE_ONE}")
    assert "characters not shown⟧" in lines[at + 2]
    assert "\u202e" not in str(message.blocks)
    assert any("The agent's text holds:" in line and "imitates us" in line for line in lines)
    assert "refunded" not in message.text
    assert all("Checked by us: refunded" not in text for text in marked_up(message.blocks))
    assert "refunded" not in str(plain.draw(a_card(ended("failure", detail=told)), value=VALUE))


def test_what_the_agent_reports_is_not_read_where_values_are_not() -> None:
    card = a_card(ended("success", detail="Refunded to cus_Q9f2KX, ch_3QK9f2."))
    for less in (showing.only_names(card), showing.only_that_it_waits(card)):
        assert "ch_3QK9f2" not in read(less)[1]


# --- decided, and not yet carried out ---------------------------------------------------------

UNTIL = LATER + timedelta(seconds=10)
YES = Pending("Grace", Verdict.APPROVE, LATER, UNTIL, ends=True)
PART = replace(YES, ends=False)
NO = replace(YES, verdict=Verdict.DENY)
PENDING = {
    "approved": (YES, "◔ APPROVAL ON ITS WAY", {"Undo", "Deny…", "Open full request"}),
    "denied": (NO, "◔ DENIAL ON ITS WAY", {"Undo", "Open full request"}),
    "one of two": (
        PART,
        "◔ APPROVAL ON ITS WAY",
        {"Undo", "Approve", "Deny…", "Investigate…", "Open full request"},
    ),
}


@pytest.mark.parametrize("name", PENDING)
@pytest.mark.parametrize("risk", [RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH])
def test_what_can_be_undone_says_by_whom_and_when_it_goes(name: str, risk: RiskLevel) -> None:
    one, badge, wanted = PENDING[name]
    card = a_card(opened(risk), pending=(one,))
    header, words, offered = read(card)
    then = "Goes to the agent" if one.ends else "Counts"
    line = f"by Grace ({AT}). {then} at 12:05:10 UTC; until then it can be undone."
    assert header.startswith(f"{badge} · ")
    assert line in words
    assert "Nothing has run." in words
    assert ("Decide by 13:00:00 UTC on 22 Nov 2026 or" in words) is not one.ends
    assert offered == wanted
    for message in (
        blocks.draw(card, value=VALUE),
        plain.draw(card, value=VALUE),
        blocks.draw(showing.only_names(card), value=VALUE),
        blocks.draw(showing.only_that_it_waits(card), value=VALUE),
    ):
        assert block_kit.faults(message.blocks) == []
        assert blocks.size(message.blocks) <= blocks.BUDGET
    message = blocks.draw(card, value=VALUE)
    assert line in message.text
    assert badge in message.text
    undo = buttons(message.blocks)["undo"]
    assert undo["accessibility_label"] == "Undo your decision on REQ-2481"
    assert "style" not in undo


@pytest.mark.parametrize("name", CLOSED)
def test_nothing_can_be_undone_on_what_is_closed(name: str) -> None:
    assert "undo" not in buttons(
        blocks.draw(a_card(STATES[name][0], pending=(YES,)), value=VALUE).blocks
    )


# --- more time --------------------------------------------------------------------------------


def answered(**plan: Any) -> Any:
    state = opened()
    state = replace(state, plan=replace(state.plan, **plan)) if plan else state
    asked = workflow.decide(state, click(ADA, Verdict.INVESTIGATE, "Why?"), at=LATER).after
    return workflow.add_message(
        asked, by_agent=True, go_on=False, at=LATER + timedelta(minutes=4)
    ).after


def test_time_can_be_added_once_a_question_was_answered_and_as_much_as_is_left() -> None:
    message = blocks.draw(a_card(answered(), said=(ASKED,)), value=VALUE)
    assert buttons(message.blocks)["more_time"]["text"]["text"] == "Add 26 minutes"
    assert block_kit.faults(message.blocks) == []


def test_no_time_is_offered_unasked_nor_while_the_clock_stands_nor_where_none_is_left() -> None:
    asked = STATES["investigating"][0]
    none_left = replace(answered(), pause_left=timedelta(0))
    for card in (a_card(), a_card(asked, said=(ASKED,)), a_card(none_left, said=(ASKED,))):
        assert "more_time" not in buttons(blocks.draw(card, value=VALUE).blocks)
