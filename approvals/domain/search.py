"""The search box of history: plain tokens, read into terms and written back letter for letter.

`agent:billing outcome:denied after:2026-11-01 param.amount>500 REQ-12 "free text"`. Terms with the same
name widen (any of them), terms with different names narrow (all of them).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from approvals.domain.terms import Basis, RiskLevel, Status, Verdict

LONGEST = 1_000
MOST_TERMS = 30
WORDS, REF, PARAM = "words", "ref", "param."
FREE = (
    "agent", "by", "action", "actions", "asked", "target", "team", "channel", "policy", "rule", "session",
    "reason", "blocked-by", "asked-by", "evidence",
)  # fmt: skip
DATES = (
    "after", "before", "decided-after", "decided-before", "ended-after", "ended-before", "waited-at",
)  # fmt: skip
RAN = ("yes", "no", "running", "failed", "rolled-back", "unused")
IS = (
    "open", "closed", "asked", "automatic", "stand-in", "repeat", "asked-again", "decided",
    "escalated", "marked", "names-incident",
)  # fmt: skip
# From asking to the end; each begins where the one before ends.
TOOK = {
    "under-5s": timedelta(seconds=5),
    "under-30s": timedelta(seconds=30),
    "under-2m": timedelta(minutes=2),
    "under-10m": timedelta(minutes=10),
    "under-1h": timedelta(hours=1),
    "under-8h": timedelta(hours=8),
    "over-8h": timedelta.max,
}
LISTS: dict[str, tuple[str, ...]] = {
    "outcome": tuple(Status),
    "risk": tuple(RiskLevel),
    "basis": tuple(Basis),
    "ran": RAN,
    "is": IS,
    "took": tuple(TOOK),
    "from": ("agents", "service"),
    "verdict": tuple(Verdict),
    "looked": tuple(TOOK),
    "at": ("day", "night"),
}
KEYS = (*FREE, *LISTS, *DATES)
ALSO = {"status": "outcome", "since": "after", "until": "before", "who": "by", "class": "actions"}
ALSO_MEANT = {
    "outcome": {"waiting": "pending", "question": "investigating", "withdrawn": "cancelled",
                "canceled": "cancelled"},
    "basis": {"standing-grant": "standing_grant", "silence": "timeout"},
    "ran": {"failure": "failed", "success": "yes", "rolled_back": "rolled-back"},
    "is": {"standin": "stand-in", "standing-in": "stand-in"},
    "verdict": {"yes": "approve", "approved": "approve", "no": "deny", "denied": "deny",
                "question": "investigate"},
}  # fmt: skip
OPERATORS = (">=", "<=", "!=", ">", "<", "=")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

_KEYED = re.compile(r"([A-Za-z][A-Za-z_-]*):(.*)", re.DOTALL)
_COMPARED = re.compile(r"param\.([^\s\"<>=!:]+)(>=|<=|!=|>|<|=|:)(.*)", re.DOTALL | re.IGNORECASE)
_REF = re.compile(r"REQ-(\d{1,18})", re.IGNORECASE)
# The ends of the calendar, with room beside them for what is reckoned from a moment.
EARLIEST, LATEST = datetime(1, 1, 10, tzinfo=UTC), datetime(9999, 12, 20, tzinfo=UTC)
_AGO = re.compile(r"(\d{1,4})([mhd])")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z?", re.ASCII)
_NEEDS_QUOTES = re.compile(r"[\s\"\\]")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `key` is a name of KEYS, `words`, `ref`, or `param.` and a path."""

    key: str
    value: str
    operator: str = ":"

    def __str__(self) -> str:
        if self.key == WORDS:
            return _quoted(self.value, always=_reads_otherwise(self.value))
        if self.key == REF:
            return f"REQ-{self.value}"
        return f"{self.key}{self.operator}{_quoted(self.value, always=not self.value)}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A token that was not understood, and what to write instead."""

    token: str
    words: str


@dataclass(frozen=True, slots=True)
class Search:
    """What was understood, in the order it was written, and what was not."""

    terms: tuple[Term, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def values(self, key: str) -> tuple[str, ...]:
        return tuple(term.value for term in self.terms if term.key == key)

    def has(self, key: str, value: str) -> bool:
        return value in self.values(key)

    def toggled(self, key: str, value: str) -> Search:
        """The same search with this term taken out, or put at its end."""
        rest = tuple(term for term in self.terms if (term.key, term.value) != (key, value))
        return Search(rest if len(rest) < len(self.terms) else (*rest, Term(key, value)))


def parse(text: str) -> Search:
    """Read the box. Nothing raises: what is not understood is a problem beside the rest."""
    if len(text) > LONGEST:
        words = f"A search has at most {LONGEST:,} characters; this one has {len(text):,}."
        return Search(problems=(Problem(f"{text[:40]}…", words),))
    if "\x00" in text:
        return Search(problems=(Problem("", "A search cannot hold the character U+0000."),))
    terms: list[Term] = []
    problems: list[Problem] = []
    for token, is_closed in _tokens(text):
        found = (
            _term(token)
            if is_closed
            else Problem(token, 'The quote is not closed. Add a " at its end.')
        )
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None and found not in terms:
            terms.append(found)
    if len(terms) > MOST_TERMS:
        problems.append(Problem("", f"A search has at most {MOST_TERMS} tokens."))
    return Search(tuple(terms[:MOST_TERMS]), tuple(problems))


def written(terms: Iterable[Term]) -> str:
    """Terms as the box shows them; reading it back gives the same terms."""
    return str(Search(tuple(terms)))


def moment(value: str, *, now: datetime) -> datetime:
    """When a date of the box begins, in UTC; `7d` is seven days before now. Raises ValueError.

    A moment is written `2026-11-22T14:30`, `2026-11-22T14:30:05Z` or `2026-11-22T14:30:05.25Z`, in UTC
    as well.
    """
    return min(max(_moment(value, now=now), EARLIEST), LATEST)


def _moment(value: str, *, now: datetime) -> datetime:
    ago = _AGO.fullmatch(value)
    if ago:
        return now - int(ago[1]) * UNITS[ago[2]]
    if _MOMENT.fullmatch(value):
        return datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=UTC)
    day = datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day, which has no zone
    return datetime.combine(day, time(), tzinfo=UTC)


def number(text: str) -> float | None:
    """The number a text is, if it is one and finite."""
    if not re.fullmatch(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?", text):
        return None
    return float(text)


def _tokens(text: str) -> Iterable[tuple[str, bool]]:
    """Stretches without a bare space, with their quotes; False for one whose quote stays open."""
    token, is_quoted, is_escaped = "", False, False
    for char in text:
        if is_escaped:
            is_escaped = False
        elif is_quoted and char == "\\":
            is_escaped = True
        elif char == '"':
            is_quoted = not is_quoted
        if char.isspace() and not is_quoted:
            if token:
                yield token, True
            token = ""
        else:
            token += char
    if token:
        yield token, not is_quoted


def _term(token: str) -> Term | Problem | None:
    if token.startswith('"'):
        value = _plain(token)
        return Term(WORDS, value) if value.strip() else None
    compared = _COMPARED.fullmatch(token)
    if compared:
        return _comparison(token, *compared.groups())
    if token.lower().startswith(PARAM):
        return Problem(token, "Compare a parameter like param.amount>500 or param.currency=EUR.")
    ref = _REF.fullmatch(token)
    if ref:
        return Term(REF, str(int(ref[1])))
    keyed = _KEYED.fullmatch(token)
    return (
        _keyed(token, keyed[1].lower(), _plain(keyed[2])) if keyed else Term(WORDS, _plain(token))
    )


def _comparison(token: str, path: str, operator: str, raw: str) -> Term | Problem:
    operator = "=" if operator == ":" else operator
    value = _plain(raw)
    if operator in {">", "<", ">=", "<="} and number(value) is None:
        return Problem(token, f"After {operator} stands a number, like param.{path}{operator}500.")
    return Term(f"{PARAM}{path}", value, operator)


def _keyed(token: str, name: str, value: str) -> Term | Problem:
    key = ALSO.get(name, name)
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}:{_quoted(value)}? " if near else ""
        return Problem(
            token, f'There is no filter “{name}”. {hint}To look for the words, write "{token}".'
        )
    if not value.strip():
        return Problem(token, f"{key}: needs a value right behind the colon.")
    if key in DATES:
        return _date(token, key, value)
    return _listed(token, key, value) if key in LISTS else Term(key, value)


def _date(token: str, key: str, value: str) -> Term | Problem:
    try:
        moment(value, now=datetime(2000, 1, 1, tzinfo=UTC))
    except (ValueError, OverflowError):
        words = f"Dates read {key}:2026-11-22; {key}:7d is seven days ago, {key}:1h one hour."
        return Problem(token, words)
    return Term(key, value)


def _listed(token: str, key: str, value: str) -> Term | Problem:
    known = LISTS[key]
    meant = ALSO_MEANT.get(key, {}).get(value.lower(), value.lower())
    if meant in known:
        return Term(key, meant)
    near = difflib.get_close_matches(meant, known, n=1, cutoff=0.5)
    hint = f"Did you mean {key}:{near[0]}? " if near else ""
    return Problem(token, f"{hint}{key}: takes one of {', '.join(known)}.")


def _plain(raw: str) -> str:
    """A value without its quotes; inside them \\" and \\\\ stand for themselves."""
    if '"' not in raw:
        return raw
    text, is_quoted, is_escaped = "", False, False
    for char in raw:
        if is_escaped:
            text, is_escaped = text + char, False
        elif is_quoted and char == "\\":
            is_escaped = True
        elif char == '"':
            is_quoted = not is_quoted
        else:
            text += char
    return text


def _quoted(value: str, *, always: bool = False) -> str:
    if not always and not _NEEDS_QUOTES.search(value):
        return value
    inner = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def _reads_otherwise(value: str) -> bool:
    """Whether bare words would be read as something else than words."""
    return _term(value) != Term(WORDS, value)
