"""Find names written to be taken for other names.

Plain prose in any one language is left alone. Words that mix alphabets are not, nor are
identifiers that read as Latin without being it. Mixes that Japanese, Korean and Chinese need are
allowed, as in the "highly restrictive" level of UTS 39.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from approvals.domain.text.addresses import as_written_on_the_wire, decoded
from approvals.domain.text.twins import IMITATORS, LATIN_TWINS, SIGN_TWINS, TYPOGRAPHIC_TWINS
from approvals.domain.text.unseen import CLOSING, OPENING, without_unseen

FINDINGS_LIMIT = 5
QUOTE_LIMIT = 60

_ALPHABETS = IMITATORS | {"LATIN"}
_ALLOWED_MIXES = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
_EAST_ASIAN = frozenset().union(*_ALLOWED_MIXES) - {"LATIN"}
_HAN_NAMES = frozenset({"CJK", "IDEOGRAPHIC", "KANGXI"})
_WIDTHS = frozenset({"FULLWIDTH", "HALFWIDTH"})
# Parts of names that are signs of no script, or letters common to several.
_COMMON_NAMES = frozenset({"MODIFIER", "MASCULINE", "FEMININE", "MICRO", "KATAKANA-HIRAGANA"})
_ORDINALS = "\u00aa\u00ba"  # 1ª and 2º are honest Spanish

_WORD = re.compile(r"[^\W_]+")
# Scripts without spaces run into the words beside them: "SlackのAPI" is three words.
_WORD_OF_PROSE = re.compile(
    r"[^\W_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uac00-\ud7af\U00020000-\U0003ffff]+"
)
_LIKE_AN_IDENTIFIER = re.compile(r"[\d.@/_]")
_ADDRESS = re.compile(r"[.@/_]")
_ACCENT_APART = re.compile("[A-Za-z\u00c0-\u04ff][\u0300-\u036f]")
_LATIN_LETTER = re.compile("[A-Za-z]")


def findings(text: str, *, prose: bool) -> tuple[str, ...]:
    """A sentence for each name that is not what it seems, the first five of them."""
    if text.isascii() and "xn--" not in text.lower():
        return ()
    found = []
    if not prose and _has_accents_apart(text):
        found.append("Accents stand apart from their letters: another spelling looks the same.")
    for token in dict.fromkeys(_bare(text).split()):
        finding = _finding(token, prose=prose)
        if finding:
            found.append(f"“{_quoted(token)}” {finding}.")
        if len(found) > FINDINGS_LIMIT:
            return (*found[:FINDINGS_LIMIT], "More look-alikes follow.")
    return tuple(found)


def latin_reading(text: str) -> str:
    """The text as a hurried reader of Latin letters takes it."""
    if text.isascii():
        return text
    return text.translate({ord(char): _latin(char) for char in set(text)})


def skeleton(text: str) -> str:
    """What names that look alike have in common; only for comparing, never for showing."""
    reading = latin_reading(_bare(text)).casefold()
    reading = "".join(char for char in reading if char.isalnum())
    reading = reading.translate(str.maketrans("01i|", "olll"))
    return reading.replace("rn", "m").replace("vv", "w")


def _bare(text: str) -> str:
    """Without hidden characters and without accents, which must not hide a mix of alphabets."""
    seen = without_unseen(text)
    noise = {ord(char): None for char in set(seen) if _is_noise(char)}
    return seen.translate(noise)


def _is_noise(char: str) -> bool:
    return unicodedata.category(char) in {"Mn", "Me"} or char in OPENING + CLOSING


def _quoted(token: str) -> str:
    return token if len(token) <= QUOTE_LIMIT else f"{token[:QUOTE_LIMIT]}…"


def _finding(token: str, *, prose: bool) -> str:
    """What is wrong with this token, or nothing."""
    if token.isascii():
        return _finding_in_punycode(token)
    words = (_WORD_OF_PROSE if prose else _WORD).findall(token)
    mixed = next((word for word in words if _mixes(word, prose=prose)), None)
    if mixed is not None:
        return _with_address(f"mixes {_listed(_scripts(mixed))} letters", token)
    if any(_mixes_digits(word) for word in words):
        return "mixes digits of different scripts"
    if prose and not _LIKE_AN_IDENTIFIER.search(token):
        return ""
    return _finding_in_identifier(token, words, prose=prose)


def _finding_in_identifier(token: str, words: list[str], *, prose: bool) -> str:
    if _passes_for_latin(token, words, prose=prose):
        return _with_address(f"reads as “{_quoted(latin_reading(token))}” but is not", token)
    if _is_styled(token, prose=prose):
        return _with_address("holds styled letters that pass for plain ones", token)
    if _has_sign_twins(token, prose=prose):
        return "holds signs that pass for the dots, slashes or dashes of an address"
    return _finding_in_punycode(token)


def _finding_in_punycode(token: str) -> str:
    reading = decoded(token)
    return f"reads as “{_quoted(reading)}” in a browser" if reading else ""


def _with_address(finding: str, token: str) -> str:
    address = as_written_on_the_wire(token)
    return f"{finding}; its address is {_quoted(address)}" if address else finding


def _listed(scripts: frozenset[str]) -> str:
    *others, last = sorted(script.capitalize() for script in scripts)
    return f"{', '.join(others)} and {last}"


def _mixes(word: str, *, prose: bool) -> bool:
    scripts = _scripts(word)
    if not prose:
        return len(scripts) > 1 and not any(scripts <= mix for mix in _ALLOWED_MIXES)
    if scripts == {"LATIN", "GREEK"} and not _has_greek_twins(word):
        return False  # Δt, kΩ, μm: signs of the sciences that look like nothing else
    return len(scripts & _ALPHABETS) > 1


def _has_greek_twins(word: str) -> bool:
    return any(char in LATIN_TWINS and script_of(char) == "GREEK" for char in word)


def _mixes_digits(word: str) -> bool:
    zeros = {ord(char) - unicodedata.decimal(char) for char in set(word) if char.isdecimal()}
    return len(zeros) > 1


def _passes_for_latin(token: str, words: list[str], *, prose: bool) -> bool:
    """Whether a word wholly of look-alikes stands among Latin ones, or makes up a whole domain."""
    shortest = 2 if prose else 1
    suspects = [word for word in words if len(word) >= shortest and _is_wholly_twins(word)]
    if suspects and _LATIN_LETTER.search(token):
        return True
    return "." in token and len(suspects) > 1 and suspects == words


def _is_wholly_twins(word: str) -> bool:
    letters = [char for char in set(word) if char.isalpha()]
    return bool(letters) and all(
        char in LATIN_TWINS and script_of(char) in IMITATORS for char in letters
    )


def _is_styled(token: str, *, prose: bool) -> bool:
    if prose and not (_ADDRESS.search(token) and _LATIN_LETTER.search(token)):
        return False
    letters = [char for char in set(token) if _is_disguised_latin(char)]
    # Wide Latin letters are usual inside Japanese names.
    wide_only = all("\uff21" <= char <= "\uff5a" for char in letters)
    return bool(letters) and not (wide_only and _scripts(token) & _EAST_ASIAN)


def _is_disguised_latin(char: str) -> bool:
    """Mathematical, wide, circled or phonetic forms of Latin letters, which no name needs."""
    if char in LATIN_TWINS:
        return script_of(char) == "LATIN"
    return not char.isascii() and _plain_letter(char) != ""


def _has_sign_twins(token: str, *, prose: bool) -> bool:
    signs = SIGN_TWINS if prose else SIGN_TWINS | TYPOGRAPHIC_TWINS
    return any(
        char in signs
        and _LATIN_LETTER.match(token[at - 1 : at])
        and _LATIN_LETTER.match(token[at + 1 : at + 2])
        for at, char in enumerate(token)
    )


def _has_accents_apart(text: str) -> bool:
    return any(
        len(unicodedata.normalize("NFC", match[0])) == 1 for match in _ACCENT_APART.finditer(text)
    )


def _scripts(word: str) -> frozenset[str]:
    return frozenset(script for char in set(word) if (script := script_of(char)) is not None)


@lru_cache(maxsize=8192)
def script_of(char: str) -> str | None:
    """The script of a letter, by the first word of its Unicode name; None for signs and digits.

    Styled forms ("MATHEMATICAL BOLD SMALL A") belong to no script.
    """
    if not char.isalpha():
        return None
    script = _first_name(char)
    if script in _HAN_NAMES:
        return "HAN"
    is_styled = _first_name(_compatible(char)[0]) != script
    return None if is_styled or script in _COMMON_NAMES else script


def _first_name(char: str) -> str:
    names = unicodedata.name(char, "").split()
    return next((name for name in names if name not in _WIDTHS), "")


@lru_cache(maxsize=8192)
def _latin(char: str) -> str:
    return LATIN_TWINS.get(char) or _plain_letter(char) or char


def _plain_letter(char: str) -> str:
    """The Latin letter this one is a form of, if it is."""
    plain = _compatible(char)
    is_letter = len(plain) == 1 and plain.isascii() and plain.isalpha()
    return plain if is_letter and char not in _ORDINALS else ""


def _compatible(char: str) -> str:
    return unicodedata.normalize("NFKC", char)
