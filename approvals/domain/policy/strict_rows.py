"""Compare rows of the risk matrix: who is asked, for how long, and what silence means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise, zip_longest

from approvals.domain.plan import Plan, Requirement, Stage
from approvals.domain.policy import seats
from approvals.domain.policy.differences import (
    NOTHING,
    Found,
    changed,
    either,
    stricter,
    together,
    weaker,
)
from approvals.domain.policy.matrix import Row, asking
from approvals.domain.policy.reading import Place
from approvals.domain.terms import Approval, OnTimeout, RiskLevel

PLAN = (
    "risk", "approval", "stages", "pause", "remind_at", "grant_life", "approve_reason_required",
    "step_up", "channels",
)  # fmt: skip


def compare(before: Mapping[RiskLevel, Row], after: Mapping[RiskLevel, Row]) -> Found:
    """Row by row."""
    return together(_row(level, before, after) for level in RiskLevel)


def rises(matrix: Mapping[RiskLevel, Row]) -> bool:
    """Whether a higher risk never asks less. Only then a raised rating is sure to be stricter."""
    ranks = [matrix[level].plan.approval.rank for level in RiskLevel]
    return all(low <= high for low, high in pairwise(ranks))


def consents(matrix: Mapping[RiskLevel, Row]) -> bool:
    """Whether silence approves anywhere; then a shorter time is no gain."""
    return any(
        stage.on_timeout is OnTimeout.APPROVE
        for row in matrix.values()
        for stage in row.plan.stages
    )


def requirements(
    before: tuple[Requirement, ...], after: tuple[Requirement, ...], place: Place
) -> Found:
    """Who must say yes: a team fewer or a smaller quorum is weaker."""
    old, new = _quorums(before), _quorums(after)
    found = NOTHING
    for team in dict.fromkeys([*old, *new]):
        was, now = old.get(team, 0), new.get(team, 0)
        if was and not now:
            found += weaker(f"{team} need not approve any more", place)
        elif was != now:
            words = f"{now} of {team} must approve" + (f", not {was}" if was else " too")
            found += either(now < was, words, place)
    return found


def _quorums(listed: tuple[Requirement, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in listed:
        found[each.team] = max(each.quorum, found.get(each.team, 0))
    return found


def _row(
    level: RiskLevel, before: Mapping[RiskLevel, Row], after: Mapping[RiskLevel, Row]
) -> Found:
    old, new, place = before[level].plan, after[level].plan, after[level].place
    if old.approval is not new.approval:
        is_weaker = new.approval.rank < old.approval.rank
        asks = "nobody is asked any more" if is_weaker else "people are asked now"
        found = either(is_weaker, asks, place)
        if not is_weaker:  # what a check asked anyway went to the people of a row above
            found += Found(weaker=_asking(asking(before, level), new, place).weaker)
    else:
        found = _asking(old, new, place) if old.approval is Approval.REQUIRED else NOTHING
    found += _limits(old, new, place)
    return found.inside(f"risk {level}")


def _asking(old: Plan, new: Plan, place: Place) -> Found:
    found = NOTHING
    for number, (was, now) in enumerate(zip_longest(old.stages, new.stages), start=1):
        if was is None:
            found += stricter(f"stage {number} must approve too", place)
        elif now is None:
            found += weaker(f"stage {number} need not approve any more", place)
        else:
            found += _stage(was, now, place)
    for what, was_asked, is_asked in (
        ("an approval needs a reason", old.approve_reason_required, new.approve_reason_required),
        ("approving takes a fresh sign-in", old.step_up, new.step_up),
    ):
        if was_asked != is_asked:
            found += either(was_asked, what + ("" if is_asked else " no more"), place)
    return found


def _limits(old: Plan, new: Plan, place: Place) -> Found:
    found = span("questions may stop the clock for", old.pause, new.pause, place)
    found += span("an approval may wait to be used for", old.grant_life, new.grant_life, place)
    for words, was, now in (
        ("reminders are sent at other times", old.remind_at, new.remind_at),
        ("requests are announced elsewhere", old.channels, new.channels),
    ):
        if old.approval is new.approval is Approval.REQUIRED and set(was) != set(now):
            found += either(not set(was) < set(now), words, place)
    for name in changed(old, new, known=PLAN):
        found += weaker(f"{name.replace('_', ' ')} changed", place)
    return found


def span(what: str, before: timedelta, after: timedelta, place: Place) -> Found:
    """A span that is weaker when it is longer."""
    if before == after:
        return NOTHING
    return either(after > before, f"{what} {spelt(after)}, not {spelt(before)}", place)


def spelt(value: timedelta) -> str:
    """A span of time as policy files write it."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _stage(old: Stage, new: Stage, place: Place) -> Found:
    found = requirements(old.requirements, new.requirements, place)
    if old.on_timeout is not new.on_timeout:
        approves = new.on_timeout is OnTimeout.APPROVE
        words = "silence approves" if approves else "silence does not approve any more"
        found += either(approves, words, place)
    found += _rungs(old, new, place)
    for name in changed(old, new, known=("requirements", "rungs", "on_timeout")):
        found += weaker(f"{name.replace('_', ' ')} changed", place)
    return found


def _rungs(old: Stage, new: Stage, place: Place) -> Found:
    was = {team for rung in old.rungs for team in rung.also}
    now = {team for rung in new.rungs for team in rung.also}
    found = together(
        weaker(f"{seats.spoken(team)} may approve too, later", place) for team in sorted(now - was)
    )
    found += together(
        stricter(f"{seats.spoken(team)} may not approve later any more", place)
        for team in sorted(was - now)
    )
    earlier = [(rung.window, rung.also) for rung in old.rungs[:-1]]
    if now and earlier != [(rung.window, rung.also) for rung in new.rungs[:-1]]:
        found += weaker("others are asked at another time", place)
    if OnTimeout.APPROVE not in {old.on_timeout, new.on_timeout}:
        return found + span("people have", old.rungs[-1].window, new.rungs[-1].window, place)
    if new.on_timeout is OnTimeout.APPROVE and old.rungs != new.rungs:
        found += weaker("silence approves after another time", place)
    return found
