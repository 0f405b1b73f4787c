"""Laws of showing text, for any text and any JSON."""

from __future__ import annotations

import json
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.display import (
    Flag,
    csv_cell,
    escape_terminal,
    fingerprint,
    is_invisible,
    parameters,
    redact,
    show,
    show_identifier,
    skeleton,
)

# What joins emoji, letters and French punctuation may stand where it is good spelling.
SPELLING = set("\u200c\u200d\ufe0e\ufe0f\u00a0\u202f\u3000") | set(
    map(chr, range(0xE0000, 0xE0080))
)
CHIP = re.compile("⟦[^⟦⟧]*⟧")

nasty = st.sampled_from(
    "a1 .@/_-=\n\r\t⟦⟧\u0430\u03b1\u00a0\u3000\u200b\u200c\u200d\u202e\u2066\ufe0f\ufe01\ufeff\u3164\u2800"
    "\u0301\u0302\u1ab0\u0e31\x00\x1b\x7f\x85\u2028\ud800\ue000\U000e0041\U000e0061\U000e0101\U0001f600"
    "\U0001f3f4\U0001e8d0\U0010ffff漢か€•✔"
)
texts = st.one_of(
    st.text(alphabet=nasty, max_size=120),
    st.text(alphabet=st.characters(), max_size=60),
    st.builds(
        lambda text, times: text * times, st.text(alphabet=nasty, max_size=4), st.integers(0, 99)
    ),
)
limits = st.one_of(st.none(), st.integers(-3, 200))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


def is_raw(char: str) -> bool:
    """Hidden, turning, control or undrawable, by what Unicode says of it."""
    if char in SPELLING or char in "\n\t " or "\U0001f000" <= char <= "\U0001faff":
        return False
    is_filler = char in "\u034f\u115f\u1160\u17b4\u17b5\u180b\u2800\u3164\uffa0"
    is_selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0000" <= char <= "\U000e0fff"
    return is_filler or is_selector or unicodedata.category(char)[0] in "CZ"


@given(texts, limits)
def test_nothing_hidden_leaves_raw(text: str, limit: int | None) -> None:
    for shown in (show(text, limit=limit), show_identifier(text, limit=limit)):
        drawn = shown.text + "".join(shown.notes)
        assert not [char for char in drawn if is_raw(char)]
        drawn.encode()
    assert not set(show_identifier(text).text) & set("\n\t\u00a0\u200c\u3000")


@given(texts)
def test_outside_of_chips_the_text_is_the_original(text: str) -> None:
    rest = iter(text)
    for char in "".join(CHIP.split(show(text).text)):
        assert char == "\n" or char in rest


@given(texts)
def test_brackets_are_ours_and_in_pairs(text: str) -> None:
    for shown in (show(text), show(text, limit=20), show_identifier(text, limit=20)):
        outside = CHIP.sub("", shown.text)
        assert "⟦" not in outside
        assert "⟧" not in outside


@given(texts, limits)
def test_lengths_add_up(text: str, limit: int | None) -> None:
    shown = show(text, limit=limit)
    assert shown.total_length == len(text)
    assert shown.complete == (Flag.TRUNCATED not in shown.flags)
    assert 0 <= shown.hidden_characters_count <= len(text)
    if limit is not None and not shown.complete:
        missing = re.search(r"⟦([\d,]+) of ([\d,]+) characters not shown⟧", shown.text)
        assert missing
        assert int(missing[2].replace(",", "")) == len(text)
        assert 0 < int(missing[1].replace(",", "")) <= len(text)
        assert len(shown.text) - len(missing[0]) <= max(limit, 0)


@given(st.text(alphabet="ab ,.\n", max_size=400), st.integers(0, 100))
def test_what_is_cut_is_counted_to_the_character(text: str, limit: int) -> None:
    text = re.sub(r"\n+", "\n", text)
    shown = show(text, limit=limit)
    if not shown.complete:
        head, count, tail = re.split(r"⟦([\d,]+) of [\d,]+ characters not shown⟧", shown.text)
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(head) + len(tail) + int(count) == len(text)


def count_of_leaves(value: object) -> int:
    if isinstance(value, dict) and value:
        return sum(map(count_of_leaves, value.values()))
    if isinstance(value, list) and value:
        return sum(map(count_of_leaves, value))
    return 1


def plain(value: object) -> object:
    """Keys that stay apart on a path, whatever is made of odd characters."""
    if isinstance(value, dict):
        return {f"k{index}": plain(item) for index, item in enumerate(value.values())}
    return [plain(item) for item in value] if isinstance(value, list) else value


def found(values: object, path: str) -> object:
    for step in re.findall(r"\w+", path):
        values = values[step] if isinstance(values, dict) else values[int(step)]  # type: ignore[index]
    return values


@given(st.dictionaries(texts, values, max_size=4), limits)
def test_every_leaf_appears_once(given_values: dict[str, object], limit: int | None) -> None:
    shown = parameters(given_values, limit=limit)
    assert len(shown) == (count_of_leaves(given_values) if given_values else 0)
    named = plain(given_values)
    assert isinstance(named, dict)
    by_path = {parameter.path: parameter.raw for parameter in parameters(named)}
    assert len(by_path) == len(shown)
    for path, raw in by_path.items():
        leaf = found(named, path)
        assert json.loads(raw) == leaf or leaf != leaf
    for parameter in shown:
        assert not [char for char in parameter.path + parameter.raw if is_raw(char)]


@given(texts)
def test_every_other_door_takes_any_text(text: str) -> None:
    csv_cell(text)
    fingerprint(text)
    skeleton(text)
    assert not [char for char in escape_terminal(text) if is_raw(char) or char in "\n\t"]
    if is_invisible(text):
        assert not CHIP.sub("", show_identifier(text).text).strip()


@given(texts)
def test_a_cell_never_begins_a_formula(text: str) -> None:
    assert csv_cell(text)[:1] not in tuple("=+-@\t\r")


@given(texts)
def test_masking_twice_masks_no_more(text: str) -> None:
    once, _ = redact(f"{text} sk-ant-{'x1' * 12} {text}")
    assert redact(once) == (once, 0)


def test_no_character_at_all_is_shown_raw() -> None:
    raw = []
    for code in (*range(0x3200), *range(0xD700, 0x10000), *range(0xE0000, 0xE0200)):
        raw += [char for char in show_identifier(f"x{chr(code)}x").text if is_raw(char)]
    assert raw == []
