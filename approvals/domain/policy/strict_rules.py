"""Compare action rules: whatever could let through, or leave to fewer people, is weaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from approvals.domain.policy import strict_rows
from approvals.domain.policy.classes import apart
from approvals.domain.policy.conditions import Condition
from approvals.domain.policy.differences import (
    NOTHING,
    Found,
    changed,
    either,
    placeless,
    same,
    stricter,
    together,
    weaker,
)
from approvals.domain.policy.matrix import AUTO_UP_TO, Row, asking, overridden
from approvals.domain.policy.rules import ActionRule
from approvals.domain.terms import Approval, RiskLevel

UNRATED = RiskLevel.MEDIUM  # what nobody rated counts as, in `evaluate`
KNOWN = (
    "pattern", "approval", "risk", "because", "conditions", "when", "approvers", "timeout",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Around:
    """What a rule's change is judged within: the new matrix and every rule of the new policies."""

    matrix: Mapping[RiskLevel, Row]
    rules: tuple[ActionRule, ...]
    full: tuple[str, ...] = ()

    @property
    def rises(self) -> bool:
        return strict_rows.rises(self.matrix)

    def keeps_people(self, was: RiskLevel, now: RiskLevel, rule: ActionRule) -> bool:
        """Whether whoever must say yes at any level from `was` up must still do so at `now`. Other rules
        and the agent's claim may have rated what this one now raises."""
        later = _quorums(self.matrix, now, rule)
        return all(
            later.get(team, 0) >= quorum
            for level in RiskLevel
            if was.rank <= level.rank < now.rank
            for team, quorum in _quorums(self.matrix, level, rule).items()
        )

    def frees(self, rule: ActionRule) -> bool:
        """Whether stage full may lift what the rule asks. What no rule could tell it never lifts."""
        return (rule.risk or UNRATED).rank <= AUTO_UP_TO.rank and not all(
            apart(glob, rule.pattern) for glob in self.full
        )

    def beside(self, rule: ActionRule) -> list[ActionRule]:
        """The rules that speak, other than to forbid, of an action this one may be about."""
        return [
            each
            for each in self.rules
            if each.approval is not Approval.FORBIDDEN and not apart(each.pattern, rule.pattern)
        ]


def _quorums(matrix: Mapping[RiskLevel, Row], level: RiskLevel, rule: ActionRule) -> dict[str, int]:
    """How many of each team must say yes to what is asked at a level, over all its stages."""
    plan = overridden(asking(matrix, level), approvers=rule.approvers)
    found: dict[str, int] = {}
    for wanted in (each for stage in plan.stages for each in stage.requirements):
        found[wanted.team] = max(wanted.quorum, found.get(wanted.team, 0))
    return found


def compare(before: Sequence[ActionRule], after: Sequence[ActionRule], around: Around) -> Found:
    """Rules that stayed are set aside; the others are paired by the actions they name."""
    old, new = _apart(before, after)
    found = NOTHING
    for rule in new:
        partner = next((each for each in old if each.pattern == rule.pattern), None)
        if partner is None:
            found += _added(rule, around)
        else:
            old.remove(partner)
            found += _changed(partner, rule, around)
    return found + together(_removed(rule, around) for rule in old)


def _apart(
    before: Sequence[ActionRule], after: Sequence[ActionRule]
) -> tuple[list[ActionRule], list[ActionRule]]:
    old, new = list(before), []
    for rule in after:
        twin = next((each for each in old if _plain(each) == _plain(rule)), None)
        if twin is None:
            new.append(rule)
        else:
            old.remove(twin)
    return old, new


def _plain(rule: ActionRule) -> Any:
    return placeless(replace(rule, because="", policy=""))


def _is(rule: ActionRule) -> str:
    """The rule in a few words."""
    said = {
        Approval.AUTO: "automatic",
        Approval.REQUIRED: "asks a person",
        Approval.FORBIDDEN: "forbidden",
        None: f"of risk {rule.risk}",
    }[rule.approval]
    return f"{rule.pattern} ({said}{', under conditions' if _conditional(rule) else ''})"


def _conditional(rule: ActionRule) -> bool:
    return bool(rule.conditions or rule.when)


def _added(rule: ActionRule, around: Around) -> Found:
    words = f"a new rule: {_is(rule)}"
    return either(not _adds_only_restrictions(rule, around), words, rule.place)


def _adds_only_restrictions(rule: ActionRule, around: Around) -> bool:
    if rule.approval is Approval.FORBIDDEN:
        return not _conditional(rule) or rule.risk is not RiskLevel.LOW
    if rule.approval is Approval.AUTO or rule.approvers or rule.timeout is not None:
        return False
    if around.frees(rule):
        return False
    if rule.risk is not None and (rule.risk.rank < UNRATED.rank or not around.rises):
        return False
    if rule.risk is not None and not around.keeps_people(RiskLevel.LOW, rule.risk, rule):
        return False
    # What nobody named was asked about; a rating alone leaves it to the row, which must ask as well.
    return rule.approval is Approval.REQUIRED or _asks_from(rule.risk or UNRATED, around)


def _asks_from(risk: RiskLevel, around: Around) -> bool:
    return all(
        around.matrix[level].plan.approval is Approval.REQUIRED
        for level in RiskLevel
        if level.rank >= risk.rank
    )


def _removed(rule: ActionRule, around: Around) -> Found:
    words = f"a rule is gone: {_is(rule)}"
    return either(not _only_opened(rule, around), words, rule.place, gone=True)


def _only_opened(rule: ActionRule, around: Around) -> bool:
    """Whether a rule could only ever let through, so that its actions are now asked about."""
    beside = around.beside(rule)
    if rule.approval not in {Approval.AUTO, None} or rule.approvers or rule.timeout is not None:
        return False
    if _conditional(rule) and beside:
        return (
            False  # where its conditions failed or could not be told it asked, and others may not
        )
    if rule.risk is None or rule.risk is RiskLevel.LOW:
        return around.rises
    lowered = any(each.risk is not None and each.risk.rank < rule.risk.rank for each in beside)
    return around.rises and rule.risk.rank <= UNRATED.rank and not lowered


def _changed(old: ActionRule, new: ActionRule, around: Around) -> Found:
    if new.approval is Approval.FORBIDDEN and not _conditional(new):
        return stricter(f"{new.pattern} is always forbidden", new.place)
    if old.approval is Approval.FORBIDDEN and new.approval is not Approval.FORBIDDEN:
        return _approval(old, new).inside(new.pattern)  # nothing else can make up for it
    found = _approval(old, new) + _conditions(old, new, around) + _risk(old, new, around)
    found += _people(old, new, around)
    for name in changed(old, new, known=KNOWN):
        found += weaker(f"{name.replace('_', ' ')} changed", new.place)
    return found.inside(new.pattern)


def _approval(old: ActionRule, new: ActionRule) -> Found:
    if old.approval is new.approval:
        return NOTHING
    words = f"was {_is(old)}, is {_is(new)}"
    order = [Approval.AUTO, None, Approval.REQUIRED, Approval.FORBIDDEN]
    rises = order.index(new.approval) > order.index(old.approval)
    # Under conditions a rule may fall silent where the one before still asked.
    silent = _conditional(new) or (new.approval is None and _conditional(old))
    return either(not rises or silent, words, new.place)


def _conditions(old: ActionRule, new: ActionRule, around: Around) -> Found:
    if same((old.conditions, old.when), (new.conditions, new.when)):
        return NOTHING
    if old.approval is new.approval is Approval.AUTO:
        return _automatic_within(old, new)
    if _conditional(new):
        return weaker("its conditions changed", new.place)
    own = new.risk is RiskLevel.LOW or new.approvers or new.timeout is not None
    # Its own people would be asked more often, and stage full lifts what could be told.
    always = new.approval is Approval.REQUIRED and not own and not around.frees(new)
    return either(not always, "its conditions are gone, it always holds", new.place)


def _automatic_within(old: ActionRule, new: ActionRule) -> Found:
    """For an automatic rule every condition more, or tighter, only asks more."""
    found = NOTHING
    left = list(old.conditions)
    for condition in new.conditions:
        before = next((each for each in left if each.name == condition.name), None)
        if before is None:
            words = f"{condition.name} {condition.limit} is a new condition"
            found += stricter(words, condition.place)
            continue
        left.remove(before)
        found += _limit(before, condition)
    found += together(
        weaker(f"the condition {each.name} {each.limit} is gone", each.place, gone=True)
        for each in left
    )
    if same(old.when, new.when):
        return found
    return found + either(old.when is not None, "'when' changed", new.place)


def _limit(before: Condition, after: Condition) -> Found:
    if same(before.limit, after.limit):
        return NOTHING
    words = f"{after.name} is {_shown(after.limit)}, not {_shown(before.limit)}"
    return either(not _tighter(before, after), words, after.place)


def _tighter(before: Condition, after: Condition) -> bool:
    """Names tell which way is tight: `max…` downwards, `min…` upwards; of any other nothing is known."""
    was, now = before.limit, after.limit
    if type(was) is not type(now) or not isinstance(was, int | float | timedelta):
        return False
    if before.name.startswith("max"):
        return bool(now < was)
    return before.name.startswith("min") and bool(now > was)


def _shown(limit: object) -> str:
    return strict_rows.spelt(limit) if isinstance(limit, timedelta) else str(limit)


def _risk(old: ActionRule, new: ActionRule, around: Around) -> Found:
    if old.risk is new.risk:
        return NOTHING
    words = f"risk {_named(new.risk)}, not {_named(old.risk)}"
    was = UNRATED.rank if old.risk is None else old.risk.rank
    now = UNRATED.rank if new.risk is None else new.risk.rank
    # A low rating never counts beside another, so taking one away loses nothing.
    only_less_low = new.risk is None and old.risk is RiskLevel.LOW
    raised = only_less_low or (new.risk is not None and now >= was)
    # Unrated means what the other rules say, so it may have been the lowest level.
    lowest = old.risk or RiskLevel.LOW
    keeps = around.keeps_people(lowest, new.risk or UNRATED, new)
    if raised and around.rises and not keeps:
        return weaker(f"{words}: other people decide", new.place)
    return either(not (raised and around.rises), words, new.place)


def _named(risk: RiskLevel | None) -> str:
    return "unrated" if risk is None else risk.value


def _people(old: ActionRule, new: ActionRule, around: Around) -> Found:
    found = NOTHING
    if bool(old.approvers) != bool(new.approvers):
        teams = ", ".join(each.team for each in new.approvers) or "the people of the risk matrix"
        found += weaker(f"asks {teams} instead", new.place)
    else:
        found += strict_rows.requirements(old.approvers, new.approvers, new.place)
    if old.timeout == new.timeout:
        return found
    if old.timeout is None or new.timeout is None or strict_rows.consents(around.matrix):
        return found + weaker("its time limit changed", new.place)
    return found + strict_rows.span("people have", old.timeout, new.timeout, new.place)
