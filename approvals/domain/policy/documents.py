"""The kinds of policy document, and the set they make together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from approvals.domain.plan import Plan, Requirement, Rung, Stage
from approvals.domain.policy.reading import Place, PolicyInvalid, Problem, Value, documents
from approvals.domain.terms import Approval, OnTimeout, RiskLevel

API_VERSION = "guardrails.io/v1"
KINDS = ("AgentPolicy", "RiskMatrix", "Team")
SILENCE_MAY_APPROVE_UP_TO = RiskLevel.MEDIUM


@dataclass(frozen=True, slots=True)
class TeamDocument:
    """A team that requirements may name; members are added by operators or named here by e-mail."""

    name: str
    title: str
    members: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class ActionRule:
    """What is known about actions whose name matches `pattern` (a glob)."""

    pattern: str
    approval: Approval
    risk: RiskLevel | None
    because: str
    policy: str
    agents: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the risk matrix: the plan it leads to."""

    plan: Plan
    place: Place


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Everything in force at one time; immutable, and safe to share between threads."""

    matrix: Mapping[RiskLevel, Row]
    rules: tuple[ActionRule, ...] = ()
    teams: Mapping[str, TeamDocument] = field(default_factory=lambda: MappingProxyType({}))
    version: int = 0


def load(files: Mapping[str, str], *, version: int = 0) -> PolicySet:
    """Read all files as one set. Raises `PolicyInvalid` naming every bad file's first problem."""
    problems: list[Problem] = []
    draft = _Draft()
    for file, text in sorted(files.items()):
        try:
            for document in documents(file, text):
                draft.take(document)
        except PolicyInvalid as error:
            problems.extend(error.problems)
    if not problems:
        problems = draft.problems()
    if problems:
        raise PolicyInvalid(problems)
    return PolicySet(
        MappingProxyType(draft.matrix), tuple(draft.rules), MappingProxyType(draft.teams), version
    )


class _Draft:
    """The documents read so far."""

    def __init__(self) -> None:
        self.matrix: dict[RiskLevel, Row] = {}
        self.rules: list[ActionRule] = []
        self.teams: dict[str, TeamDocument] = {}

    def take(self, document: Value) -> None:
        body = document.mapping("apiVersion", "kind", "metadata", "spec")
        for key in ("apiVersion", "kind", "metadata", "spec"):
            if key not in body:
                raise document.fail(f"{key!r} is missing")
        body["apiVersion"].one_of(API_VERSION)
        metadata = body["metadata"].mapping("name", "title", "labels")
        if "name" not in metadata:
            raise body["metadata"].fail("'name' is missing")
        kind = body["kind"].one_of(*KINDS)
        {"AgentPolicy": self._policy, "RiskMatrix": self._matrix, "Team": self._team}[kind](
            metadata["name"].text(), metadata, body["spec"]
        )

    def _team(self, name: str, metadata: Mapping[str, Value], spec: Value) -> None:
        if name in self.teams:
            raise spec.fail(f"the team {name!r} stands twice")
        body = spec.mapping("members")
        members = (
            tuple(item.text() for item in body["members"].items()) if "members" in body else ()
        )
        title = metadata["title"].text() if "title" in metadata else name
        self.teams[name] = TeamDocument(name, title, members, spec.place)

    def _matrix(self, name: str, metadata: Mapping[str, Value], spec: Value) -> None:
        del metadata
        if self.matrix:
            raise spec.fail(f"there is a risk matrix already; {name!r} is one too many")
        rows = spec.mapping(*(level.value for level in RiskLevel))
        for level in RiskLevel:
            if level.value not in rows:
                raise spec.fail(f"the row {level.value!r} is missing")
            self.matrix[level] = Row(_plan(level, rows[level.value]), rows[level.value].place)

    def _policy(self, name: str, metadata: Mapping[str, Value], spec: Value) -> None:
        del metadata
        body = spec.mapping("agents", "actions")
        agents = (
            tuple(item.text() for item in body["agents"].items()) if "agents" in body else ("*",)
        )
        if "actions" not in body:
            raise spec.fail("'actions' is missing")
        for item in body["actions"].items():
            self.rules.append(_rule(name, agents, item))

    def problems(self) -> list[Problem]:
        """What only the whole set can show: no matrix, or a team nobody declared."""
        if not self.matrix:
            return [Problem(Place("policies", 1, 1), "there is no document of kind RiskMatrix")]
        return [
            Problem(row.place, f"the team {team!r} is not declared by any document of kind Team")
            for row in self.matrix.values()
            for stage in row.plan.stages
            for team in stage.teams(len(stage.rungs))
            if team not in self.teams
        ]


def _rule(policy: str, agents: tuple[str, ...], item: Value) -> ActionRule:
    body = item.mapping("name", "approval", "risk", "because")
    if "name" not in body:
        raise item.fail("'name' is missing")
    approval = body["approval"].one_of(*Approval) if "approval" in body else None
    risk = body["risk"].one_of(*RiskLevel) if "risk" in body else None
    if approval is None and risk is None:
        raise item.fail("say 'approval', 'risk' or both")
    if approval == Approval.AUTO and risk in {RiskLevel.HIGH, RiskLevel.CRITICAL}:
        raise item.fail(f"an action of risk {risk} is never approved automatically")
    return ActionRule(
        pattern=body["name"].text(),
        approval=Approval(approval) if approval else Approval.REQUIRED,
        risk=RiskLevel(risk) if risk else None,
        because=body["because"].text() if "because" in body else "",
        policy=policy,
        agents=agents,
        place=item.place,
    )


_ROW_KEYS = (
    "approval", "approvers", "stages", "timeout", "on_timeout", "escalate_to", "remind_at", "channels",
    "pause", "grant_life", "reason_required",
)  # fmt: skip


def _plan(level: RiskLevel, value: Value) -> Plan:
    body = value.mapping(*_ROW_KEYS)
    approval = Approval(body["approval"].one_of("auto", "required")) if "approval" in body else None
    if approval is None:
        raise value.fail("'approval' is missing")
    grant_life = body["grant_life"].span() if "grant_life" in body else timedelta(minutes=15)
    if approval is Approval.AUTO:
        if level.rank > RiskLevel.MEDIUM.rank:
            raise value.fail(f"risk {level} is never approved automatically")
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
        channels=tuple(c.text() for c in body["channels"].items()) if "channels" in body else (),
    )


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
    return tuple(
        _stage(level, item, item.mapping("approvers", "timeout", "on_timeout", "escalate_to"))
        for item in stages
    )


def _stage(level: RiskLevel, value: Value, body: Mapping[str, Value]) -> Stage:
    for key in ("approvers", "timeout"):
        if key not in body:
            raise value.fail(f"{key!r} is missing")
    requirements = tuple(_requirement(item) for item in body["approvers"].items())
    if not requirements:
        raise body["approvers"].fail("an empty list would let nobody approve; name a team")
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
    return Stage(requirements, _rungs(body), ends)


def _rungs(body: Mapping[str, Value]) -> tuple[Rung, ...]:
    """`after` says how long those before wait alone; the last ones asked have the `timeout`."""
    timeout = body["timeout"].span()
    windows: list[timedelta] = []
    teams: list[str] = []
    for item in body["escalate_to"].items() if "escalate_to" in body else []:
        step = item.mapping("team", "after")
        if "team" not in step:
            raise item.fail("'team' is missing")
        teams.append(step["team"].text())
        windows.append(step["after"].span() if "after" in step else timeout)
    windows.append(timeout)
    also: list[tuple[str, ...]] = [(), *((team,) for team in teams)]
    return tuple(Rung(window, asked) for window, asked in zip(windows, also, strict=True))


def _requirement(item: Value) -> Requirement:
    body = item.mapping("team", "quorum")
    if "team" not in body:
        raise item.fail("'team' is missing")
    return Requirement(
        body["team"].text(), body["quorum"].whole(at_least=1) if "quorum" in body else 1
    )
