"""What would happen to one request, by the policy in force or by a draft. Nothing is written or sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from approvals.domain import canonical, errors
from approvals.domain.plan import Plan
from approvals.domain.policy import example_terms, seats, sentences, traced
from approvals.domain.policy import on_call as schedules
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.reading import Place, PolicyInvalid, Value
from approvals.domain.policy.subject import subject_of
from approvals.domain.policy.traced import Traced
from approvals.domain.terms import Approval, DataClass, RiskLevel, Stage
from approvals.models import Agent, Person
from approvals.queries import stand_ins
from approvals.services import circumstances, on_call

LONGEST = 20_000
LONGEST_PASTED = 16_000  # it travels in an address
UNJUDGED = frozenset({"rollback", "callback_url", "expires_in"})  # no rule looks at them
LONGEST_NAME, LONGEST_TARGET = 200, 500


class NotAnAction(errors.Invalid):
    """What was typed is no request that could be judged."""


@dataclass(frozen=True, slots=True)
class Called:
    """Who would be told about one seat of the first stage, right now."""

    team: str
    quorum: int
    people: tuple[str, ...]
    words: str = ""


def submission(typed: Mapping[str, str]) -> dict[str, Any]:
    """A submission from the fields of a form. Raises NotAnAction in words for what is missing or wrong."""
    action, target = typed.get("action", "").strip(), typed.get("target", "").strip()
    _refuse_unnamed(action, target)
    body: dict[str, Any] = {
        "action": action,
        "target": target,
        "parameters": _object(typed.get("parameters", "")),
    }
    resource = {
        name: typed[name].strip() for name in ("namespace", "type") if typed.get(name, "").strip()
    }
    if resource:
        body["resource"] = resource
    body |= _chosen("risk", typed, RiskLevel) | _chosen("data_classification", typed, DataClass)
    if typed.get("recipients", "").strip():
        body["recipients"] = [each.strip() for each in typed["recipients"].split(",")][:100]
    return body


def pasted(text: str) -> dict[str, Any]:
    """A whole request as an agent would send it, its `agent` beside it or not. Raises NotAnAction."""
    if len(text) > LONGEST_PASTED:
        raise NotAnAction(
            f"The request is longer than {LONGEST_PASTED:,} characters. Nothing was judged."
        )
    try:
        plain = canonical.loads(text.encode())
    except (canonical.Malformed, UnicodeEncodeError) as wrong:
        words = str(wrong).replace("Nothing was recorded.", "").replace("The body", "The request")
        raise NotAnAction(f"{words.strip()} Nothing was judged.") from None
    if not isinstance(plain, dict):
        raise NotAnAction("A request is a JSON object, {…}. Nothing was judged.")
    try:
        found = example_terms.submission(
            _valued({name: each for name, each in plain.items() if name not in UNJUDGED})
        )
    except PolicyInvalid as wrong:
        said = "; ".join(f"{each.key or 'request'}: {each.words}" for each in wrong.problems)
        raise NotAnAction(f"This is no request. {said}. Nothing was judged.") from None
    found = {"target": "", "parameters": {}} | found
    _refuse_unnamed(str(found["action"]), str(found["target"]))
    if any(not isinstance(each, str) for each in found.get("labels", {}).values()):
        raise NotAnAction("Labels are text. Nothing was judged.")
    return found


def _valued(plain: Any, key: str = "") -> Value:
    """JSON as the readers of policies take it, each value with the path of keys to it."""
    below: Any = plain
    if isinstance(plain, dict):
        below = {n: _valued(each, f"{key}.{n}" if key else n) for n, each in plain.items()}
    elif isinstance(plain, list):
        below = [_valued(each, f"{key}[{number}]") for number, each in enumerate(plain)]
    return Value(Place("request", 1, 1), below, key)


def _refuse_unnamed(action: str, target: str) -> None:
    if not action or not target:
        raise NotAnAction("An action and a target are wanted. Nothing was judged.")
    if len(action) > LONGEST_NAME or len(target) > LONGEST_TARGET:
        raise NotAnAction("The action or the target is too long. Nothing was judged.")


def _object(text: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise NotAnAction("The parameters are too long to try here. Nothing was judged.")
    try:
        found = json.loads(text or "{}")
        canonical.digest(found)
    except (ValueError, RecursionError, canonical.Malformed) as wrong:
        raise NotAnAction(f"The parameters are no JSON: {wrong}. Nothing was judged.") from None
    if not isinstance(found, dict):
        raise NotAnAction("The parameters are a JSON object, {…}. Nothing was judged.")
    return found


def _chosen(name: str, typed: Mapping[str, str], known: type[RiskLevel] | type[DataClass]) -> Any:
    value = typed.get(name, "")
    if not value:
        return {}
    if value not in [each.value for each in known]:
        raise NotAnAction(f"There is no {name.replace('_', ' ')} {value!r}. Nothing was judged.")
    return {name: value}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one policy says of a request, and of each rule whether it applies."""

    judged: Evaluation
    stages: Mapping[str, Stage]
    rules: tuple[Traced, ...]


def answer(
    policy: PolicySet,
    *,
    agent: str,
    submission: Mapping[str, Any],
    at: datetime,
    stages: Mapping[str, Stage] | None = None,
) -> Answer:
    """By this policy, under what the service knows at that moment. `stages` are tried instead of the
    agent's own."""
    subject = subject_of(agent, submission)
    known = Agent.objects.filter(name=agent).first()
    now = circumstances.gather(known, subject, policy, at=at)
    if stages is not None:
        now = replace(now, stages=stages)
    return Answer(
        evaluate(policy, subject, now), now.stages, tuple(traced.of(policy, subject, now))
    )


def sentence(policy: PolicySet, judged: Evaluation) -> str:
    """What would happen, in one sentence."""
    if judged.verdict is Approval.FORBIDDEN:
        why = next(
            (each.words for each in judged.checks if each.leads_to is Approval.FORBIDDEN), ""
        )
        return f"It would be refused. {why}"
    if judged.verdict is Approval.AUTO or judged.plan is None:
        return f"It would run without anybody being asked, at {judged.effective} risk."
    said = sentences.of_plan(judged.plan, sentences.titles(policy))
    return f"At {judged.effective} risk, people would be asked: {said}."


def called(policy: PolicySet, plan: Plan | None, *, agent: str, at: datetime) -> list[Called]:
    """Exactly who the first stage would ask now, without who owns the agent or is away."""
    if plan is None or not plan.stages:
        return []
    owner = Agent.objects.filter(name=agent).values_list("owner", flat=True).first()
    kept_out = None if plan.owner_may_decide else owner
    named = sentences.titles(policy)
    return [
        _called(each.team, each.quorum, named, kept_out, at) for each in plan.stages[0].requirements
    ]


def _called(
    team: str, quorum: int, named: Mapping[str, str], kept_out: int | None, at: datetime
) -> Called:
    of = schedules.team_of(team)
    if of is not None:
        known = on_call.who(of, at=at)
        return Called(seats.spoken(team), quorum, tuple(map(str, known.people)), known.why)
    people = list(
        Person.objects.filter(is_active=True, memberships__team__name=team)
        .exclude(pk__in=[] if kept_out is None else [kept_out])
        .order_by("name", "pk")
    )
    away = stand_ins.away_among(people)
    said = []
    for person in people:
        absence = away.get(person.pk)
        if absence is None:
            said.append(str(person))
        elif absence.stand_in is not None:
            said.append(f"{absence.stand_in}, standing in for {person}")
    words = (
        "" if len(said) >= quorum else f"Nobody could fill {quorum - len(said)} of the seats now."
    )
    return Called(named.get(team, team), quorum, tuple(said), words)


def result(judged: Evaluation) -> str:
    """The answer in a few words, for who hears the page."""
    if judged.verdict is Approval.FORBIDDEN:
        return "would be denied"
    if judged.verdict is Approval.AUTO or judged.plan is None:
        return "would run without anybody being asked"
    return "people would be asked"
