"""Account numbers in text: IBANs by their check digits, payment cards by their issuer and Luhn's sum.

All of it reads text in its plainest letters (`strings.bare`), in time proportional to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, groupby

# Length of the whole number by country, as the IBAN registry lists them.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
_IBAN_HEAD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ .-]?[0-9]{2}(?=[ .-]?[A-Za-z0-9])")
_BETWEEN = re.compile(r"[\s.-]")

# Runs of groups of digits, one mark between two groups: 4111 1111 1111 1111.
_DIGIT_RUN = re.compile(r"(?<![A-Za-z0-9])[0-9]++(?![A-Za-z])(?:[ ./-][0-9]++(?![A-Za-z]))*+")
_DIGITS = re.compile(r"[0-9]+")
SHORTEST_CARD, LONGEST_CARD = 13, 19
_MOST_GROUPS = LONGEST_CARD // 3
_ISSUERS = re.compile(
    "4(?:.{12}|.{15}|.{18})"  # Visa
    "|(?:5[1-5]|222[1-9]|22[3-9].|2[3-6]..|27[01].|2720).{12,14}"  # Mastercard
    "|3[47].{13}"  # American Express
    "|3(?:0[0-5]|[689].).{11,16}"  # Diners Club
    "|(?:6011|64[4-9].|65..).{12,15}"  # Discover
    "|35(?:2[89]|[3-8].).{12,15}"  # JCB
    "|(?:62|81).{14,17}"  # UnionPay
    "|(?:50|5[6-8]|6[0-9]).{11,17}"  # Maestro
    "|220[0-4].{12,15}"  # Mir
)
_DOUBLED = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]


def stand_in(text: str) -> bool:
    """Whether an IBAN or the number of a payment card stands in the text."""
    return any(_ibans(text)) or any(_cards(text))


def _ibans(text: str) -> Iterator[bool]:
    for head in _IBAN_HEAD.finditer(text):
        length = _IBAN_LENGTHS.get(head[0][:2].upper())
        whole = _iban_of(length).match(text, head.start()) if length else None
        if whole:
            yield _has_check_digits(_BETWEEN.sub("", whole[0]).upper())


@lru_cache(maxsize=64)
def _iban_of(length: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Za-z0-9](?:[\s.-]?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])")


def _has_check_digits(iban: str) -> bool:
    """ISO 7064: letters count from ten, and the whole leaves one when divided by 97."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _cards(text: str) -> Iterator[bool]:
    for run in _DIGIT_RUN.finditer(text):
        for shape, alike in groupby(_DIGITS.findall(run[0]), key=_shape):
            yield from map(_is_card, _numbers(shape, list(alike)))


def _shape(group: str) -> int:
    """How a card may be written: digit by digit, in pairs, in groups of three to seven, in one."""
    return len(group) if len(group) < 3 else 3 if len(group) <= 7 else 8


def _numbers(shape: int, groups: list[str]) -> Iterator[str]:
    """What may be the number of a card among groups of one shape."""
    if shape < 3:
        yield "".join(groups) if len(groups) <= LONGEST_CARD else ""
    elif shape > 7:
        yield from groups
    else:
        for first in range(len(groups)):
            yield from accumulate(groups[first : first + _MOST_GROUPS])


def _is_card(number: str) -> bool:
    if not SHORTEST_CARD <= len(number) <= LONGEST_CARD:
        return False
    return _ISSUERS.fullmatch(number) is not None and _passes_luhn(number)


def _passes_luhn(number: str) -> bool:
    digits = [int(char) for char in reversed(number)]
    return (sum(digits[::2]) + sum(_DOUBLED[digit] for digit in digits[1::2])) % 10 == 0
