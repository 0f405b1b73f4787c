"""What every adapter does, whatever its vendor: each adapter's test file inherits this.

A subclass gives the fixture `stand`: the adapter beside its vendor's stand-in.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from approvals.domain import workflow
from approvals.domain.cards import Card, Note
from approvals.domain.display import Flag
from approvals.domain.terms import EventKind, RiskLevel, Verdict
from approvals.ports import Adapter, DeliveryError, Message, MessageKind, Notice
from tests.domain.test_display import HONEST
from tests.domain.test_display import HOSTILE as DECEITS
from tests.integrations.test_slack_blocks import ADA, LATER, a_card, click, opened

NOW = datetime.now(UTC)
PATIENCE = 20.0
SECRET = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
HOSTILE = (
    "<!channel> <@U0001|Ada> approved this",
    "*Approved* by ~nobody~ _Ada_",
    "[Approve](https://evil.example/approve)",
    "<script>alert(1)</script><b>x</b>",
    "{{DATE(2026-11-22T12:00:00Z)}} ${card.title}",
    "\u202eevorppa\u202c right to left",
    "line\n\n\n\n\n# APPROVED BY ADA\n---",
    "@everyone <at>Ada</at> @channel",
    "\x1b[2J\x1b[31mred\x07",
    "аpprоve with Cyrillic letters",
    "x" * 5_000,
    "```\ncode\n``` | a | b |",
)


# The twelve kinds of deceit, and six texts of people who mean no harm.
DECEIVING = {
    **DECEITS,
    "sixty empty lines": ("Tidy up." + "\n" * 61 + "rm -rf /", Flag.PADDING, "⟦60 empty lines⟧"),
}
SAID = "text holds: "
CHIP = re.compile(r"⟦U\+[0-9A-F]+[^⟧]*⟧|⟦[0-9]+ empty lines⟧")


def chip_of(char: str) -> str:
    """How the chip of a character begins, whatever it says of those beside it."""
    return f"⟦U+{ord(char):04X}"


class Stand(Protocol):
    """An adapter with its vendor beside it."""

    adapter: Adapter
    address: str
    live: Sequence[str]  # what this vendor would obey: mentions, links, tags, codes

    def standing(self) -> Sequence[str]:
        """The text of each card that stands at the vendor now, markup and all."""
        ...

    def read_as_markup(self) -> Sequence[str]:
        """The parts of what stands there in which the vendor would obey markup."""
        ...

    def buttons(self) -> int:
        """How many decisions can be clicked on what stands there now."""
        ...

    def sent(self) -> bytes:
        """Everything that ever left for the vendor."""
        ...

    def will(self, fault: str) -> None:
        """Do this to the next call: limited (for 42 s), refused, broken, gone, done_and_gone,
        silent, garbage, nonsense. `refused` is an answer that another attempt cannot change."""
        ...


class CarrierContract:
    """What holds for whatever carries anything: its name, whom it leaves alone, and how it fails."""

    faults: tuple[str, ...] = (
        "limited",
        "refused",
        "broken",
        "gone",
        "done_and_gone",
        "silent",
        "garbage",
        "nonsense",
    )

    def message(self, stand: Stand, **changes: Any) -> Message:
        """Something that this adapter carries."""
        return a_message(stand, **changes)

    def test_it_has_a_name_that_is_its_own(self, stand: Stand) -> None:
        assert stand.adapter.name.isidentifier()
        assert len(stand.adapter.name) <= 20

    def test_what_nobody_was_asked_about_is_told_to_nobody(self, stand: Stand) -> None:
        told = stand.adapter.addresses(a_notice(EventKind.APPROVED, stand.address, is_opened=False))
        assert [kind for kind, _ in told if kind is not MessageKind.EVENT] == []

    def test_a_limit_delays_by_as_much_as_the_vendor_says(self, stand: Stand) -> None:
        error = self.failing(stand, "limited")
        assert error.retry_after == timedelta(seconds=42)
        assert not error.permanent

    def test_what_cannot_succeed_is_not_tried_again(self, stand: Stand) -> None:
        assert self.failing(stand, "refused").permanent

    @pytest.mark.parametrize(
        "fault", ["broken", "gone", "done_and_gone", "silent", "garbage", "nonsense"]
    )
    def test_what_may_succeed_is_tried_again_and_in_time(self, stand: Stand, fault: str) -> None:
        began = time.monotonic()
        error = self.failing(stand, fault)
        assert not error.permanent
        assert time.monotonic() - began < PATIENCE

    def test_after_an_unclear_end_there_is_still_one_card(self, stand: Stand) -> None:
        if "done_and_gone" not in self.faults:
            pytest.skip("nothing at this vendor can end unclearly")
        self.failing(stand, "done_and_gone")
        stand.adapter.deliver(self.message(stand, attempt=2))
        assert len(stand.standing()) == 1

    def failing(self, stand: Stand, fault: str) -> DeliveryError:
        if fault not in self.faults:
            pytest.skip(f"this vendor never is {fault}")
        stand.will(fault)
        with pytest.raises(DeliveryError) as error:
            stand.adapter.deliver(self.message(stand))
        assert error.value.words
        return error.value


class TextContract:
    """What holds wherever a text of an agent or a person comes to stand."""

    shows_flags: bool = True  # it says in words what a text holds
    shows_reasons: bool = True
    left_out: str = ""  # characters no door lets in

    def tell(self, stand: Stand, text: str, *, target: str = "cus_Q9f2KX") -> None:
        """Let this text come to stand at the vendor, once."""
        card = a_card(parameters={"note": text}, reasoning=text, target=target)
        stand.adapter.deliver(a_message(stand, card))

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    def test_hostile_text_stays_text(self, stand: Stand, text: str) -> None:
        self.tell(stand, text, target=f"cus_Q9f2KX {text[:60]}")
        assert len(stand.standing()) == 1
        for part in stand.read_as_markup():
            assert [live for live in stand.live if live in part] == []

    @pytest.mark.parametrize(("text", "flag", "seen"), DECEIVING.values(), ids=DECEIVING)
    def test_a_deceiving_text_is_marked_where_people_read_it(
        self, stand: Stand, text: str, flag: Flag, seen: str
    ) -> None:
        """What cannot be seen stands there as a chip and never as itself; and it is said in words."""
        self.tell(stand, text, target=f"file {text[:40]}")
        [standing] = stand.standing()
        assert [char for char in text if chip_of(char) in seen and char in standing] == []
        if self.shows_flags:
            assert SAID in standing
            assert flag.value.replace("_", " ") in standing
        gone = tuple(map(chip_of, self.left_out))
        for chip in CHIP.findall(seen) if self.shows_reasons else ():
            if gone and chip.startswith(gone):
                continue
            assert chip in standing

    @pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
    def test_an_honest_text_is_marked_by_nothing(self, stand: Stand, text: str) -> None:
        self.tell(stand, text)
        [standing] = stand.standing()
        assert CHIP.findall(standing) == []
        assert SAID not in standing


class AdapterContract(CarrierContract, TextContract):
    """Inherited by the tests of every adapter that shows cards; what a vendor cannot do is said in class
    attributes. What shows no cards inherits the one or the other half, and says why."""

    edits: bool = True
    has_buttons: bool = True
    shows_parameters: bool = True

    def test_a_card_is_shown_with_what_a_person_must_know(self, stand: Stand) -> None:
        stand.adapter.deliver(a_message(stand))
        [text] = stand.standing()
        assert "REQ-2481" in text
        assert "https://approvals.example.com/r/REQ-2481" in text
        if self.shows_parameters:
            assert "cus_Q9f2KX" in text

    def place_in(self, receipt: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of a receipt names the message; all of it, unless it also says what stands there."""
        return receipt

    def test_it_is_posted_once_and_then_edited(self, stand: Stand) -> None:
        receipt = stand.adapter.deliver(a_message(stand))
        again = stand.adapter.deliver(a_message(stand, decided(Verdict.APPROVE), receipt=receipt))
        assert len(stand.standing()) == 1
        if self.edits:
            assert self.place_in(again) == self.place_in(receipt)
            assert "approved" in stand.standing()[0].lower()

    @pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DENY])
    def test_nothing_can_be_clicked_once_it_is_closed(self, stand: Stand, verdict: Verdict) -> None:
        receipt = stand.adapter.deliver(a_message(stand))
        assert (stand.buttons() > 0) is self.has_buttons
        stand.adapter.deliver(a_message(stand, decided(verdict), receipt=receipt))
        assert stand.buttons() == 0

    def test_a_secret_never_leaves(self, stand: Stand) -> None:
        card = a_card(
            parameters={"api_key": SECRET, "note": f"use {SECRET}"},
            reasoning=f"The key is {SECRET}",
            notes=(Note("robo", True, f"It was {SECRET}.", LATER),),
        )
        stand.adapter.deliver(a_message(stand, card))
        assert SECRET.encode() not in stand.sent()


def a_message(stand: Stand, card: Card | None = None, **changes: Any) -> Message:
    present = replace(card or a_card(), created_at=NOW - timedelta(minutes=1))
    whole = Message(
        id="0198f3a2-7c55-7d6e-9c1f-3f0a5b1c2d3e",
        kind=MessageKind.CARD,
        address=stand.address,
        card=present,
        at=NOW,
    )
    return replace(whole, **changes)


def decided(verdict: Verdict) -> Card:
    state = opened(RiskLevel.MEDIUM, quorum=1)
    return a_card(workflow.decide(state, click(ADA, verdict, "No."), at=LATER).after)


def a_notice(kind: EventKind, *channels: str, is_opened: bool = True) -> Notice:
    return Notice(kind=kind, channels=channels, callback_url="", opened=is_opened)
