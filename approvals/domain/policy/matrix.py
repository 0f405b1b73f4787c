"""The risk matrix: which plan each level of risk leads to, and what a rule may change about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from approvals.domain.plan import Plan, Requirement, Rung, Stage
from approvals.domain.policy import on_call, superiors
from approvals.domain.policy.reading import Gathered, Place, Value, each_of
from approvals.domain.terms import Approval, OnTimeout, RiskLevel

AUTO_UP_TO = RiskLevel.MEDIUM
SILENCE_MAY_APPROVE_UP_TO = RiskLevel.MEDIUM
MOST_SEATS = 50
LONGEST_SEAT = 80
CHANGE_REQUESTS = ("servicenow",)  # which is also the channel that opens one


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the risk matrix: the plan it leads to."""

    plan: Plan
    place: Place


def asking(matrix: Mapping[RiskLevel, Row], level: RiskLevel) -> Plan:
    """The people of the lowest row at or above this level that asks; the risk stays what it is."""
    return next(
        replace(matrix[higher].plan, risk=level)
        for higher in RiskLevel
        if higher.rank >= level.rank and matrix[higher].plan.approval is Approval.REQUIRED
    )


def overridden(
    plan: Plan, *, approvers: Sequence[Requirement] = (), timeout: timedelta | None = None
) -> Plan:
    """The plan with what rules say of their own: other people, another time for the last ones asked.

    Up to medium risk the rules' approvers take the place of the row's first stage; above it they are
    asked in addition, for a rule never removes whom the matrix demands.
    """
    stages = list(plan.stages)
    if approvers:
        kept = stages[0].requirements if plan.risk.rank > AUTO_UP_TO.rank else ()
        stages[0] = _asking_of(stages[0], _strongest((*kept, *approvers)))
    if timeout is not None:
        stages = [_ending_after(stage, timeout) for stage in stages]
    return replace(plan, stages=tuple(stages))


def _asking_of(stage: Stage, wanted: tuple[Requirement, ...]) -> Stage:
    """The stage with other people; where it went on to the managers of those before, theirs follow."""
    before, after = _superiors(stage.requirements), _superiors(wanted)
    rungs = (replace(rung, also=after) if rung.also == before else rung for rung in stage.rungs)
    return replace(stage, requirements=wanted, rungs=tuple(rungs))


def _superiors(asked: Sequence[Requirement]) -> tuple[str, ...]:
    return tuple(superiors.seat(each.team) for each in asked)


def _strongest(wanted: Sequence[Requirement]) -> tuple[Requirement, ...]:
    """Each team once, with the largest quorum anybody wants of it."""
    kept: dict[str, Requirement] = {}
    for each_one in wanted:
        before = kept.get(each_one.team)
        if before is None or before.quorum < each_one.quorum:
            kept[each_one.team] = each_one
    return tuple(kept.values())


def _ending_after(stage: Stage, timeout: timedelta) -> Stage:
    return replace(stage, rungs=(*stage.rungs[:-1], replace(stage.rungs[-1], window=timeout)))


_ROW_KEYS = (
    "approval", "approvers", "stages", "timeout", "on_timeout", "escalate_to", "remind_at", "channels",
    "pause", "grant_life", "reason_required", "step_up", "change_request",
)  # fmt: skip


_STAGE_KEYS = ("approvers", "timeout", "on_timeout", "escalate_to")
WORDS = (on_call.WORD, superiors.WORD)
_ASKED_BY: Mapping[str, Callable[[str], str]] = {
    "team": str,
    on_call.WORD: on_call.seat,
    superiors.WORD: superiors.seat,
}


def read(value: Value) -> dict[RiskLevel, Row]:
    """The rows of a whole matrix, one for each level. Raises PolicyInvalid."""
    met = Gathered()
    rows: dict[RiskLevel, Row] = {}
    with met.also():
        body = value.known_part(met, *RiskLevel)
        for level in RiskLevel:
            if level.value not in body:
                met.problems.extend(value.fail(f"the row {level.value!r} is missing").problems)
                continue
            with met.also():
                row = body[level.value]
                rows[level] = Row(read_row(level, row), row.place)
    met.settle()
    return rows


def read_row(level: RiskLevel, value: Value) -> Plan:
    body = value.mapping(*_ROW_KEYS)
    approval = Approval(body["approval"].one_of("auto", "required")) if "approval" in body else None
    if approval is None:
        raise value.fail("'approval' is missing")
    grant_life = body["grant_life"].span() if "grant_life" in body else timedelta(minutes=15)
    if approval is Approval.AUTO:
        if level.rank > AUTO_UP_TO.rank:
            raise body["approval"].fail(f"risk {level} is never approved automatically")
        for key in body.keys() & {*_STAGE_KEYS, "stages", "step_up", "change_request"}:
            raise body[key].fail(f"{key!r} goes with 'approval: required'; here nobody is asked")
        return Plan(level, approval, grant_life=grant_life)
    return Plan(
        level,
        approval,
        stages=_stages(level, value, body),
        pause=body["pause"].span() if "pause" in body else timedelta(0),
        remind_at=_reminders(body),
        grant_life=grant_life,
        owner_may_decide=level is RiskLevel.LOW,
        approve_reason_required="reason_required" in body and body["reason_required"].yes_no(),
        step_up="step_up" in body and body["step_up"].yes_no(),
        channels=_channels(body),
    )


def _channels(body: Mapping[str, Value]) -> tuple[str, ...]:
    """Where to announce; a change request is opened by the channel of its system, of any kind."""
    named = tuple(c.text() for c in body["channels"].items()) if "channels" in body else ()
    if "change_request" not in body:
        return named
    system = body["change_request"].one_of(*CHANGE_REQUESTS)
    return named if system in systems(named) else (*named, system)


def systems(channels: Iterable[str]) -> tuple[str, ...]:
    """Which systems these channels are of, without what follows the colon."""
    return tuple(dict.fromkeys(channel.partition(":")[0] for channel in channels))


def _reminders(body: Mapping[str, Value]) -> tuple[float, ...]:
    if "remind_at" not in body:
        return (0.5, 0.9)
    return tuple(sorted(item.fraction() for item in body["remind_at"].items()))


def _stages(level: RiskLevel, value: Value, body: Mapping[str, Value]) -> tuple[Stage, ...]:
    if ("approvers" in body) == ("stages" in body):
        raise value.fail("say either 'approvers' (one stage) or 'stages' (one after another)")
    if "approvers" in body:
        return (_stage(level, value, body),)
    stages = body["stages"].items()
    if not stages:
        raise body["stages"].fail("at least one stage is wanted here")
    return each_of(stages, lambda item: _stage(level, item, item.mapping(*_STAGE_KEYS)))


def _stage(level: RiskLevel, value: Value, body: Mapping[str, Value]) -> Stage:
    for key in ("approvers", "timeout"):
        if key not in body:
            raise value.fail(f"{key!r} is missing")
    requirements = read_approvers(body["approvers"])
    on_timeout = (
        OnTimeout(body["on_timeout"].one_of(*OnTimeout))
        if "on_timeout" in body
        else OnTimeout.EXPIRE
    )
    if on_timeout is OnTimeout.APPROVE and level.rank > SILENCE_MAY_APPROVE_UP_TO.rank:
        raise body["on_timeout"].fail(f"silence never approves above {SILENCE_MAY_APPROVE_UP_TO}")
    if (on_timeout is OnTimeout.ESCALATE) != ("escalate_to" in body):
        raise value.fail("'on_timeout: escalate' and 'escalate_to' go together")
    ends = OnTimeout.APPROVE if on_timeout is OnTimeout.APPROVE else OnTimeout.EXPIRE
    return Stage(requirements, _rungs(body, requirements), ends)


def _rungs(body: Mapping[str, Value], asked: Sequence[Requirement]) -> tuple[Rung, ...]:
    """`after` says how long those before wait alone; the last ones asked have the `timeout`."""
    timeout = body["timeout"].span()
    windows: list[timedelta] = []
    also: list[tuple[str, ...]] = [()]
    for item in _steps(body):
        names, window = _step(item, asked)
        if any(len(name) > LONGEST_SEAT for name in names):
            raise item.fail(f"the name of a team asked like this is too long: {names[0]!r}")
        also.append(names)
        windows.append(timeout if window is None else window)
    return tuple(map(Rung, (*windows, timeout), also))


def _steps(body: Mapping[str, Value]) -> Sequence[Value]:
    """The steps of `escalate_to`: a list, or one word alone."""
    if "escalate_to" not in body:
        return ()
    steps = body["escalate_to"]
    return (steps,) if steps.plain in WORDS else steps.items()


def _step(item: Value, asked: Sequence[Requirement]) -> tuple[tuple[str, ...], timedelta | None]:
    """Who a step asks, and how long those before wait alone if it says so.

    A word alone is about those asked first: `on_call` of the first team, `manager` of all of them.
    """
    if item.plain == on_call.WORD:
        return (on_call.seat(asked[0].team),), None
    if item.plain == superiors.WORD:
        return _superiors(asked), None
    step = item.mapping(*_ASKED_BY, "after")
    named = [key for key in _ASKED_BY if key in step]
    if len(named) != 1:
        raise item.fail("one of 'team', 'on_call' and 'manager' is wanted here")
    [key] = named
    window = step["after"].span() if "after" in step else None
    return (_ASKED_BY[key](step[key].text()),), window


def read_approvers(value: Value) -> tuple[Requirement, ...]:
    """The teams that must say yes, all of them. A team listed twice is asked for the sum of both."""
    listed = each_of(value.items(), _requirement)
    if not listed:
        raise value.fail("an empty list would let nobody approve; name a team")
    if sum(requirement.quorum for requirement in listed) > MOST_SEATS:
        raise value.fail(f"at most {MOST_SEATS} people can be asked to say yes")
    summed: dict[str, int] = {}
    for requirement in listed:
        summed[requirement.team] = summed.get(requirement.team, 0) + requirement.quorum
    return tuple(Requirement(team, quorum) for team, quorum in summed.items())


def _requirement(item: Value) -> Requirement:
    body = item.mapping("team", "quorum")
    if "team" not in body:
        raise item.fail("'team' is missing")
    return Requirement(
        body["team"].text(), body["quorum"].whole(at_least=1) if "quorum" in body else 1
    )
