"""How a policy writes its rates, read into one `Rate` for each name that is limited.

`rateLimits: {actionsPerHour, actionsPerDay, cooldownAfterFailure}` counts every action of the agent;
`rate_limits: {<name>: {max_per_hour, max_per_day, max_per_recipient_per_day, cooldown_after_failure,
max_increase_per_event, actions}}` counts a class of action (`classes.CLASSES`), an action, or the actions
a glob names; `actions` says which, for a name of the team's own. Both may stand in one section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from fractions import Fraction

from approvals.domain.policy.classes import CLASSES, class_of
from approvals.domain.policy.reading import Place, Value

EVERY = ("actionsPerHour", "actionsPerDay", "cooldownAfterFailure")
NAMED = (
    "max_per_hour", "max_per_day", "max_per_recipient_per_day", "cooldown_after_failure",
    "max_increase_per_event", "actions",
)  # fmt: skip
NEAR = 0.75
_PERCENT = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,4})?)\s*%")


@dataclass(frozen=True, slots=True)
class Rate:
    """What one policy allows of one name; a limit that is None does not restrict.

    `name` is a class of action, an action or a glob, empty for every action of the agent; `actions` are
    the globs a name of the team's own stands for. `increase` is in percent of what there was.
    """

    policy: str
    place: Place
    name: str = ""
    actions: tuple[str, ...] = ()
    per_hour: int | None = None
    per_day: int | None = None
    per_recipient: int | None = None
    cooldown: timedelta | None = None
    increase: Fraction | None = None

    @property
    def counts(self) -> str:
        """What it counts, in a word."""
        return self.name or "every action"

    def rule(self, limit: str) -> str:
        """The name of one of its limits, as checks say it."""
        return f"{self.policy}.rates.{self.name or '*'}.{limit}"


def read(value: Value, *, policy: str) -> tuple[Rate, ...]:
    """The rates of one section, in either form or both. Raises PolicyInvalid."""
    body = value.mapping()
    if not body:
        raise value.fail("a limit is wanted here, such as actionsPerHour: 20")
    every = {key: body[key] for key in EVERY if key in body}
    found = [_every(every, value, policy)] if every else []
    found.extend(_named(name, body[name], policy) for name in body if name not in EVERY)
    return tuple(found)


def _every(body: dict[str, Value], value: Value, policy: str) -> Rate:
    return Rate(
        policy=policy,
        place=next(iter(body.values())).place if body else value.place,
        per_hour=_number(body, "actionsPerHour"),
        per_day=_number(body, "actionsPerDay"),
        cooldown=body["cooldownAfterFailure"].span() if "cooldownAfterFailure" in body else None,
    )


def _named(name: str, value: Value, policy: str) -> Rate:
    if not isinstance(value.plain, dict):
        raise value.fail(
            f"{name!r} is not known here{_near(name, (*EVERY, *CLASSES))}; "
            "a class of action or a glob holds its limits: {max_per_hour: 5}"
        )
    body = value.mapping(*NAMED)
    if not body.keys() - {"actions"}:
        raise value.fail(f"{name!r} sets no limit; give one, such as max_per_hour: 5")
    actions = tuple(_globs(body["actions"])) if "actions" in body else ()
    _refuse_name(name, value, has_actions=bool(actions))
    return Rate(
        policy=policy,
        place=value.place,
        name=name,
        actions=actions,
        per_hour=_number(body, "max_per_hour"),
        per_day=_number(body, "max_per_day"),
        per_recipient=_number(body, "max_per_recipient_per_day"),
        cooldown=body["cooldown_after_failure"].span()
        if "cooldown_after_failure" in body
        else None,
        increase=_percent(body["max_increase_per_event"])
        if "max_increase_per_event" in body
        else None,
    )


def _refuse_name(name: str, value: Value, *, has_actions: bool) -> None:
    if name in CLASSES and has_actions:
        raise value.fail(
            f"{name!r} stands for {', '.join(CLASSES[name])}; give other actions another name"
        )
    if not name.strip():
        raise value.fail("a class of action, an action or a glob is wanted here")
    if has_actions or name in CLASSES or class_of(name) != name or "*" in name or "?" in name:
        return
    if near := _near(name, tuple(CLASSES)):
        raise value.fail(
            f"{name!r} is no class of action{near}; if it is a name of your own, say which "
            "actions it stands for: actions: [glob]"
        )


def _near(name: str, known: tuple[str, ...]) -> str:
    starting = [word for word in known if len(name) > 3 and word.startswith(name)]
    near = starting or get_close_matches(name, known, n=1, cutoff=NEAR)
    return f"; did you mean {near[0]!r}?" if near else ""


def _globs(value: Value) -> Iterator[str]:
    listed = value.items()
    if not listed:
        raise value.fail("an empty list would count nothing; name an action or leave it out")
    for item in listed:
        yield item.text()


def _number(body: dict[str, Value], key: str) -> int | None:
    return body[key].whole(at_least=1) if key in body else None


def _percent(value: Value) -> Fraction:
    """Percent of what there was, such as 50% or 50; it may be more than 100."""
    match = _PERCENT.fullmatch(f"{value.plain}%" if type(value.plain) is int else str(value.plain))
    if match is None or not (percent := Fraction(match[1])):
        raise value.fail("a percentage of more than nothing, such as 50%, is wanted here")
    return percent
