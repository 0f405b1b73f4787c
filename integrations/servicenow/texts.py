"""What people read in ServiceNow: plain text, sealed where a decision rests on it.

A change request shows its description to whoever approves it there. So the description says all
that would run, or says that it does not; and it ends with a seal, by which we know when we read a
decision back that what the approver had before them is what we wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from approvals.domain.cards import Card
from approvals.domain.display import Parameter

SHORT_LIMIT = 160
DESCRIPTION_LIMIT = 3_900  # the field takes 4,000; what is beyond is cut off without a word
NOTE_LIMIT = 3_500
CLAIM_LIMITS = (400, 120, 40)  # what the agent says gives way before what would run does
SALT = "servicenow-description"
SEAL = re.compile(r"\[Sealed ([0-9a-f]{32})\]\s*\Z")
# Journal fields draw HTML between these, and mentions call people.
LIVE = re.compile(r"\[(?=/?code\b)|@(?=\[)|<(?=/?[a-z!])", re.IGNORECASE)
INCOMPLETE = (
    "NOT SHOWN IN FULL. The request does not fit here, so an approval given here does not count. "
    "Open it to decide:"
)


@dataclass(frozen=True, slots=True)
class Described:
    """A description, and whether it shows all that would run."""

    text: str
    complete: bool


def short(card: Card) -> str:
    """One line for lists: what would be done to what."""
    return _cut(inert(f"{card.ref}: {card.headline}"), SHORT_LIMIT)


def description(card: Card) -> Described:
    """All that does not change about a request; what changes stands in the work notes."""
    parameters = [_parameter(each) for each in card.parameters]
    drawn = (_joined(card, parameters, claim_limit=limit) for limit in CLAIM_LIMITS)
    whole = next((text for text in drawn if len(text) <= DESCRIPTION_LIMIT), "")
    complete = card.drawable and bool(whole)
    if not complete:
        shown = [_cut(_parameter(each), 200) for each in card.parameters[:8]]
        whole = f"{INCOMPLETE} {card.url}\n\n{_joined(card, shown, claim_limit=40)}"
        whole = _cut(whole, DESCRIPTION_LIMIT)
    return Described(f"{whole}\n[Sealed {_seal(card.public_id, whole)}]", complete)


def is_ours(found: str, *, public_id: str) -> bool:
    """Say whether a description is the one we wrote for this request, whole and unchanged."""
    sealed = SEAL.search(found)
    if sealed is None:
        return False
    body = found[: sealed.start()]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any([constant_time_compare(_seal(public_id, body, key=key), sealed[1]) for key in keys])


def shows_all(found: str) -> bool:
    return not found.startswith(INCOMPLETE)


def note(card: Card) -> str:
    """The present of a request, as a work note."""
    lines = [f"{card.badge} · {card.ref}", card.headline, card.state_line]
    lines += [
        f"{one.by}: {one.verdict} (via {one.channel}, {one.at:%Y-%m-%d %H:%M} UTC)"
        + (f": {one.shown.text}" if one.shown.text else "")
        for one in card.said
    ]
    lines += [f"{remark.by} says: {remark.shown.text}" for remark in card.notes[-3:]]
    return _cut(inert("\n".join([*lines, card.url])), NOTE_LIMIT)


def decider(card: Card, *, by: str, email: str, comment: str) -> str:
    """Whose decision a row of theirs records, though the integration's account wrote it."""
    words = f"{by} ({email}) decided this in Countersign, {card.ref}. {card.url}"
    return _cut(inert(f"{words}\n{comment}" if comment else words), NOTE_LIMIT)


def inert(text: str) -> str:
    """Text in which ServiceNow finds nothing to obey: a space parts what would be mark-up."""
    return LIVE.sub(lambda found: f"{found[0]} ", text)


def _joined(card: Card, parameters: Sequence[str], *, claim_limit: int) -> str:
    return inert("\n".join(_lines(card, parameters, claim_limit)))


def _lines(card: Card, parameters: Sequence[str], claim_limit: int) -> Iterator[str]:
    yield f"An AI agent asks to do this. An approval given here counts for {card.ref} alone."
    yield f"{card.risk.upper()} RISK · {card.headline}"
    yield card.url
    yield f"Fingerprint of the action: {card.fingerprint}"
    yield from (f"{fact.name}: {_inset(fact.value)}" for fact in card.facts)
    yield f"\nWhat would run ({len(parameters)} of {len(card.parameters)} parameters):"
    yield from (f"  {_inset(each)}" for each in parameters or ["nothing is set"])
    yield from _section("Why people are asked", card.because)
    yield from _section("Checked", [f"{check.mark}: {check.words}" for check in card.checks])
    claims = [f"{claim.name}: {_cut(claim.shown.text, claim_limit)}" for claim in card.claims]
    yield from _section("The agent says (not checked)", claims)


def _section(title: str, entries: Sequence[str]) -> Iterator[str]:
    if entries:
        yield f"\n{title}:"
        yield from (f"  {_inset(entry)}" for entry in entries)


def _parameter(parameter: Parameter) -> str:
    means = f" ({parameter.means})" if parameter.means else ""
    return f"{parameter.path} = {parameter.shown.text}{means}"


def _inset(text: str) -> str:
    """Keep a text of several lines from looking like lines of ours."""
    return text.replace("\n", "\n      | ")


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    ending = f"… ({len(text):,} characters in all)"
    return text[: limit - len(ending)] + ending


def _seal(public_id: str, body: str, *, key: str | bytes | None = None) -> str:
    """Line breaks and outer spaces may change on the way through a form; words may not."""
    words = "\0".join((public_id, *body.split()))
    made = salted_hmac(SALT, words, secret=key or settings.SECRET_KEY, algorithm="sha256")
    return made.hexdigest()[:32]
