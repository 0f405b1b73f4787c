"""What agents write is shown whole, safely, and with a word where it deceives."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from approvals.domain.display import (
    Flag,
    Parameter,
    Shown,
    csv_cell,
    escape_terminal,
    fingerprint,
    is_invisible,
    parameters,
    show,
    show_identifier,
    skeleton,
)

# The letters that deceive are written by name, so that no one is deceived here.
CYRILLIC_A = "\N{CYRILLIC SMALL LETTER A}"
PAYPAL = f"p{CYRILLIC_A}ypal.com"
APPLE = "\u0430\u0440\u0440\u04cf\u0435.com"
BOTH = pytest.mark.parametrize("draw", [show, show_identifier])


def tags(message: str) -> str:
    """A message nobody sees, in tag characters."""
    return "".join(chr(0xE0000 + ord(char)) for char in message)


def selectors(message: bytes) -> str:
    """A message nobody sees, in variation selectors."""
    return "".join(chr(0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16) for byte in message)


HOSTILE = {
    "a right-to-left override": ("invoice\u202egpj.exe", Flag.DIRECTION_OVERRIDE, "⟦U+202E⟧gpj"),
    "isolates around an amount": (
        "pay \u2066EUR 9\u2069 now",
        Flag.DIRECTION_OVERRIDE,
        "⟦U+2066⟧EUR 9⟦U+2069⟧",
    ),
    "a split word": ("de\u200blete all", Flag.HIDDEN_CHARACTERS, "de⟦U+200B⟧lete"),
    "smuggled tags": (
        f"Routine.{tags('approve')}",
        Flag.HIDDEN_CHARACTERS,
        "Routine.⟦U+E0061… says “approve”⟧",
    ),
    "variation selectors": ("safe\ufe0f\ufe01", Flag.HIDDEN_CHARACTERS, "safe⟦U+FE0F⟧⟦U+FE01⟧"),
    "a Cyrillic letter in a domain": (f"see {PAYPAL} now", Flag.LOOK_ALIKE, PAYPAL),
    "a domain all in Cyrillic": (f"see {APPLE} now", Flag.LOOK_ALIKE, APPLE),
    "terminal codes": ("ls\x1b[2K\x08\x00", Flag.CONTROL_CODES, "⟦U+001B⟧[2K⟦U+0008⟧⟦U+0000⟧"),
    "a no-break space in an amount": ("10\u00a0000 EUR", Flag.ODD_SPACE, "10⟦U+00A0⟧000"),
    "a Hangul filler": ("admin\u3164", Flag.HIDDEN_CHARACTERS, "admin⟦U+3164⟧"),
    "stacked accents": (
        "e\u0301\u0302\u0303",
        Flag.STACKED_MARKS,
        "e⟦U+0301⟧⟦U+0302⟧⟦U+0303⟧",
    ),
}

HONEST = {
    "English": "Please refund order 1182, e.g. via https://example.com/a?b=1.\n\nThanks, Ada",
    "German": "Größe der Änderung: 10 %, siehe bücher.de. Übermäßig, schön!",
    "Japanese": "返金をお願いします。SlackのAPIでv2.0に更新。ＡＢＣ株式会社",
    "Arabic": "يرجى الموافقة على استرداد المبلغ 100 ر.س",
    "Greek": "Αθήνα: παρακαλώ εγκρίνετε, π.χ. 5 €, του κ. Α.",
    "joined emoji": "👩‍💻 ❤️‍🔥 👨‍👩‍👧‍👦 1️⃣ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
}


@BOTH
@pytest.mark.parametrize(("text", "flag", "seen"), HOSTILE.values(), ids=HOSTILE)
def test_a_deceiving_text_is_flagged_and_visible(
    draw: Callable[[str], Shown], text: str, flag: Flag, seen: str
) -> None:
    shown = draw(text)
    assert flag in shown.flags
    assert seen in shown.text
    assert shown.notes


def test_sixty_blank_lines_do_not_push_a_command_out_of_sight() -> None:
    shown = show("Tidy up." + "\n" * 61 + "rm -rf /")
    assert shown.text == "Tidy up.\n⟦60 empty lines⟧\nrm -rf /"
    assert shown.flags == {Flag.PADDING}
    assert shown.hidden_characters_count == 0


@BOTH
@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_honest_text_is_shown_as_it_is(draw: Callable[[str], Shown], text: str) -> None:
    shown = draw(text.replace("\n", " ").replace("  ", " "))
    assert shown.flags == frozenset()
    assert shown.notes == ()
    assert show(text) == Shown(text, frozenset(), (), 0, len(text), complete=True)


@pytest.mark.parametrize(
    "text",
    [
        "Прошу вернуть 5а, т.е. деньги, SMS-код на сайт.рф и отчёт.pdf",
        "می‌خواهم",
        "क्ष र्‍य ढूँढ़ें",
        "10\u00a0% : «\u00a0oui\u00a0!\u00a0»",
        "更新\u3000します",
        "Δt = 5μm, R = 3kΩ",
        "1ª y 2º de Acme™, 1⁄2 kg",
        "HR-\u0441\u043e",
        "Wi‑Fi on channels 1–6",
        "Tiê\u0301ng Việt",
        "α版のテスト",
        "ใช้Slackครับ",
        "الـAPI",
        "a new emoji \U0001fae8 \U0001faff",
        "\U00013000 hieroglyphs",
        "\U0001e8d0 one mark of a rare script",
        "one\r\ntwo\tthree",
        "one\n\n\ntwo",
    ],
)
def test_good_spelling_of_any_language_is_not_flagged_in_prose(text: str) -> None:
    assert show(text).flags == frozenset()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("x\u2028y", "x⟦U+2028⟧y"),
        ("bell\x07 \x9b1m\x7f", "bell⟦U+0007⟧ ⟦U+009B⟧1m⟦U+007F⟧"),
        ("ls\rrm", "ls⟦U+000D⟧rm"),
        ("\ud800 alone", "⟦U+D800⟧ alone"),
        ("\ue000\U000f0000", "⟦U+E000⟧⟦U+F0000⟧"),
        ("\u2800\u115f\u034f\u17b4\u180b", "⟦U+2800⟧⟦U+115F⟧⟦U+034F⟧⟦U+17B4⟧⟦U+180B⟧"),
        ("\u202e" * 500, "⟦U+202E ×500⟧"),
        ("\u202e" * 3, "⟦U+202E⟧⟦U+202E⟧⟦U+202E⟧"),
        ("a" + "\u0301\u0302" * 50, "a" + "⟦U+0301⟧⟦U+0302⟧" * 3 + "⟦94 more stacked marks⟧"),
        ("a" + "\U0001e8d0" * 9, "a" + "⟦U+1E8D0⟧" * 6 + "⟦3 more stacked marks⟧"),
        ("a" + "\U0001e8d0\U0001e8d1\U0001e8d2", "a\U0001e8d0\U0001e8d1⟦U+1E8D2⟧"),
        ("😀" + selectors(b"approve"), "😀⟦U+E0151… says “approve”⟧"),
        (selectors(b"\x01\x02\x03"), "⟦U+FE01⟧⟦U+FE02⟧⟦U+FE03⟧"),
        ("❤\ufe0f\ufe0f", "❤⟦U+FE0F⟧⟦U+FE0F⟧"),
        ("👩\u200dx", "👩⟦U+200D⟧x"),
        ("\ufe0f", "⟦U+FE0F⟧"),
        ("\u200d", "⟦U+200D⟧"),
        ("5\u00a0x", "5⟦U+00A0⟧x"),
        ("x\u3000y", "x⟦U+3000⟧y"),
    ],
)
def test_what_cannot_be_seen_becomes_a_chip(text: str, seen: str) -> None:
    assert show(text).text == seen
    assert show(text).flags


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a" + " " * 500 + "rm", "a⟦500 spaces⟧rm"),
        ("a" + "\u3000" * 50 + "rm", "a⟦50 spaces with U+3000⟧rm"),
        (
            "a" + "\u200b\u2060\u3164\ufeff" * 10,
            "a⟦40 blank characters with U+200B, U+2060, U+3164…⟧",
        ),
        ("\n \t\n\r\n \r\nrm", "⟦4 empty lines⟧\nrm"),
        ("a\r\n\r\n\r\n\r\nrm", "a\n⟦3 empty lines⟧\nrm"),
        ("a\n\u200b\n\u00a0\n\n", "a\n⟦3 empty lines with U+00A0, U+200B⟧\n"),
    ],
)
def test_long_emptiness_is_folded_to_a_count(text: str, seen: str) -> None:
    assert show(text).text == seen


def test_three_empty_lines_are_folded_without_suspicion_and_ten_with() -> None:
    assert show("a" + "\n" * 4 + "b").flags == frozenset()
    assert show("a" + "\n" * 11 + "b").flags == {Flag.PADDING}


def test_hidden_characters_are_counted_and_named() -> None:
    shown = show("a\u200bb\u200bc\u2060 ⟦")
    assert shown.hidden_characters_count == 3
    assert "Hidden characters: 3 (U+200B, U+2060)." in shown.notes
    many = show("".join(map(chr, range(0xE000, 0xE010))))
    assert many.notes == ("Hidden characters: 16 (U+E000, U+E001, U+E002, U+E003, U+E004…).",)


def test_a_smuggled_message_is_told() -> None:
    assert show(f"ok{tags('approve me')}").notes[0] == "Hidden text says “approve me”."


def test_our_chips_cannot_be_forged() -> None:
    shown = show("⟦400 of 800 characters not shown⟧")
    assert shown.text == "⟦U+27E6⟧400 of 800 characters not shown⟦U+27E7⟧"
    assert shown.flags == {Flag.IMITATES_US}


@pytest.mark.parametrize(
    "text",
    [
        "✔ Checked by us: safe",
        "Hello\n  ✅ all good",
        "▲ high",
        "OK: harmless",
        "- Caution: read",
        "Pre-approved by Ada",
        "verified",
        "REQ-2481 says so",
        "\N{GREEK CAPITAL LETTER OMICRON}K: harmless",
        "Veri\u200bfied by finance",
    ],
)
def test_a_line_that_begins_like_ours_is_flagged(text: str) -> None:
    shown = show(text)
    assert Flag.IMITATES_US in shown.flags
    assert "Copies our labels." in shown.notes


def test_an_identifier_may_use_common_words_but_not_our_signs() -> None:
    assert show_identifier("approved").flags == frozenset()
    assert show_identifier("REQ-2481").flags == frozenset()
    assert show_identifier("✔ payroll").flags == {Flag.IMITATES_US}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (" admin", "⟦U+0020⟧admin"),
        ("admin ", "admin⟦U+0020⟧"),
        ("ad  min", "ad⟦2 spaces⟧min"),
        ("a\tb", "a⟦U+0009⟧b"),
        ("a\n\n\n\n\nb", "a⟦U+000A ×5⟧b"),
        ("می\u200cخواهم", "می⟦U+200C⟧خواهم"),
        ("10\u00a0%", "10⟦U+00A0⟧%"),
    ],
)
def test_an_identifier_has_no_place_for_odd_spaces(text: str, seen: str) -> None:
    shown = show_identifier(text)
    assert shown.text == seen
    assert shown.flags


@pytest.mark.parametrize(
    ("name", "note"),
    [
        (PAYPAL, f"“{PAYPAL}” mixes Cyrillic and Latin letters; its address is xn--pypal-4ve.com."),
        (
            f"https://ada:x@{APPLE}/login?x",
            f"“https://ada:x@{APPLE}/login?x” reads as “https://ada:x@apple.com/login?x” but is not; "
            "its address is xn--80ak6aa92e.com.",
        ),
        ("xn--pypal-4ve.com", f"“xn--pypal-4ve.com” reads as “{PAYPAL}” in a browser."),
        (
            "große.xn--pypal-4ve.com",
            f"“große.xn--pypal-4ve.com” reads as “große.{PAYPAL}” in a browser.",
        ),
        ("xn--a-qgn.ru", "“xn--a-qgn.ru” reads as “a⟦U+200B⟧.ru” in a browser."),
    ],
)
def test_a_look_alike_is_told_with_what_it_is(name: str, note: str) -> None:
    for draw in (show, show_identifier):
        assert note in draw(name).notes
        assert Flag.LOOK_ALIKE in draw(name).flags


@pytest.mark.parametrize(
    "name",
    [
        "p\u0300\u0430\u0300y",  # an accent between the alphabets
        "p\u200b\u0430y",  # something hidden between them
        "\U0001d429aypal.com",  # mathematical bold p
        "\uff50aypal.com",  # wide p
        "\u24d0pple.com",  # circled a
        "\u0261oogle.com",  # phonetic g
        "paypal.com\u2215login",
        "paypal.com\u30ceogin",
        "order1\u0968",  # a Devanagari two
        "\u0430\u0440\u0440.\u0441\u043e",  # Cyrillic throughout, looks like app.co
    ],
)
@BOTH
def test_disguises_of_identifiers_are_flagged_also_in_prose(
    draw: Callable[[str], Shown], name: str
) -> None:
    assert Flag.LOOK_ALIKE in draw(f"See {name} please").flags


@pytest.mark.parametrize(
    "name",
    [
        "pay\u2010pal",
        "kΩ",
        "\uff50\uff41\uff59",
        "cafe\u0301",
        "users_\u0430",
        "\u0e01Slack",
        "\u212aelvin",
    ],
)
def test_identifiers_are_judged_more_strictly_than_prose(name: str) -> None:
    assert Flag.LOOK_ALIKE in show_identifier(name).flags
    assert Flag.LOOK_ALIKE not in show(name).flags or name == "users_\u0430"


@pytest.mark.parametrize(
    "name",
    [
        "日本語.jp",
        "カタカナAPI",
        "김치2",
        "отчёт.pdf",
        "Yıldız",
        "Größe.pdf",
        "ＡＢＣ株式会社",
        "xn--",
        "xn--99999999999.com",
    ],
)
def test_names_in_one_language_are_no_look_alikes(name: str) -> None:
    assert show_identifier(name).flags == frozenset()


def test_five_look_alikes_are_named_and_the_rest_are_told() -> None:
    shown = show(" ".join(f"p{CYRILLIC_A}y{number}" for number in range(40)))
    assert len(shown.notes) == 6
    assert shown.notes[-1] == "More look-alikes follow."


def test_a_long_look_alike_is_quoted_in_part() -> None:
    assert show(CYRILLIC_A + "p" * 500).notes == (
        f"“{CYRILLIC_A}{'p' * 59}…” mixes Cyrillic and Latin letters.",
    )
    label = CYRILLIC_A + "p" * 80
    assert label in "".join(show(f"{label}.com").notes) or "…" in show(f"{label}.com").notes[0]


def test_a_long_text_keeps_its_start_and_end_and_counts_the_rest() -> None:
    shown = show("word " * 2240 + "last", limit=400)
    assert "⟦10,804 of 11,204 characters not shown⟧" in shown.text
    assert shown.text.startswith("word word")
    assert shown.text.endswith("word last")
    assert shown.flags == {Flag.TRUNCATED}
    assert (shown.complete, shown.total_length) == (False, 11_204)


@pytest.mark.parametrize(
    ("text", "limit", "seen"),
    [
        ("pay Ada EUR 1 240 000", 16, "pay Ada ⟦13 of 21 characters not shown⟧"),
        ("pay 124000", 8, "pay ⟦6 of 10 characters not shown⟧"),
        ("costs 1 240 €, paid", 16, "costs ⟦9 of 19 characters not shown⟧paid"),
        ("x" * 50, 40, "⟦50 of 50 characters not shown⟧"),
        ("s3://bucket/first/second/third", 20, "s3://bucket/⟦13 of 30 characters not shown⟧third"),
        ("http://evil.com", 12, "⟦15 of 15 characters not shown⟧"),
        ("日本語のテキスト。とても長い文。", 8, "日本語のテキ⟦8 of 16 characters not shown⟧文。"),
        ("a\u202e" * 10, 40, "⟦20 of 20 characters not shown⟧"),
        ("ab\u202e cd ef gh ij kl mn", 16, "ab⟦U+202E⟧ ⟦14 of 21 characters not shown⟧ mn"),
        ("one\n\n\n\n\ntwo three four", 20, "one\n⟦13 of 22 characters not shown⟧ four"),
        ("some text", 0, "⟦9 of 9 characters not shown⟧"),
        ("some text", -5, "⟦9 of 9 characters not shown⟧"),
        ("short", 5, "short"),
    ],
)
def test_a_cut_never_goes_through_a_number_a_word_or_a_chip(
    text: str, limit: int, seen: str
) -> None:
    assert show(text, limit=limit).text == seen


def leaf(value: object) -> Parameter:
    (parameter,) = parameters({"value": value})
    return parameter


@pytest.mark.parametrize(
    ("value", "raw", "kind", "means"),
    [
        ("1182", '"1182"', "text", ""),
        ("", '""', "empty text", ""),
        (124000, "124000", "integer", "124,000"),
        (999, "999", "integer", ""),
        (1.5, "1.5", "number", ""),
        (1e22, "1e+22", "number", "10,000,000,000,000,000,000,000"),
        (1e300, "1e+300", "number", ""),
        (float("nan"), "NaN", "number", ""),
        (Decimal("1240.50"), "1240.50", "number", "1,240.50"),
        (True, "true", "true/false", "yes"),
        (False, "false", "true/false", "no"),
        (None, "null", "null", "no value"),
        ({}, "{}", "empty object", ""),
        ([], "[]", "empty list", ""),
        ((), "[]", "empty list", ""),
        ("a\u202eb\x1b\ud800😀", '"a\\u202eb\\u001b\\ud800😀"', "text", ""),
    ],
)
def test_every_value_has_its_exact_form_and_its_type(
    value: object, raw: str, kind: str, means: str
) -> None:
    parameter = leaf(value)
    assert (parameter.raw, parameter.kind, parameter.means) == (raw, kind, means)


def test_an_integer_too_long_for_decimal_digits_is_written_in_hexadecimal() -> None:
    assert leaf(-(10**5_000)).raw == hex(-(10**5_000))


def test_the_empty_text_is_seen() -> None:
    assert leaf("").shown.text == '""'
    assert leaf("").shown.total_length == 0


def test_parameters_are_laid_out_in_the_order_given() -> None:
    given = {"b": 1, "a": {"items": [{"id": 7}, "x"], "a.b": 2, "": 3}, "größe": 4, 'q"\u202e': 5}
    assert [parameter.path for parameter in parameters(given)] == [
        "b",
        "a.items[0].id",
        "a.items[1]",
        'a["a.b"]',
        'a[""]',
        "größe",
        '["q\\"⟦U+202E⟧"]',
    ]


def test_an_odd_name_is_told_with_its_value() -> None:
    (parameter,) = parameters({f"p{CYRILLIC_A}y\u200b": "approve"})
    assert parameter.shown.text == "approve"
    assert parameter.shown.flags == {Flag.LOOK_ALIKE, Flag.HIDDEN_CHARACTERS}
    assert parameter.shown.hidden_characters_count == 1
    assert all(note.startswith("In the name: ") for note in parameter.shown.notes)


def test_a_cut_name_makes_its_parameter_incomplete() -> None:
    (parameter,) = parameters({"k" * 50: 1}, limit=10)
    assert not parameter.shown.complete


def test_a_value_of_many_words_is_prose_and_a_single_word_is_a_name() -> None:
    assert leaf("Δt").shown.flags == {Flag.LOOK_ALIKE}
    assert leaf("the time Δt").shown.flags == frozenset()
    assert leaf("a\n\n\nb").shown.text == "a\n\n\nb"


def test_an_action_without_parameters_has_none_to_show() -> None:
    assert parameters({}) == ()


def test_no_nesting_is_too_deep() -> None:
    value: object = 1
    for _ in range(5_000):
        value = [value]
    (parameter,) = parameters({"deep": value})
    assert parameter.path == "deep" + "[0]" * 5_000


def test_a_fingerprint_can_be_compared_by_eye() -> None:
    assert fingerprint("7f3a91c2" + "0" * 56) == "7F3A-91C2"


def test_a_terminal_gets_no_control_byte() -> None:
    assert escape_terminal("ls\x1b[2K\r\n\u202e ⟦x⟧") == "ls⟦U+001B⟧[2K⟦U+000D⟧⟦U+000A⟧⟦U+202E⟧ ⟦x⟧"
    assert escape_terminal("one\ntwo\x07", keep_lines=True) == "one\ntwo⟦U+0007⟧"
    assert escape_terminal(show("a\u202e").text) == "a⟦U+202E⟧"


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\u2212", "  =", "\ufeff="]
)
def test_a_spreadsheet_sees_no_formula(start: str) -> None:
    assert csv_cell(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


def test_an_ordinary_cell_stays_as_it_is() -> None:
    assert csv_cell("Ada, 5 = five") == "Ada, 5 = five"
    assert csv_cell("") == ""


def test_a_name_nobody_can_see_is_recognised() -> None:
    assert is_invisible("\u3164\u115f\u2800 \u200b\t")
    assert is_invisible("")
    assert not is_invisible("a\u200b")


@pytest.mark.parametrize(
    "name",
    [
        "billing-r\u0435funds",
        "Billing_Refunds",
        "billing\u200brefunds",
        "bi1ling.refunds",
        "bilIing-refunds",
        "\U0001d41billing-refunds",
    ],
)
def test_names_that_look_alike_share_a_skeleton(name: str) -> None:
    assert skeleton(name) == skeleton("billing-refunds")


def test_names_that_differ_keep_their_skeletons_apart() -> None:
    assert skeleton("billing-refunds") != skeleton("billing-returns")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10**6,
        "\n" * 10**6,
        " \u200b" * 10**5,
        "p\u0430y " * 10**5,
        "e" + "\u0301\u0327" * 10**5,
    ],
    ids=["one word", "blank lines", "hidden", "look-alikes", "stacked"],
)
def test_time_grows_with_the_text_and_no_faster(text: str) -> None:
    started = time.process_time()
    show(text, limit=400)
    show_identifier(text)
    assert time.process_time() - started < 5
