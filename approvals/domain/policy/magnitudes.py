"""How much a request changes: replicas, pods, percent, cost and users, from its parameters and impact.

Names are compared without case, `_` and `-`. Formulas, where `from` and `to` are replicas before and after:

- `from`: `from_replicas`, `current_replicas`, `old_replicas`, `replicas_before`, `replicas.from`
- `to`: `to_replicas`, `replicas`, `new_replicas`, `target_replicas`, `desired_replicas`,
  `replicas_after`, `replicas.to`, `replica_count`, `num_replicas`;
  or `from` + `delta`; or `from` × (1 + `percent` / 100)
- scaling actions also say `from`, `to` and `count` (so many afterwards), without the word replicas
- `delta`: `delta`, `change`, `increase_by`, `decrease_by` (less); less, too, when the action goes down
- percent: 100 × (`to` − `from`) / `from`; `percent`, `percent_change`, `change_percent`;
  100 × `delta` / `from`; `impact.replica_percent`. From none to some cannot be told
- pods: |`to` − `from`|; |`delta`|; |`percent`| × `from` / 100; `pods`, `instances` (a number, or as
  many as the list names; an empty list says nothing); `count` of an action that scales or restarts;
  `impact.pods`
- cost per hour: `cost_per_hour_usd`, `cost_per_hour`, `hourly_cost_usd`, `hourly_cost`; a day's / 24;
  `impact.cost_per_hour_usd`
- users: `users`, `customers`, `affected_users`, `user_count` (a number or a list); `impact.users`

A name of these that stands deeper than the top level, or is written with other separators (`to replicas`),
makes its figure unclear, as do parameters of too many parts to look through.
Whatever is stated several times is all kept; a limit looks at the largest, a minimum at the least.
A number, also one worked out, is a plain one up to 2^53 (not `"8"`, not true); a percentage may be text
such as `50%`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from approvals.domain.policy.classes import SCALING, class_of
from approvals.domain.policy.subject import Subject
from approvals.domain.policy.unread_names import flattened, spans, unread

Number = int | float
LARGEST = 2**53
MOST = 20  # of one quantity, spelled in as many ways: every one is worked out with every other

_BEFORE = frozenset({"fromreplicas", "currentreplicas", "oldreplicas", "replicasbefore"})
_AFTER = frozenset(
    {
        "toreplicas",
        "replicas",
        "newreplicas",
        "targetreplicas",
        "desiredreplicas",
        "replicasafter",
        "replicacount",
        "numreplicas",
    }
)
_DELTA = frozenset({"delta", "change", "increaseby", "decreaseby"})
_PERCENT = frozenset({"percent", "percentchange", "changepercent"})
_PODS = frozenset({"pods", "instances"})
_COST = frozenset({"costperhourusd", "costperhour", "hourlycostusd", "hourlycost"})
_COST_A_DAY = frozenset({"costperdayusd", "costperday", "dailycostusd", "dailycost"})
_USERS = frozenset({"users", "customers", "affectedusers", "usercount"})
_DOWN = frozenset({"down", "decrease", "reduce", "shrink", "remove"})
_COUNTED = frozenset({SCALING, "restarts"})
_ALWAYS = _BEFORE | _AFTER | _DELTA | _PERCENT | _PODS | _COST | _COST_A_DAY | _USERS


@dataclass(frozen=True, slots=True)
class Figure:
    """All that a request says of one quantity. `unclear` when some of it could not be read."""

    amounts: tuple[Number, ...] = ()
    unclear: bool = False

    @property
    def stated(self) -> bool:
        return bool(self.amounts) or self.unclear

    @property
    def most(self) -> Number:
        """The largest amount, whichever its direction. Needs an amount."""
        return max(self.amounts, key=abs)

    @property
    def least(self) -> Number:
        """The smallest amount. Needs an amount."""
        return min(self.amounts)


NOTHING_SAID = Figure()
UNCLEAR = Figure(unclear=True)


@dataclass(frozen=True, slots=True)
class Magnitudes:
    """What one request says. `change` (replicas) and `percent` are negative when there will be less."""

    before: Figure
    after: Figure
    change: Figure
    percent: Figure
    pods: Figure
    cost_per_hour_usd: Figure
    users: Figure


def of(subject: Subject) -> Magnitudes:
    """What this request says. Never raises, whatever the agent sent."""
    said = _Said(subject)
    before, after = said.before(), said.after()
    delta, share = said.delta(), said.percent()
    change = _joined(_pairs(before, after, lambda old, new: new - old), delta,
                     _pairs(before, share, lambda old, part: old * part / 100))  # fmt: skip
    return Magnitudes(
        before=before,
        after=_joined(
            after,
            _pairs(before, delta, lambda old, more: old + more),
            _pairs(before, share, lambda old, part: old + old * part / 100),
        ),
        change=change,
        percent=_joined(
            _pairs(before, after, lambda old, new: _percent(old, new - old)),
            _pairs(before, delta, _percent),
            share,
            _number(subject.impact.get("replica_percent")),
        ),
        pods=_joined(_sizes(change), said.pods(), _count(subject.impact.get("pods"))),
        cost_per_hour_usd=_joined(said.cost(), _number(subject.impact.get("cost_per_hour_usd"))),
        users=_joined(said.named(_USERS, _counted), _count(subject.impact.get("users"))),
    )


def shown(amount: Number) -> str:
    """A number as people read it: `60`, `33.33`, `1,000`."""
    if float(amount).is_integer():
        return f"{int(amount):,}"
    return f"{amount:,.4f}".rstrip("0")


class _Said:
    """The top level of the parameters, by names without case and separators."""

    def __init__(self, subject: Subject) -> None:
        self.kind = class_of(subject.action)
        self.scales = self.kind == SCALING
        self.down = bool(_DOWN & set(subject.action.split("_")))
        self.pairs = [(flattened(key), value) for key, value in subject.parameters.items()]
        names = _ALWAYS | self.only_scaling("from", "to")
        names |= {"count"} if self.kind in _COUNTED else set()
        self.unread = unread(subject.parameters, names)

    def before(self) -> Figure:
        plain = self.named(_BEFORE | self.only_scaling("from"), _count)
        return _joined(plain, self.within_replicas("from"))

    def after(self) -> Figure:
        names = _AFTER | self.only_scaling("to", "count")
        plain = (_count(value) for key, value in self.pairs if key in names and not spans(value))
        return _joined(*plain, self.within_replicas("to"), self.elsewhere(names))

    def within_replicas(self, end: str) -> Figure:
        """`replicas: {from: 5, to: 8}`."""
        whole = [value for key, value in self.pairs if key == "replicas" and spans(value)]
        return _joined(*(_count(value[end]) for value in whole if end in value))

    def delta(self) -> Figure:
        plain = (
            self.directed(key, value, _number)
            for key, value in self.pairs
            if key in _DELTA and not _is_percent(value)
        )
        return _joined(*plain, self.elsewhere(_DELTA))

    def percent(self) -> Figure:
        plain = (
            self.directed(key, value, _share)
            for key, value in self.pairs
            if key in _PERCENT or (key in _DELTA and _is_percent(value))
        )
        return _joined(*plain, self.elsewhere(_PERCENT))

    def directed(self, key: str, value: object, read: Any) -> Figure:
        """With its sign turned where the name or the action says that there will be less."""
        figure: Figure = read(value)
        if key == "decreaseby" and any(amount < 0 for amount in figure.amounts):
            return UNCLEAR  # some would take it for more
        less = self.down or key == "decreaseby"
        return _mapped(figure, lambda amount: -abs(amount)) if less else figure

    def pods(self) -> Figure:
        counted = {"count"} if self.kind in _COUNTED else set()
        return self.named(_PODS | counted, _listed)

    def cost(self) -> Figure:
        a_day = _mapped(self.named(_COST_A_DAY, _number), lambda amount: amount / 24)
        return _joined(self.named(_COST, _number), a_day)

    def named(self, names: Iterable[str], read: Any) -> Figure:
        plain = (read(value) for key, value in self.pairs if key in names)
        return _joined(*plain, self.elsewhere(names))

    def elsewhere(self, names: Iterable[str]) -> Figure:
        """Unclear where one of the names stands deeper, or almost stands at the top."""
        return NOTHING_SAID if self.unread.isdisjoint(names) else UNCLEAR

    def only_scaling(self, *names: str) -> frozenset[str]:
        return frozenset(names) if self.scales else frozenset()


def _joined(*figures: Figure) -> Figure:
    """Everything that several places say of one quantity."""
    amounts = tuple(dict.fromkeys(amount for figure in figures for amount in figure.amounts))
    if len(amounts) > MOST:
        return Figure((min(amounts), max(amounts)), unclear=True)
    return Figure(amounts, any(figure.unclear for figure in figures))


def _number(value: object) -> Figure:
    if value is None:
        return NOTHING_SAID
    if isinstance(value, bool) or not isinstance(value, int | float):
        return UNCLEAR
    plain = abs(value) <= LARGEST and (isinstance(value, int) or math.isfinite(value))
    return Figure((value,)) if plain else UNCLEAR


def _count(value: object) -> Figure:
    """A number that is not below zero."""
    figure = _number(value)
    return UNCLEAR if any(amount < 0 for amount in figure.amounts) else figure


def _counted(value: object) -> Figure:
    return Figure((len(value),)) if isinstance(value, list) else _count(value)


def _listed(value: object) -> Figure:
    """As many as a list names; an empty one names nothing, and is no figure of nothing."""
    return NOTHING_SAID if value == [] else _counted(value)


def _is_percent(value: object) -> bool:
    return isinstance(value, str) and value.endswith("%")


def _share(value: object) -> Figure:
    """A percentage, as a number or as text such as `50%` or `-12.5%`."""
    if not isinstance(value, str):
        return _number(value)
    digits = value.removesuffix("%").strip()
    if not _is_percent(value) or not _PLAIN(digits):
        return UNCLEAR
    return _number(float(digits) if "." in digits else int(digits))


def _PLAIN(digits: str) -> bool:
    whole, _, part = digits.removeprefix("-").removeprefix("+").partition(".")
    short = len(digits) < 18 and digits.isascii()
    return short and whole.isdigit() and (part.isdigit() or "." not in digits)


def _percent(before: Number, more: Number) -> Number | None:
    if before == 0:
        return 0 if more == 0 else None
    return 100 * more / before


def _mapped(figure: Figure, change: Any) -> Figure:
    return Figure(tuple(change(amount) for amount in figure.amounts), figure.unclear)


def _sizes(figure: Figure) -> Figure:
    return _mapped(figure, abs)


def _pairs(left: Figure, right: Figure, work_out: Any) -> Figure:
    """Every amount of one with every amount of the other; nothing where either is not stated."""
    if not (left.stated and right.stated):
        return NOTHING_SAID
    results = list(_worked_out(left, right, work_out))
    known = tuple(each for each in results if each is not None and abs(each) <= LARGEST)
    return Figure(known, left.unclear or right.unclear or len(known) < len(results))


def _worked_out(left: Figure, right: Figure, work_out: Any) -> Iterator[Number | None]:
    for one in left.amounts:
        for other in right.amounts:
            yield work_out(one, other)
