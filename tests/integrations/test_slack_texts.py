"""Twelve texts that deceive are marked in Slack, six honest ones are not, and none of them lives."""

from __future__ import annotations

import json

import pytest

from integrations.slack import blocks
from tests.fakes import block_kit
from tests.integrations.test_slack_blocks import VALUE, a_card, literal, marked_up

TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "approve")
HOSTILE = {
    "right-to-left override in a file name": "invoice\u202egpj.exe",
    "isolates around an amount": "pay \u2066EUR 1\u2069 now",
    "zero-width space inside delete": "de\u200blete",
    "tags that spell approve": f"routine{TAGS}",
    "variation selectors": "ok\ufe00\ufe01",
    "Cyrillic a in paypal.com": "p\u0430ypal.com",
    "apple.com in Cyrillic": "\u0430\u0440\u0440\u04cf\u0435.com",
    "terminal escapes": "\x1b[2Kdone",
    "sixty empty lines before a command": "echo ok" + "\n" * 60 + "rm -rf /",
    "no-break space in an amount": "EUR\u00a01\u00a0240",
    "Hangul filler": "user\u3164name",
    "stacked accents": "a" + "\u0301" * 8 + "dmin",
}
HONEST = {
    "English": "The parcel came damaged, and the customer asked for a refund.",
    "German": "Größe und Gewicht ändern sich nicht; bitte prüfen.",
    "Japanese": "返金をお願いします。注文番号は1182です。",
    "Arabic": "يرجى رد المبلغ إلى العميل",
    "Greek": "Η παραγγελία έφτασε κατεστραμμένη",
    "joined emoji": "Thanks from all of us 👨\u200d👩\u200d👧",
}
LIVE = (
    "<!channel> <!here> <!everyone> <@U1> <#C1> <!subteam^S1>",
    "<https://evil.example|Approve> https://evil.example/x.png",
    "![x](http://t/p.png) [a](http://b) :tada: *bold* `code`",
    "<!date^1^{time}|now> {{DATE(2026-11-22)}}",
)
FLAGGED = "CAUTION: The agent's text holds: "


def drawn(text: str, *, where: str) -> blocks.Drawn:
    given = {"parameters": {"note": text}} if where == "a value" else {"reasoning": text}
    message = blocks.draw(a_card(**given), value=VALUE)
    assert block_kit.faults(message.blocks) == []
    return message


@pytest.mark.parametrize("where", ["a value", "the agent's words"])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_deceives_is_marked(name: str, where: str) -> None:
    found = literal(drawn(HOSTILE[name], where=where).blocks)
    assert any(text.startswith(FLAGGED) for text in found)
    shown = "".join(found)
    assert not any(letter in shown for letter in "\u202e\u2066\u2069\u200b\x1b\u3164\ufe00")
    assert not any(0xE0000 <= ord(letter) <= 0xE007F for letter in shown)


@pytest.mark.parametrize("where", ["a value", "the agent's words"])
@pytest.mark.parametrize("name", HONEST)
def test_what_is_honest_is_not(name: str, where: str) -> None:
    found = literal(drawn(HONEST[name], where=where).blocks)
    assert not any(text.startswith(FLAGGED) for text in found)
    assert any(HONEST[name] in text for text in found)


def test_the_command_behind_the_empty_lines_is_seen() -> None:
    text = HOSTILE["sixty empty lines before a command"]
    [row] = [each for each in literal(drawn(text, where="a value").blocks) if "note = " in each]
    assert "rm -rf /" in row
    assert "empty lines" in row
    assert row.count("\n") < 12


@pytest.mark.parametrize("where", ["a value", "the agent's words"])
@pytest.mark.parametrize("text", [*HOSTILE.values(), *HONEST.values(), *LIVE])
def test_nothing_an_agent_writes_lives(text: str, where: str) -> None:
    message = drawn(text, where=where)
    kinds = json.dumps(message.blocks)
    assert not any(
        f'"type": "{kind}"' in kinds
        for kind in ("user", "usergroup", "channel", "broadcast", "link", "emoji", "image", "date")
    )
    ours = [
        part for part in marked_up(message.blocks) if not part.startswith("*Decide by* <!date^")
    ]
    assert ours == []
    assert not any(mark in message.text for mark in ("<!", "<@", "<#", "<http"))
