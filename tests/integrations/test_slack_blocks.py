"""What people read in Slack: every state, within every limit, and nothing an agent could forge."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.domain import cards, running, workflow
from approvals.domain.cards import Card, CheckLine, Matter, Note, Said
from approvals.domain.plan import Plan, Requirement, Rung, Stage
from approvals.domain.state import Approver, Click, RequestState
from approvals.domain.terms import Approval, RiskLevel, Verdict
from integrations.slack import blocks, modals, plain
from tests.fakes import block_kit

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
MANAGERS = frozenset({"managers"})
ADA, GRACE = Approver(1, "Ada", MANAGERS), Approver(2, "Grace", MANAGERS)
VALUE = f"{'0' * 8}-0000-7000-8000-{'0' * 12}:v1:{'a' * 16}:{'b' * 32}"
RULE_ONE = "<b>x</b> *x* <!channel> [a](http://b) {{DATE(2026-11-22T12:00:00Z)}}"


def a_plan(risk: RiskLevel = RiskLevel.HIGH, *, quorum: int = 2) -> Plan:
    ladder = (Rung(timedelta(hours=1)), Rung(timedelta(hours=1), ("on-call",)))
    stage = Stage((Requirement("managers", quorum),), ladder)
    pause = timedelta(minutes=30)
    return Plan(risk, Approval.REQUIRED, stages=(stage,), pause=pause)


def opened(risk: RiskLevel = RiskLevel.HIGH, *, quorum: int = 2) -> RequestState:
    return workflow.opened(a_plan(risk, quorum=quorum), action_sha256="ab" * 32, at=NOON)


def click(who: Approver, verdict: Verdict, words: str = "") -> Click:
    return Click(who, verdict, comment=words)


def a_card(state: RequestState | None = None, **changes: Any) -> Card:
    given: dict[str, Any] = {"said": (), "notes": (), "beside": (), "pending": (), **changes}
    said, notes, beside = given.pop("said"), given.pop("notes"), given.pop("beside")
    pending = given.pop("pending")
    submission = {
        "action": "refund_customer",
        "target": "cus_Q9f2KX",
        "parameters": {"charge": "ch_3QK9f2", "amount": 124000, "live": True},
        "reasoning": "The parcel came damaged.",
    } | given
    return cards.draw(
        Matter(
            ref="REQ-2481",
            public_id=VALUE[:36],
            state=state or opened(),
            agent="billing-refunds",
            owner="Sam Lee",
            submission=submission,
            because=["the amount is over EUR 500.00"],
            checks=[{"result": "pass", "words": "signed by billing-refunds"}],
            teams={"managers": "Managers", "on-call": "whoever is on call"},
            url="https://approvals.example.com/r/REQ-2481",
            created_at=NOON,
            said=said,
            notes=notes,
            beside=beside,
            pending=pending,
        )
    )


def approved() -> RequestState:
    first = workflow.decide(opened(), click(ADA, Verdict.APPROVE), at=LATER).after
    return workflow.decide(first, click(GRACE, Verdict.APPROVE), at=LATER).after


def consumed() -> RequestState:
    change = running.consume(approved(), key="", shown=None, expected="", at=LATER)
    assert change
    return change.after


def ended(status: str, **more: str) -> RequestState:
    change = running.report_outcome(consumed(), {"status": status, **more}, at=LATER)
    assert change
    return change.after


def overdue(state: RequestState, *, after: timedelta) -> RequestState:
    change = workflow.overdue(state, at=NOON + after)
    assert change
    return change.after


STATES: dict[str, tuple[RequestState, str]] = {
    "pending": (opened(), "HIGH RISK"),
    "one of two": (
        workflow.decide(opened(), click(ADA, Verdict.APPROVE), at=LATER).after,
        "1 OF 2 APPROVED",
    ),
    "escalated": (overdue(opened(), after=timedelta(hours=1)), "ESCALATED"),
    "investigating": (
        workflow.decide(opened(), click(ADA, Verdict.INVESTIGATE, "Why?"), at=LATER).after,
        "QUESTION OPEN",
    ),
    "approved": (approved(), "APPROVED"),
    "running": (consumed(), "APPROVED"),
    "ran": (ended("success"), "APPROVED AND RAN"),
    "failed": (ended("failure"), "APPROVED BUT FAILED"),
    "rolled back": (ended("rolled_back"), "ROLLED BACK"),
    "not used": (overdue(approved(), after=timedelta(days=9)), "NOT USED IN TIME"),
    "denied": (
        workflow.decide(opened(), click(ADA, Verdict.DENY, "No."), at=LATER).after,
        "DENIED",
    ),
    "expired": (
        overdue(overdue(opened(), after=timedelta(hours=1)), after=timedelta(hours=3)),
        "NOT DECIDED IN TIME",
    ),
    "cancelled": (workflow.cancel(opened(), by="agent robo", at=LATER).after, "WITHDRAWN"),
    "revoked": (running.revoke(approved(), by="Ada", at=LATER).after, "REVOKED"),
}
# What alone tells each open state in a notification: as a sentence, not as a badge.
NAMED = {
    "pending": "Needs 2 of Managers, 0 of 2 so far. Decide by",
    "one of two": "Needs 2 of Managers, 1 of 2 so far. Decide by",
    "escalated": "No decision in the time before. Now also with whoever is on call.",
    "investigating": "A question is open. The clock is paused",
}
CLOSED = [name for name, (state, _) in STATES.items() if state.status.is_final]


def drawn(card: Card, *, critical_on_web: bool = False) -> list[dict[str, Any]]:
    return blocks.draw(card, value=VALUE, critical_on_web=critical_on_web).blocks


def buttons(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    row = next(block for block in found if block["type"] == "actions")
    return {button["action_id"]: button for button in row["elements"]}


def literal(found: object) -> list[str]:
    """Every text Slack draws as it stands."""
    if isinstance(found, list):
        return [text for one in found for text in literal(one)]
    if not isinstance(found, dict):
        return []
    if found.get("type") in {"plain_text", "text"} and isinstance(found.get("text"), str):
        assert found.get("emoji", False) is False
        return [found["text"]]
    return [text for inner in found.values() for text in literal(inner)]


def marked_up(found: object) -> list[str]:
    """Every text in which Slack looks for mark-up."""
    if isinstance(found, list):
        return [text for one in found for text in marked_up(one)]
    if not isinstance(found, dict):
        return []
    if found.get("type") == "mrkdwn":
        assert found["verbatim"] is True
        return [found["text"]]
    return [text for inner in found.values() for text in marked_up(inner)]


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("risk", RiskLevel)
def test_every_state_is_within_slacks_limits(name: str, risk: RiskLevel) -> None:
    state, _ = STATES[name]
    card = a_card(replace(state, plan=replace(state.plan, risk=risk)))
    for message in (
        blocks.draw(card, value=VALUE),
        blocks.draw(card, value=VALUE, critical_on_web=True),
        plain.draw(card, value=VALUE),
    ):
        assert block_kit.faults(message.blocks) == []
        assert blocks.size(message.blocks) <= blocks.BUDGET


@pytest.mark.parametrize("name", STATES)
def test_the_text_alone_names_state_object_and_reference(name: str) -> None:
    state, badge = STATES[name]
    message = blocks.draw(a_card(state), value=VALUE)
    assert "cus_Q9f2KX" in message.text
    assert "REQ-2481" in message.text
    assert badge in message.blocks[0]["text"]["text"]
    named = badge if state.status.is_final else NAMED[name]
    assert named in message.text


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_request_keeps_what_was_asked_and_offers_nothing_to_decide(name: str) -> None:
    found = drawn(a_card(STATES[name][0]))
    assert set(buttons(found)) == {"open"}
    assert any("amount = 124000" in text for text in literal(found))


def test_an_expired_request_is_never_called_denied() -> None:
    message = blocks.draw(a_card(STATES["expired"][0]), value=VALUE)
    assert "denied" not in json.dumps([message.text, message.blocks]).lower()


@pytest.mark.parametrize("risk", [RiskLevel.LOW, RiskLevel.MEDIUM])
def test_low_and_medium_are_approved_with_one_click(risk: RiskLevel) -> None:
    approve = buttons(drawn(a_card(opened(risk))))["approve"]
    assert "confirm" not in approve
    assert approve["style"] == "primary"


def test_high_asks_again_and_says_what_would_run() -> None:
    approve = buttons(drawn(a_card(opened())))["approve"]
    assert "Refund customer · cus_Q9f2KX" in approve["confirm"]["text"]["text"]
    assert approve["style"] == "primary"


def test_critical_asks_again_and_is_not_made_attractive() -> None:
    approve = buttons(drawn(a_card(opened(RiskLevel.CRITICAL))))["approve"]
    assert "confirm" in approve
    assert "style" not in approve


def test_critical_can_be_kept_to_the_web() -> None:
    found = buttons(drawn(a_card(opened(RiskLevel.CRITICAL)), critical_on_web=True))
    assert set(found) == {"open", "deny"}
    assert found["open"]["text"]["text"] == "Open to decide"


def test_every_button_speaks_for_itself_and_carries_the_request() -> None:
    found = buttons(drawn(a_card()))
    assert set(found) == {"approve", "deny", "investigate", "open"}
    for name, button in found.items():
        assert "REQ-2481" in button["accessibility_label"]
        assert button.get("value") == (None if name == "open" else VALUE)
    assert found["open"]["url"] == "https://approvals.example.com/r/REQ-2481"


def test_what_an_agent_writes_is_shown_letter_for_letter_and_means_nothing() -> None:
    card = a_card(
        parameters={"note": RULE_ONE},
        reasoning=RULE_ONE,
        target=RULE_ONE,
        notes=(Note("the agent", True, RULE_ONE, NOON),),
        said=(Said("Ada", Verdict.DENY, RULE_ONE, NOON, "web"),),
    )
    message = blocks.draw(card, value=VALUE)
    texts = literal(message.blocks)
    assert sum(RULE_ONE in text for text in texts) >= 4
    assert not any("http://b" in text or "channel>" in text for text in marked_up(message.blocks))
    assert "<!channel>" not in message.text
    assert "&lt;!channel&gt;" in message.text


def test_no_mark_up_of_ours_holds_a_word_of_anybody_else() -> None:
    found = drawn(a_card(reasoning="*bold* `code` :tada:"))
    assert marked_up(found) == [
        "*Decide by* <!date^1795352400^{time} {date_short_pretty}"
        "|13:00:00 UTC on 22 Nov 2026> (your time)"
    ]


def test_hidden_characters_are_shown_as_chips_and_pointed_at() -> None:
    found = literal(drawn(a_card(parameters={"file": "invoice\u202egpj.exe"})))
    assert any("invoice⟦U+202E⟧gpj.exe" in text for text in found)
    assert any(text.startswith("CAUTION: The agent's text holds") for text in found)


def test_a_value_too_long_to_show_is_not_approved_here() -> None:
    found = drawn(a_card(parameters={"script": "x" * 12_000}))
    assert set(buttons(found)) == {"open", "deny"}
    assert buttons(found)["open"]["text"]["text"] == "Open to decide"
    assert any("12,000 characters" in text for text in literal(found))
    assert block_kit.faults(found) == []


def test_too_many_parameters_are_not_approved_here() -> None:
    found = drawn(a_card(parameters={f"p{n}": n for n in range(26)}))
    assert "approve" not in buttons(found)
    assert "approve" in buttons(drawn(a_card(parameters={f"p{n}": n for n in range(25)})))


def test_what_could_not_be_drawn_in_full_is_not_approved_here() -> None:
    assert "approve" not in buttons(drawn(replace(a_card(), drawable=False)))


def test_no_line_of_a_value_passes_for_a_parameter() -> None:
    found = literal(drawn(a_card(parameters={"note": "x\namount = 1   [integer]"})))
    rows = next(text for text in found if "note = " in text).splitlines()
    assert rows[1].startswith("    │ amount = 1")


def test_the_longest_of_everything_still_fits_and_says_what_is_left_out() -> None:
    long = "wörter ⟦" * 2_000
    card = a_card(
        action="a" * 200,
        target="t" * 500,
        parameters={f"k{n}" * 20: '"' * 400 for n in range(40)},
        reasoning=long,
        alternatives=[long] * 20,
        context={f"c{n}": long for n in range(30)},
        notes=tuple(Note("the agent", True, long, NOON) for _ in range(30)),
        said=tuple(Said("Ada" * 40, Verdict.DENY, long, NOON, "web") for _ in range(30)),
    )
    crowded = replace(card, because=("why " * 200,) * 40, checks=card.checks * 60)
    for message in (
        blocks.draw(crowded, value=VALUE),
        plain.draw(crowded, value=VALUE),
    ):
        assert block_kit.faults(message.blocks) == []
        assert blocks.size(message.blocks) <= blocks.BUDGET
        assert "REQ-2481" in message.text
        assert len(message.text) <= 4_000
    assert any("More was recorded" in text for text in literal(drawn(crowded)))


def warned(times: int, **changes: Any) -> Card:
    """A card with so many warnings, after ten checks in order."""
    fine = [CheckLine("OK", f"In order {n}.") for n in range(10)]
    cautions = [CheckLine("CAUTION", f"Beware {n}.") for n in range(times)]
    return replace(a_card(**changes), checks=(*fine, *cautions))


def test_a_warning_stands_before_what_is_in_order_and_whatever_the_agent_writes() -> None:
    found = drawn(warned(2, submission={"reasoning": "word " * 400, "risk_reason": "w " * 900}))
    assert "Beware 0." in json.dumps(found)
    assert "Beware 1." in json.dumps(found)
    assert "approve" in buttons(found)


def test_what_warns_more_than_fits_is_not_approved_here() -> None:
    found = drawn(warned(11))
    assert "and 11 more, on the full request" in json.dumps(found)
    assert "approve" not in buttons(found)


def test_the_plain_form_warns_in_full_or_offers_nothing_to_approve() -> None:
    warning = CheckLine("CAUTION", "first refund to this customer")
    few = replace(a_card(), checks=(*a_card().checks, *[warning] * 12))
    found = plain.draw(few, value=VALUE).blocks
    assert "\n".join(literal(found)).count("CAUTION: first refund") == 12
    assert "approve" in buttons(found)
    many = replace(few, checks=(replace(warning, words="x" * 90),) * 40)
    assert "approve" not in buttons(plain.draw(many, value=VALUE).blocks)
    long = "w" * 5_000
    told = tuple(Said("Ada", Verdict.INVESTIGATE, long, NOON, "web") for _ in range(6))
    crowded = replace(
        a_card(said=told, parameters={f"k{n}": '"' * 90 for n in range(24)}),
        checks=(replace(warning, words='"' * 1_900),),
    )
    tight = plain.draw(crowded, value=VALUE).blocks
    assert block_kit.faults(tight) == []
    assert "CAUTION" in "\n".join(literal(tight)) or "approve" not in buttons(tight)


def test_block_ids_are_new_when_the_content_is() -> None:
    before = {block["block_id"] for block in drawn(a_card())}
    after = {block["block_id"] for block in drawn(a_card(STATES["one of two"][0]))}
    assert not before & after


@pytest.mark.parametrize("verdict", Verdict)
def test_windows_are_within_slacks_limits(verdict: Verdict) -> None:
    card = replace(a_card(target="t" * 500), ref="REQ-123456789012345678")
    view = modals.ask_words(card, verdict, carried="x" * 900)
    assert block_kit.view_faults(view) == []
    assert view["callback_id"] == verdict.value
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    wanted = ["question", "whom"] if verdict is Verdict.INVESTIGATE else ["reason"]
    assert [block["block_id"] for block in inputs] == wanted


def test_nobody_chooses_whom_to_ask_where_an_agent_has_no_owner() -> None:
    view = modals.ask_words(
        replace(a_card(), has_owner=False), Verdict.INVESTIGATE, carried="x" * 900
    )
    assert [block["block_id"] for block in view["blocks"] if block["type"] == "input"] == [
        "question"
    ]


def test_windows_that_only_speak_are_within_slacks_limits() -> None:
    url = "https://approvals.example.com/link/slack?token=" + "x" * 300
    assert block_kit.view_faults(modals.refusal("No." * 2_000, url=url)) == []
    assert block_kit.view_faults(modals.link_account("Who are you?", url=url)) == []


def test_a_shared_card_says_how_many_a_click_decides() -> None:
    others = [f"REQ-{number}" for number in range(2482, 2501)]
    card = a_card(beside=others)
    found = drawn(card)
    assert "×20" in found[0]["text"]["text"]
    assert "A decision here counts for each of 20 identical requests." in json.dumps(found)
    assert blocks.size(found) <= blocks.BUDGET
