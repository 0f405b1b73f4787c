"""What would happen to one request, by the policy in force or by a draft. Nothing is written or sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.domain import canonical, errors
from approvals.domain.plan import Plan
from approvals.domain.policy import on_call as schedules
from approvals.domain.policy import seats, sentences
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Approval, DataClass, RiskLevel
from approvals.models import Agent, Person
from approvals.queries import stand_ins
from approvals.services import circumstances, on_call

LONGEST = 20_000
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
    if not action or not target:
        raise NotAnAction("An action and a target are wanted. Nothing was judged.")
    if len(action) > LONGEST_NAME or len(target) > LONGEST_TARGET:
        raise NotAnAction("The action or the target is too long. Nothing was judged.")
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


def answer(
    policy: PolicySet, *, agent: str, submission: Mapping[str, Any], at: datetime
) -> Evaluation:
    """The evaluation by this policy, under what the service knows at that moment."""
    subject = subject_of(agent, submission)
    known = Agent.objects.filter(name=agent).first()
    return evaluate(policy, subject, circumstances.gather(known, subject, policy, at=at))


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
