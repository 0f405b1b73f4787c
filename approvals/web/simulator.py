"""The simulator: what would happen to this request? Every answer has an address, and nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import queries
from approvals.domain import display
from approvals.domain.errors import NotFound, Refusal
from approvals.domain.policy import documents
from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.traced import Traced
from approvals.domain.terms import Approval, DataClass, RiskLevel, Stage
from approvals.models import Agent, Person
from approvals.queries import policies as reads
from approvals.services import clock, own, pinned, policies, policy_changes, replay, simulation
from approvals.web import evaluation, values
from approvals.web.access import signed_in
from approvals.web.paging import whole

FIELDS = (
    "agent", "action", "target", "parameters", "namespace", "type", "risk", "data_classification",
    "recipients", "at", "stage", "draft", "request", "json",
)  # fmt: skip
MOST_REPLAYED = 2_000
MOST_AGENTS = 500
DAYS = 30
LISTED = 25
ANY_AGENT = "any-agent"
MOST_RULES = 200
LONGEST_SENTENCE = 2_000
NO_STAGE = "none"
DOES = {
    Approval.FORBIDDEN: "It refuses.",
    Approval.REQUIRED: "It asks a person.",
    Approval.AUTO: "It lets it through.",
}
READY = (
    ("Restart a service", {"action": "restart_service", "target": "checkout"}),
    ("Drop a database", {"action": "drop_database", "target": "orders"}),
    ("View a dashboard", {"action": "view_dashboard", "target": "production"}),
)
HEADINGS = {
    replay.Effect.STOPS_ASKING: "Would stop asking",
    replay.Effect.ASKS_INSTEAD: "Would ask instead of being refused",
    replay.Effect.NEWLY_ASKS: "Would now ask",
    replay.Effect.NEWLY_REFUSES: "Would now be refused",
    replay.Effect.ASKS_OTHERS: "Would ask other people",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of the simulator."""

    agent: str
    submission: Mapping[str, Any]
    at: datetime
    ref: str = ""
    stages: Mapping[str, Stage] | None = None


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    """The form, and the answer when something was asked; the whole question is in the address."""
    del person
    if request.GET.get("from"):
        return HttpResponseRedirect(f"/policies/draft?{urlencode({'from': request.GET['from']})}")
    now = clock.now()
    typed = {name: request.GET.get(name, "")[: simulation.LONGEST + 1] for name in FIELDS}
    facts: dict[str, Any] = {
        "section": "policies",
        "now": now,
        "typed": typed,
        **_suggested(),
        "risks": list(RiskLevel),
        "data_classes": list(DataClass),
        "stages": list(Stage),
        "no_stage": NO_STAGE,
        "drafts": list(own.waiting(policy_changes.EFFECT)),
        "ready": READY,
        "days": DAYS,
    }
    status = 200
    try:
        live = policies.current()
        draft = _draft(typed["draft"])
        if draft is not None and "replay" in request.GET:
            facts["replayed"] = replayed(live, draft, now)
        if typed["request"] or typed["target"] or typed["json"].strip():
            asked = _question(typed, now)
            facts |= _answers(asked, live, draft)
            facts["typed"] = _filled(typed, asked)
    except (policies.NoPolicy, PolicyInvalid):
        facts["problem"] = "No policy in force can be read, so nothing can be judged by it."
        status = 409
    except Refusal as refusal:
        facts["problem"], status = refusal.words, refusal.status
    return render(request, "simulator.html", facts, status=status)


def _suggested() -> dict[str, Any]:
    """The first agents by name, to choose from; whether there are more, which can be typed."""
    names = list(Agent.objects.order_by("name").values_list("name", flat=True)[: MOST_AGENTS + 1])
    return {"agents": names[:MOST_AGENTS], "agents_cut": len(names) > MOST_AGENTS}


def _question(typed: Mapping[str, str], now: datetime) -> Question:
    at, stages = _moment(typed["at"]) or now, _stages(typed["stage"])
    agent = typed["agent"].strip() or ANY_AGENT
    if not typed["request"] and typed["json"].strip():
        body = simulation.pasted(typed["json"])
        return Question(str(body.pop("agent", agent)), body, at, stages=stages)
    if not typed["request"]:
        return Question(agent, simulation.submission(typed), at, stages=stages)
    try:
        row = queries.request(typed["request"])
    except NotFound:
        raise simulation.NotAnAction(
            f"There is no request {typed['request'][:40]}. Nothing was judged."
        ) from None
    return Question(row.agent.name, row.submission, at, row.ref, stages)


def _stages(word: str) -> dict[str, Stage] | None:
    """The stage to try for every class of action; None for what the agent has itself."""
    if word in {"", NO_STAGE}:
        return {} if word else None
    if word not in list(Stage):
        raise simulation.NotAnAction(f"There is no stage {word[:40]!r}. Nothing was judged.")
    return {EVERY_CLASS: Stage(word)}


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise simulation.NotAnAction(
            "The moment is written 2026-11-22T14:30, in UTC. Nothing was judged."
        ) from None


def _filled(typed: Mapping[str, str], asked: Question) -> dict[str, str]:
    """The form as it was sent; a past request fills it, so that it can be varied."""
    if not asked.ref:
        return dict(typed)
    body = asked.submission
    resource = body.get("resource") or {}
    return {
        **typed,
        "agent": asked.agent,
        "action": str(body["action"]),
        "target": str(body["target"]),
        "parameters": json.dumps(body["parameters"], indent=2, ensure_ascii=True),
        "namespace": str(resource.get("namespace") or ""),
        "type": str(resource.get("type") or ""),
        "risk": str(body.get("risk") or ""),
        "data_classification": str(body.get("data_classification") or ""),
        "request": "",
    }


def _draft(number: str) -> PolicySet | None:
    if not number:
        return None
    wanted = whole(number)
    found = reads.draft(wanted) if wanted is not None else None
    if found is None:
        raise simulation.NotAnAction("There is no such draft. Nothing was judged.")
    return documents.load(found.files)


def _answers(asked: Question, live: PolicySet, draft: PolicySet | None) -> dict[str, Any]:
    sides = [_side("By the policy in force", live, asked)]
    if draft is not None:
        sides.append(_side("By the draft", draft, asked))
    return {
        "ref": asked.ref,
        "agent": display.show_identifier(asked.agent, limit=80).text,
        "headline": display.show_identifier(
            f"{asked.submission['action']} on {asked.submission['target']}", limit=200
        ).text,
        "sides": sides,
        "is_same": draft is not None and sides[0]["said"] == sides[1]["said"],
    }


def _side(title: str, policy: PolicySet, asked: Question) -> dict[str, Any]:
    found = simulation.answer(
        policy, agent=asked.agent, submission=asked.submission, at=asked.at, stages=asked.stages
    )
    judged = found.judged
    said = simulation.sentence(policy, judged)
    title_of_case = f"{asked.ref}: " if asked.ref else ""
    title_of_case += f"{asked.submission['action']} on {asked.submission['target']}"
    return {
        "title": title,
        "case": pinned.case(
            policy, judged, title=title_of_case[:200], agent=asked.agent,
            submission=asked.submission, at=asked.at, stages=found.stages,
        ),
        "result": simulation.result(judged),
        "said": said,  # compared in full, never drawn
        "sentence": values.safe(said, limit=LONGEST_SENTENCE),
        "because": [values.safe(each) for each in judged.because],
        "trace": evaluation.of_checks(judged.to_json()),
        "called": simulation.called(policy, judged.plan, agent=asked.agent, at=asked.at),
        "rules": _rules(found.rules),
        "unlisted": max(0, len(found.rules) - MOST_RULES),
        "elsewhere": [one.name for one in policy.policies if not one.concerns(asked.agent)],
    }  # fmt: skip


def _rules(traced: tuple[Traced, ...]) -> list[dict[str, str]]:
    """Every rule in order, and why it does not apply; of very many, those first that name the action."""
    if len(traced) > MOST_RULES:
        traced = tuple(sorted(traced, key=lambda each: not each.named))[:MOST_RULES]
    return [_rule(each) for each in traced]


def _rule(traced: Traced) -> dict[str, str]:
    rule = traced.rule
    state, css = "Applies", "ok"
    words = DOES[rule.approval] if rule.approval else f"It rates the risk as {rule.risk}."
    if traced.holds is not True:
        state, css, words = "Does not apply", "not", f"Because {traced.lacks}."
        # What could not be told is asked about, and so is what is automatic outside its conditions.
        if traced.holds is None or (traced.named and rule.approval is Approval.AUTO):
            words = f"Because {traced.lacks}; so a person is asked."
    if traced.holds is None:
        state, css = "Could not be checked", "unknown"
    return {
        "name": rule.name,
        "place": f"{rule.place.file}:{rule.place.line}",
        "state": state,
        "css": css,
        "words": display.show(words, limit=400).text,
    }


def replayed(live: PolicySet, draft: PolicySet, now: datetime) -> dict[str, Any]:
    """The requests of the last days by both, those that would stop asking first."""
    found = replay.simulate(before=live, after=draft, days=DAYS, at=now, most=MOST_REPLAYED)
    return {
        "sentence": found.sentence,
        "cut_off": found.cut_off,
        "most": MOST_REPLAYED,
        "not_replayed": replay.NOT_REPLAYED,
        "lists": [
            {"heading": heading, "count": found.counts[effect],
             "changes": [_change(each) for each in listed[:LISTED]],
             "left": found.counts[effect] - len(listed[:LISTED])}
            for effect, heading in HEADINGS.items()
            if (listed := found.changes[effect])
        ],
    }  # fmt: skip


def _change(each: replay.Change) -> dict[str, Any]:
    """A past request that would go another way, with what hides in its names shown and named."""
    action, target = display.show_identifier(each.action), display.show_identifier(each.target)
    return {
        "ref": each.ref,
        "agent": display.show_identifier(each.agent, limit=80).text,
        "action": action.text,
        "target": target.text,
        "odd": [*action.notes, *target.notes],
        "because": values.safe(each.because),
    }
