"""Read a CEL expression for what it names and for what it could cost, before it is ever run.

The evaluator can be neither interrupted nor told to stop, so what is unbounded is refused here: text,
tokens and brackets have limits, `map` is left out (it makes lists out of lists), a pattern is a short
literal without counted repetition, and only known names and functions may be called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from approvals.domain.policy.reading import nearest

SIZE_LIMIT = 1_000
TOKEN_LIMIT = 300
DEPTH_LIMIT = 20
PATTERN_LIMIT = 100

FIELDS: Mapping[str, tuple[str, ...]] = {
    "parameters": (),
    "target": (),
    "resource": ("namespace", "type"),
    "impact": ("summary", "cost_per_hour_usd", "pods", "replica_percent", "users"),
    "context": (),
    "agent": (),
    "now": (),
    "history": (
        "asked", "performed", "failed", "rolled_back", "approved", "denied", "last_at", "asked_today",
        "denied_today", "days",
    ),
    "action": (),
    "risk": (),
    "recipients": (),
}  # fmt: skip
FUNCTIONS = (
    "has", "size", "contains", "startsWith", "endsWith", "matches", "int", "uint", "double", "string",
    "bytes", "type", "timestamp", "duration", "getFullYear", "getMonth", "getDate", "getDayOfMonth",
    "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds",
)  # fmt: skip
MACROS = ("all", "exists", "exists_one", "filter")
_TYPES = ("int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type")
_KNOWN = frozenset({"true", "false", "null", "in", *_TYPES})

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
    |(?P<text>(?:[rR][bB]?|[bB][rR])(?:'[^'\n]*'|"[^"\n]*")
             |[bB]?(?:'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    |(?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]?)
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    |(?P<mark>[=!<>]=|&&|\|\||[-+*/%<>=!&|?:.,()\[\]{}])
    """,
    re.VERBOSE,
)
_STEP = 3
_OVER_TEXT = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "+"})
_OVER_ALL = frozenset({"+", "[", "{", "string"})
_LITERAL = frozenset({"text", "number"})
_CLASS = re.compile(r"\\+[a-zA-Z]|\(\?")


class Refused(Exception):
    """What is wrong with the expression, from which character on (counted from 1)."""

    def __init__(self, words: str, at: int = 1) -> None:
        super().__init__(words)
        self.words, self.at = words, at


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps at one depth of macros: those of fixed work, those that go through a text at most, and
    those that may go through everything."""

    fixed: int = 0
    over_text: int = 0
    over_all: int = 0

    def work(self, text: int, everything: int) -> int:
        return self.fixed + self.over_text * (_STEP + text) + self.over_all * (_STEP + everything)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an expression names and could cost.

    `roots` are the inputs it needs, `paths` the fields it reads by name. `steps[d]` are taken within
    `d` macros, once for every element of every one of them; `growth` is how many times larger than
    its inputs a value may become, `size` the number of tokens.
    """

    roots: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    steps: tuple[Steps, ...]
    growth: int
    size: int
    patterns: tuple[Token, ...]

    def work(self, *, values: int, characters: int, longest: int) -> int:
        """An upper bound of the work on inputs of this size, in units of about 10 nanoseconds."""
        times = max(longest * self.growth, self.size)
        text = characters * self.growth // 100
        everything = text + 10 * values * self.growth
        handing_over = 100 * values
        by_depth = (steps.work(text, everything) for steps in self.steps)
        found: int = sum(work * times**depth for depth, work in enumerate(by_depth))
        return handing_over + found


def read(source: str) -> Reading:
    """Raises Refused."""
    tokens = _tokens(source)
    depths = _depths(tokens)
    own = _own_names(tokens)
    _check_names(tokens, own)
    patterns = tuple(_patterns(tokens))
    return Reading(
        roots=tuple(dict.fromkeys(path[0] for path in _paths(tokens, own))),
        paths=tuple(dict.fromkeys(_paths(tokens, own))),
        steps=tuple(
            _steps([place for place in range(len(tokens)) if depths[place] == depth], tokens)
            for depth in range(max(depths, default=0) + 1)
        ),
        growth=1 + sum(token.text == "+" for token in tokens),
        size=len(tokens),
        patterns=patterns,
    )


def _steps(places: Sequence[int], tokens: Sequence[Token]) -> Steps:
    patterns = [tokens[place] for place in places if _text(tokens, place - 2) == "matches"]
    return Steps(
        fixed=_STEP * len(places) + sum(_regex_weight(pattern) for pattern in patterns),
        over_text=sum(_goes_over_text(tokens, place) for place in places),
        over_all=sum(_goes_over_all(tokens, place) for place in places),
    )


def _goes_over_text(tokens: Sequence[Token], place: int) -> bool:
    token = tokens[place]
    return token.text in _OVER_TEXT or _calls(tokens, place)


def _goes_over_all(tokens: Sequence[Token], place: int) -> bool:
    """Lists and mappings are compared, searched, joined, copied; not so beside a written text or number."""
    text = tokens[place].text
    beside = (place - 1, place + 1)
    if text in {"==", "!="}:
        literal = (0 <= at < len(tokens) and tokens[at].kind in _LITERAL for at in beside)
        return not any(literal)
    if text == "in":
        return _text(tokens, place + 1) != "["
    if text == ".":  # a field is copied with all that it holds
        return not _calls(tokens, place + 1)
    made_by_filter = _text(tokens, place - 2) == "filter"  # it copies what it kept, again and again
    return text in _OVER_ALL or made_by_filter


def _tokens(source: str) -> list[Token]:
    if len(source) > SIZE_LIMIT:
        raise Refused(f"an expression has at most {SIZE_LIMIT:,} characters")
    tokens, at = [], 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise Refused(f"{source[at]!r} could not be read", at + 1)
        if match.lastgroup != "space":
            tokens.append(Token(str(match.lastgroup), match[0], at + 1))
        at = match.end()
    if len(tokens) > TOKEN_LIMIT:
        raise Refused(f"an expression has at most {TOKEN_LIMIT} words and signs", tokens[-1].at)
    return tokens


def _depths(tokens: Sequence[Token]) -> list[int]:
    """How many macros each token stands within."""
    found: list[int] = []
    open_brackets: list[bool] = []
    for place, token in enumerate(tokens):
        if token.text in {")", "]", "}"} and token.kind == "mark" and open_brackets:
            open_brackets.pop()
        found.append(sum(open_brackets))
        if token.text in {"(", "[", "{"} and token.kind == "mark":
            open_brackets.append(_is_macro(tokens, place - 1))
        if len(open_brackets) > DEPTH_LIMIT:
            raise Refused(f"brackets go at most {DEPTH_LIMIT} deep", token.at)
    return found


def _is_macro(tokens: Sequence[Token], place: int) -> bool:
    return _calls(tokens, place) and tokens[place].text in MACROS and _after_dot(tokens, place)


def _calls(tokens: Sequence[Token], place: int) -> bool:
    named = 0 <= place < len(tokens) and tokens[place].kind == "name"
    return named and _text(tokens, place + 1) == "("


def _after_dot(tokens: Sequence[Token], place: int) -> bool:
    return place > 0 and tokens[place - 1].text == "."


def _text(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text if 0 <= place < len(tokens) else ""


def _own_names(tokens: Sequence[Token]) -> frozenset[str]:
    """The names that macros give to elements."""
    own = set()
    for place in range(len(tokens)):
        if _is_macro(tokens, place) and place + 2 < len(tokens):
            name = tokens[place + 2]
            if name.text in FIELDS or name.text in _KNOWN:
                raise Refused(f"{name.text!r} is taken; name the element otherwise", name.at)
            own.add(name.text)
    return frozenset(own)


def _check_names(tokens: Sequence[Token], own: frozenset[str]) -> None:
    for place, token in enumerate(tokens):
        if token.kind != "name":
            continue
        if _calls(tokens, place):
            _check_function(token, dotted=_after_dot(tokens, place))
        elif not _after_dot(tokens, place):
            if token.text not in FIELDS and token.text not in own and token.text not in _KNOWN:
                raise _unknown(token, FIELDS)
            _check_field(tokens, place)


def _check_function(token: Token, *, dotted: bool) -> None:
    if token.text == "map":
        raise Refused(f"'map' is not offered; there are {', '.join(MACROS)}", token.at)
    if token.text not in FUNCTIONS and token.text not in MACROS:
        raise _unknown(token, (*FUNCTIONS, *MACROS))
    if token.text == "matches" and not dotted:
        raise Refused("write text.matches('pattern')", token.at)


def _check_field(tokens: Sequence[Token], place: int) -> None:
    """A field of a thing whose fields are all known."""
    known = FIELDS.get(tokens[place].text, ())
    if known and _text(tokens, place + 1) == "." and place + 2 < len(tokens):
        field = tokens[place + 2]
        if field.text not in known and not _calls(tokens, place + 2):
            raise _unknown(field, known)


def _unknown(token: Token, known: Sequence[str] | Mapping[str, object]) -> Refused:
    near = nearest(token.text, known)
    hint = f"did you mean {near!r}?" if near else f"known here: {', '.join(known)}"
    return Refused(f"{token.text!r} is not known here; {hint}", token.at)


def _patterns(tokens: Sequence[Token]) -> Iterator[Token]:
    """The pattern of each `matches`, which must be bounded where it stands."""
    for place, token in enumerate(tokens):
        if token.text != "matches" or not _calls(tokens, place):
            continue
        if place + 2 >= len(tokens) or _text(tokens, place + 3) != ")":
            raise Refused("'matches' wants one pattern, written out", token.at)
        pattern = tokens[place + 2]
        if pattern.kind != "text" or len(pattern.text) > PATTERN_LIMIT or "{" in pattern.text:
            words = f"a pattern is text of at most {PATTERN_LIMIT} characters, without {{"
            raise Refused(words, pattern.at)
        yield pattern


def _regex_weight(pattern: Token) -> int:
    """Compiling a pattern is the work; classes such as \\w are large tables."""
    return 5_000 + 500 * len(pattern.text) + 25_000 * len(_CLASS.findall(pattern.text))


def _paths(tokens: Sequence[Token], own: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Every input with the fields read from it by name: `parameters.to_replicas`."""
    for place, token in enumerate(tokens):
        known = token.kind == "name" and token.text in FIELDS and token.text not in own
        if not known or _after_dot(tokens, place):
            continue
        path = [token.text]
        while _text(tokens, place + 1) == "." and place + 2 < len(tokens):
            place += 2
            if tokens[place].kind != "name" or _calls(tokens, place):
                break
            path.append(tokens[place].text)
        yield tuple(path)
