"""Cards of what the service itself asks leave for: what it computed, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from approvals.domain import display

NO_DATA = "no data"
_SECOND_PERSON = {
    "apply_policy": "Making guardrails weaker takes a second person.",
    "change_stage": "Giving an agent more freedom takes a second person.",
    "stand": "Letting an action run without asking each time takes a second person.",
}
_UNCLASSIFIED = "No rule classifies "
_COUNTS = {
    "requests": "requests at this stage",
    "asked": "put to people",
    "decided": "decided",
}
_SHARES = {
    "agreement": "people agreed",
    "success_rate": "succeeded",
    "escalation_rate": "escalated",
    "intervention_rate": "needed a person to step in",
    "automation_rate": "ran by itself",
    "exception_rate": "were exceptions",
    "incident_coverage": "incidents covered",
}
_SPANS = {
    "decision_seconds": "half of the decisions came within",
    "turnaround_p50": "half were done within",
    "turnaround_p90": "nine in ten were done within",
    "seconds_to_outcome": "half ended within",
}
_FIGURES = {
    "taken_back": "taken back after a question",
    "false_positives": "suggestions called wrong",
    "cost_per_incident": "cost per incident, USD",
    "customer_impact": "customers affected",
}
# For those who read the card alone; the request's page tells all.
_ON_THE_CARD = ("requests", "decided", "agreement", "success_rate", "decision_seconds")


def because(effect: str) -> tuple[str, ...]:
    """Why people are asked; nothing for an agent's request."""
    return (_SECOND_PERSON[effect],) if effect in _SECOND_PERSON else ()


def telling(checks: Sequence[Mapping[str, Any]], effect: str) -> Sequence[Mapping[str, Any]]:
    """The checks that have something to say: that no rule knows an action of ours says nothing."""
    if not effect:
        return checks
    return [check for check in checks if not str(check["words"]).startswith(_UNCLASSIFIED)]


def facts(submission: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values for the card, short enough for every channel."""
    effect = effects(submission)
    if effect:
        yield "Effect", effect[0]
    told = dict(evidence(submission))
    if told:
        short = [_labelled(name, told) for name in _ON_THE_CARD if name in told]
        denied = len(_evidence(submission).get("denials") or ())
        yield "Evidence", ", ".join([*short, f"{denied} denied"])
    if warnings := _evidence(submission).get("warnings"):
        yield "Beware", _line(" ".join(map(str, warnings)))
    if diff := difference(submission):
        yield "Difference", f"{len(diff)} lines, on the request's page"


def effects(submission: Mapping[str, Any]) -> list[str]:
    """What would happen, one thing a line."""
    summary = str((submission.get("impact") or {}).get("summary") or "")
    return [_line(line) for line in summary.splitlines() if line.strip()]


def difference(submission: Mapping[str, Any]) -> list[str]:
    """The lines of the difference between policy files; empty for what changes none."""
    lines = (submission.get("context") or {}).get("diff")
    return [_line(str(line)) for line in lines] if isinstance(lines, list) else []


def evidence(submission: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every figure in words, by the key it is kept under."""
    found = _evidence(submission)
    for names, drawn in _DRAWN:
        yield from ((name, drawn(found[name])) for name in names if name in found)


def all_evidence(submission: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every figure with its label, then each denial and each warning."""
    names = {**_COUNTS, **_SHARES, **_SPANS, **_FIGURES}
    found = _evidence(submission)
    rows = [(names[key], value) for key, value in evidence(submission)]
    rows += [
        (
            f"{_line(str(denial.get('ref')))} denied by {_line(str(denial.get('by')))}",
            _line(str(denial.get("reason") or "no reason")),
        )
        for denial in found.get("denials") or ()
    ]
    rows += [("beware", _line(str(words))) for words in found.get("warnings") or ()]
    return [(name[:1].upper() + name[1:], value) for name, value in rows]


def _evidence(submission: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (submission.get("context") or {}).get("evidence")
    return found if isinstance(found, dict) else {}


def _labelled(name: str, told: Mapping[str, str]) -> str:
    value = told[name]
    if name in _COUNTS:
        return f"{value} {_COUNTS[name]}"
    return f"{({**_SHARES, **_SPANS})[name]}: {value}"


def _number(value: object) -> str:
    if not isinstance(value, int | float):
        return NO_DATA
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _share(value: object) -> str:
    return f"{value:.0%}" if isinstance(value, int | float) else NO_DATA


def _seconds(value: object) -> str:
    return f"{round(value):,} s" if isinstance(value, int | float) else NO_DATA


_DRAWN: tuple[tuple[Mapping[str, str], Callable[[object], str]], ...] = (
    (_COUNTS, _number),
    (_SHARES, _share),
    (_SPANS, _seconds),
    (_FIGURES, _number),
)


def _line(text: str) -> str:
    return display.show(text).text.replace("\n", " ")
