"""Names of people in text: after Mr and Dr, as given name and family name, or under a key that says so.

Meant to notice what plainly is a name and to leave alone what only begins like one ("Victoria Metrics",
"Max Replicas"): a given name that is also a word needs a family name we know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from approvals.domain.policy.name_lists import DOUBTFUL, FAMILY, GIVEN, NOT_FAMILY, listed
from approvals.domain.policy.strings import folded

LONGEST_NAME = 100
_EVERY_GIVEN = GIVEN | DOUBTFUL
_WORD = re.compile(r"[^\W\d_]++(?:['’-][^\W\d_]++)*+")
_GAP = re.compile(r"\s{1,3}|[._]")
_INITIALS = re.compile(r"\s{1,2}(?:[^\W\d_]\.?\s{1,2}){1,3}")
_PARTICLES = re.compile(
    r"\s{1,2}(?:(?:van|von|der|den|de|del|della|da|dos|di|du|la|le|al|el|bin|ibn|zu|ter|ten)\s{1,2}){1,3}"
)
_HONORIFIC = re.compile(
    r"\b(?:Mr|Mrs|Ms|Mx|Dr|Prof|Herrn?|Frau|Monsieur|Madame|Mme|Mlle|Señora?|Senora?|Signora?|Sig\.ra|"
    r"Mevrouw|Meneer|Dhr|Mw|Sra?)\b\.?\s{1,3}(?:(?:Dr|Prof|med|Ing)\.?\s{1,2}){0,3}(?P<name>[^\W\d_]++(?:['’-][^\W\d_]++)*+)"
)
# What follows Ms, Sr and Dr without being a person.
_NOT_AFTER_HONORIFIC = listed(
    "access admin administrator analyst architect associate backend consultant data designer developer "
    "devops director doctor engineer excel exchange frontend full manager office product program project "
    "robot scientist security server software sql staff sysadmin system teams technical windows word"
)
_EAST_ASIAN = re.compile(
    r"[王李张張刘劉陈陳杨楊赵趙黄黃周吴吳佐鈴高田渡伊山中小加][\u4e00-\u9fff]{0,2}(?:先生|女士|小姐|さん|様|氏)"
)
_PLACES_BEFORE = frozenset(
    {"san", "santa", "sao", "saint", "st", "port", "fort", "new", "lake", "los", "monte"}
)

_KEY_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_NAME_KEYS = listed("""
    firstname lastname givenname familyname middlename maidenname surname forename fullname birthname
    customername clientname patientname employeename personname contactname contactperson username
    recipientname holdername cardholder cardholdername accountholder accountholdername accountowner
    beneficiary beneficiaryname passengername guestname subscribername membername buyername payeename
    applicantname candidatename studentname tenantname realname legalname
    kunde kundin kundenname kundename vorname nachname familienname mitarbeiter mitarbeitername
    ansprechpartner kontoinhaber patientenname
    prenom nomfamille nomcomplet nombre apellido apellidos nombrecompleto cognome nomecognome
    voornaam achternaam imie nazwisko
    """) - {
    "username",
    "tenantname",
    "nombre",
}  # these name accounts, workspaces and numbers as often
_PEOPLE = listed(
    "customer customers patient patients person persons people employee employees contact contacts "
    "passenger guest kunde kunden mitarbeiter applicant candidate beneficiary"
)
_NO_NAME = listed("none null unknown anonymous redacted removed hidden masked na all any test")
_NAME_VALUE = re.compile(r"[^\W\d_][^\W\d_ .,'’-]*(?:[ .,'’-]{1,3}[^\W\d_ .,'’-]+){0,6}\.?")
_SLUG = re.compile(r"[a-z]+(?:-[a-z]+)+")


def stand_in(text: str) -> bool:
    """Whether the name of a person stands in the text (in its plainest letters, see `strings.bare`)."""
    return _after_honorific(text) or _EAST_ASIAN.search(text) is not None or _in_words(text)


def under(keys: Sequence[str], value: str) -> bool:
    """Whether the value's key says that it names a person; `keys` are those above it, nearest first."""
    if not keys or len(value) > LONGEST_NAME:
        return False
    nearest = _said(keys[0])
    above = _said(keys[1]) if len(keys) > 1 else ""
    is_named = nearest in _NAME_KEYS or nearest.removesuffix("s") in _NAME_KEYS
    is_named = is_named or (nearest in {"name", "names"} and above in _PEOPLE)
    return is_named and _may_be_a_name(value.strip())


def _said(key: str) -> str:
    return "".join(_KEY_WORD.findall(key[:LONGEST_NAME])).casefold()


def _may_be_a_name(value: str) -> bool:
    """Not a count, an id, a placeholder or a slug."""
    if not _NAME_VALUE.fullmatch(value) or folded(value) in _NO_NAME:
        return False
    return not _SLUG.fullmatch(value) or folded(value.partition("-")[0]) in GIVEN


def _after_honorific(text: str) -> bool:
    for match in _HONORIFIC.finditer(text):
        name = match["name"]
        if len(name) > 1 and name[0].isupper() and folded(name) not in _NOT_AFTER_HONORIFIC:
            return True
    return False


def _in_words(text: str) -> bool:
    before = ""
    for match in _WORD.finditer(text):
        word = match[0]
        first = folded(word.partition("-")[0]) if len(word) <= LONGEST_NAME else ""
        known = first in GIVEN or ("-" in word and folded(word.partition("-")[2]) in GIVEN)
        if (known or first in DOUBTFUL) and before not in _PLACES_BEFORE:
            if "-" in word and folded(word.partition("-")[2]) in FAMILY:
                return True
            if _goes_on(text, match, known=known):
                return True
        if first in FAMILY and _turned_round(text, match):
            return True
        before = first
    return False


def _goes_on(text: str, given: re.Match[str], *, known: bool) -> bool:
    """Whether a family name follows the given one: initials and particles may stand between."""
    at = given.end()
    for between in (_INITIALS, _PARTICLES):
        if skipped := between.match(text, at):
            at = skipped.end()
    gap = None if at > given.end() else _GAP.match(text, at)
    family = _WORD.match(text, gap.end() if gap else at)
    if family is None or (gap is None and at == given.end()):
        return False
    if folded(family[0]) in FAMILY:
        return True
    return known and (gap is None or gap[0].isspace()) and _could_be_family(given[0], family[0])


def _could_be_family(given: str, word: str) -> bool:
    """A capitalised word that is no known noun; GROSS only after GROSS."""
    if len(word) < 2 or not given[0].isupper() or not word[0].isupper():
        return False
    if word.isupper() and not given.isupper():
        return False
    plain = folded(word)
    return plain not in NOT_FAMILY and plain.removesuffix("s") not in NOT_FAMILY


def _turned_round(text: str, family: re.Match[str]) -> bool:
    """Lovelace, Ada."""
    if text[family.end() : family.end() + 2] != ", ":
        return False
    given = _WORD.match(text, family.end() + 2)
    return given is not None and folded(given[0]) in _EVERY_GIVEN
