"""The kinds of policy document, and the set they make together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from approvals.domain.policy import agent_policy, matrix
from approvals.domain.policy.agent_policy import SECTIONS, AgentPolicy
from approvals.domain.policy.matrix import Row
from approvals.domain.policy.reading import Place, PolicyInvalid, Problem, Value
from approvals.domain.policy.rules import ActionRule
from approvals.domain.policy.yaml_text import documents
from approvals.domain.terms import RiskLevel

API_VERSION = "guardrails.io/v1"
KINDS = ("AgentPolicy", "RiskMatrix", "Team")
ENVELOPE = ("apiVersion", "kind", "metadata", "spec")
PLAIN = ("name", "agent", "agents", *SECTIONS)


@dataclass(frozen=True, slots=True)
class TeamDocument:
    """A team that requirements may name; members are added by operators or named here by e-mail."""

    name: str
    title: str
    members: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Everything in force at one time; immutable, and safe to share between threads."""

    matrix: Mapping[RiskLevel, Row]
    policies: tuple[AgentPolicy, ...] = ()
    teams: Mapping[str, TeamDocument] = field(default_factory=lambda: MappingProxyType({}))
    version: int = 0

    @property
    def rules(self) -> tuple[ActionRule, ...]:
        return tuple(rule for policy in self.policies for rule in policy.rules)

    def counts(self, agent: str) -> bool:
        """Whether anything about this agent is counted, so that its requests are judged in turn."""
        return any(policy.counts for policy in self.concerning(agent))

    def concerning(self, agent: str) -> tuple[AgentPolicy, ...]:
        """The policies for this agent, by name: the order of documents means nothing."""
        return tuple(policy for policy in self.policies if policy.concerns(agent))


def load(files: Mapping[str, str], *, version: int = 0) -> PolicySet:
    """Read all files as one set. Raises `PolicyInvalid` naming every bad document's first problem."""
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
        MappingProxyType(draft.matrix),
        tuple(sorted(draft.policies, key=lambda policy: policy.name)),
        MappingProxyType(draft.teams),
        version,
    )


class _Draft:
    """The documents read so far."""

    def __init__(self) -> None:
        self.matrix: dict[RiskLevel, Row] = {}
        self.policies: list[AgentPolicy] = []
        self.teams: dict[str, TeamDocument] = {}

    def take(self, document: Value) -> None:
        if isinstance(document.plain, dict) and not document.plain.keys() & set(ENVELOPE):
            self._plain(document)
            return
        body = document.mapping(*ENVELOPE)
        for key in ENVELOPE:
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
            self.matrix[level] = Row(
                matrix.read_row(level, rows[level.value]), rows[level.value].place
            )

    def _policy(self, name: str, metadata: Mapping[str, Value], spec: Value) -> None:
        del metadata
        body = spec.mapping("agents", "agent", *SECTIONS)
        self.policies.append(agent_policy.read(name, body, place=spec.place, where=spec))

    def _plain(self, document: Value) -> None:
        """The blocks teams already write: no envelope, named after the agent or the file."""
        body = document.mapping(*PLAIN)
        stem = document.place.file.rpartition("/")[2].partition(".")[0]
        name = body["name"].text() if "name" in body else stem
        self.policies.append(agent_policy.read(name, body, place=document.place, where=document))

    def problems(self) -> list[Problem]:
        """What only the whole set can show: no matrix, or a team nobody declared."""
        if not self.matrix:
            return [Problem(Place("policies", 1, 1), "there is no document of kind RiskMatrix")]
        return [
            Problem(place, f"the team {team!r} is not declared by any document of kind Team")
            for team, place in self._named()
            if team not in self.teams
        ]

    def _named(self) -> Iterator[tuple[str, Place]]:
        for row in self.matrix.values():
            for stage in row.plan.stages:
                for team in stage.teams(len(stage.rungs)):
                    yield team, row.place
        for policy in self.policies:
            for rule in policy.rules:
                for requirement in rule.approvers:
                    yield requirement.team, rule.place
