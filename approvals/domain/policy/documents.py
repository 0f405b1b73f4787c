"""The kinds of policy document, and the set they make together.

A document with `kind` is called by its `metadata.name`, a plainer block by its `name`; no two policies
may bear the same. A block without one is called after its `agent`, else after its file, and a further one
of the same name `bot#2`, `bot#3`, in the order of files and lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from approvals.domain.policy import agent_policy, matrix, teams, together
from approvals.domain.policy.agent_policy import SECTIONS, AgentPolicy
from approvals.domain.policy.classes import is_literal
from approvals.domain.policy.matrix import Row
from approvals.domain.policy.reading import Gathered, Place, PolicyInvalid, Problem, Value
from approvals.domain.policy.rules import ActionRule
from approvals.domain.policy.teams import TeamDocument
from approvals.domain.policy.yaml_text import documents
from approvals.domain.terms import RiskLevel

API_VERSION = "guardrails.io/v1"
KINDS = ("AgentPolicy", "RiskMatrix", "Team")
ENVELOPE = ("apiVersion", "kind", "metadata", "spec")
PLAIN = ("name", "agent", "agents", *SECTIONS)
LONGEST = 150  # of a name; with a number behind it and a rule's it still fits where names are kept


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


def load(files: Mapping[str, str], *, version: int = 0, is_part: bool = False) -> PolicySet:
    """Read all files as one set. Raises `PolicyInvalid` with what is wrong in each of them.

    A part of a set may do without a risk matrix; it can be looked at, but nothing judged by it.
    """
    draft = _Draft()
    for file, text in sorted(files.items()):
        draft.take_file(file, text)
    policies = draft.read_policies()
    problems = draft.met.problems
    problems += together.problems(
        draft.matrix, policies, draft.teams, named=draft.bodies, complete=draft.complete
    )
    if not is_part and draft.complete and not draft.matrices:
        start = Place(min(files, default="policies"), 1, 1)
        problems.append(Problem(start, "there is no document of kind RiskMatrix"))
    if problems:
        raise PolicyInvalid(sorted(set(problems), key=_by_place))
    return PolicySet(
        MappingProxyType(draft.matrix),
        tuple(sorted(policies, key=lambda policy: policy.name)),
        MappingProxyType({name: team for name, team in draft.teams.items() if team}),
        version,
    )


@dataclass(frozen=True, slots=True)
class _Unread:
    """A policy document whose name is not settled yet."""

    name: str
    body: dict[str, Value]
    whole: Value


class _Draft:
    """The documents met so far. `complete` turns False when one cannot even be told by its kind."""

    def __init__(self) -> None:
        self.met = Gathered()
        self.complete = True
        self.matrices: list[Value] = []
        self.matrix: dict[RiskLevel, Row] = {}
        self.teams: dict[str, TeamDocument | None] = {}
        self.named: dict[str, _Unread] = {}
        self.nameless: list[_Unread] = []

    @property
    def bodies(self) -> list[Value]:
        """All that may name teams."""
        return [*self.matrices, *(each.whole for each in (*self.named.values(), *self.nameless))]

    def take_file(self, file: str, text: str) -> None:
        try:
            for document in documents(file, text):
                self._take(document)
        except PolicyInvalid as error:
            self.complete = False
            self.met.problems.extend(error.problems)

    def read_policies(self) -> list[AgentPolicy]:
        """Read them once every name is known, for each rule bears the name of its policy."""
        found: list[AgentPolicy] = []
        for each in (*self.named.values(), *self._with_names()):
            with self.met.also():
                where = each.whole
                found.append(
                    agent_policy.read(each.name, each.body, place=where.place, where=where)
                )
        return found

    def _with_names(self) -> list[_Unread]:
        taken = set(self.named)
        found: list[_Unread] = []
        for each in self.nameless:
            name, count = each.name, 1
            while name in taken:
                count += 1
                name = f"{each.name}#{count}"
            taken.add(name)
            found.append(_Unread(name, each.body, each.whole))
        return found

    def _take(self, document: Value) -> None:
        try:
            if _has_envelope(document):
                self._enveloped(document)
            else:
                self._plain(document)
        except PolicyInvalid as error:
            self.complete = False
            self.met.problems.extend(error.problems)

    def _enveloped(self, document: Value) -> None:
        met = Gathered()
        body = document.known_part(met, *ENVELOPE)
        for key in ENVELOPE:
            if key not in body:
                met.problems.extend(document.fail(f"{key!r} is missing").problems)
        if "apiVersion" in body:
            with met.also():
                body["apiVersion"].one_of(API_VERSION)
        if "kind" in body:
            with met.also():
                body["kind"].one_of(*KINDS)
        metadata: dict[str, Value] = {}
        if "metadata" in body:
            with met.also():
                metadata = body["metadata"].mapping("name", "title", "labels")
                if "name" not in metadata:
                    raise body["metadata"].fail("'name' is missing")
                metadata["name"].name(at_most=LONGEST)
        met.settle()
        with self.met.also():
            self._of_kind(body["kind"].text(), metadata, body["spec"])

    def _of_kind(self, kind: str, metadata: Mapping[str, Value], spec: Value) -> None:
        name = metadata["name"]
        if kind == "AgentPolicy":
            self._policy(name, spec.known_part(self.met, "agents", "agent", *SECTIONS), spec)
        elif kind == "Team":
            self._team(name, metadata, spec)
        else:
            self._matrix(name, spec)

    def _team(self, name: Value, metadata: Mapping[str, Value], spec: Value) -> None:
        if name.text() in self.teams:
            raise name.fail(f"the team {name.plain!r} stands twice")
        self.teams[name.text()] = None
        self.teams[name.text()] = teams.read(name, metadata, spec)

    def _matrix(self, name: Value, spec: Value) -> None:
        if self.matrices:
            raise name.fail(f"there is a risk matrix already; {name.plain!r} is one too many")
        self.matrices.append(spec)
        self.matrix = matrix.read(spec)

    def _policy(self, name: Value, body: dict[str, Value], whole: Value) -> None:
        before = self.named.get(name.text())
        if before is not None:
            where = before.whole.place
            words = f"a policy is called {name.plain!r} already, in {where.file} line {where.line}"
            raise name.fail(words)
        self.named[name.text()] = _Unread(name.text(), body, whole)

    def _plain(self, document: Value) -> None:
        """The blocks teams already write: no envelope, named after the agent or the file."""
        with self.met.also():
            body = document.known_part(self.met, *PLAIN)
            if "name" in body:
                body["name"].name(at_most=LONGEST)
                self._policy(body["name"], body, document)
                return
            agent = body["agent"].name(at_most=LONGEST) if "agent" in body else ""
            stem = document.place.file.rpartition("/")[2].partition(".")[0][:LONGEST]
            called = agent if agent and is_literal(agent) else stem
            self.nameless.append(_Unread(called, body, document))


def _has_envelope(document: Value) -> bool:
    """Whether a document means to be one of a kind, be it misspelt."""
    keys = {key.casefold() for key in document.mapping()}
    return any(key.casefold() in keys for key in ENVELOPE)


def _by_place(problem: Problem) -> tuple[str, int, int, str]:
    return (problem.place.file, problem.place.line, problem.place.column, problem.words)
