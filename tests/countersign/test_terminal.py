"""What is printed cannot move the cursor or hide, and agrees with what approvers are shown."""

from __future__ import annotations

import sys

from approvals.domain import display
from countersign import terminal


def test_the_client_escapes_every_character_as_the_service_does() -> None:
    different = [
        f"U+{code:04X}"
        for code in range(sys.maxunicode + 1)
        if terminal.escape(chr(code)) != display.escape_terminal(chr(code))
    ]
    assert different == []


def test_lines_of_ours_may_be_kept() -> None:
    assert terminal.escape("a\nb\x1b[2J", keep_lines=True) == "a\nb⟦U+001B⟧[2J"


def test_a_cell_stays_on_its_line() -> None:
    shown = terminal.table(("A", "B"), [("x\ny", "1"), ("z", "2")])
    assert shown.split("\n") == ["A           B", "x⟦U+000A⟧y  1", "z           2"]
