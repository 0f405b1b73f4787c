"""A second opinion on policy: slow, plain, and written apart from the evaluator it checks.

It reads the documents as plain dictionaries and answers only `auto`, `required` or `forbidden`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.subject import Subject

ORDER = ("auto", "required", "forbidden")
RISKS = ("low", "medium", "high", "critical")
READS = ("view*", "read*", "list*", "get_*", "describe_*", "search_*", "watch_*")
SCALES = ("scale", "scale_*", "*_scale", "resize_*", "autoscale_*")
REPLICAS = ("pods", "replicaPercent")
NOTIFIES = ("notify", "notify_*", "send_*", "*_notification", "post_message", "page_*")


def verdict(documents: list[dict[str, Any]], subject: Subject, now: Circumstances) -> str:
    """What may happen: the strictest of everything any document says."""
    matrix = next(each["spec"] for each in documents if each.get("kind") == "RiskMatrix")
    mine = [spec for spec in map(_spec, documents) if spec is not None and _concerns(spec, subject)]
    rules = [
        rule for spec in mine for rule in _rules(spec) if fnmatchcase(subject.action, rule["name"])
    ]
    said = [_rule_says(rule, subject) for rule in rules]
    risk = _risk(rules, said, subject)
    holds_auto = ("auto", True) in said
    row = matrix[risk]["approval"]
    answers = ["auto" if holds_auto and risk in {"low", "medium"} else row]
    answers += [_of_rule(approval, holds) for approval, holds in said]
    if not any(
        approval != "forbidden" and (holds is not False or approval == "auto")
        for approval, holds in said
    ):
        answers.append("required")
    for spec in mine:
        answers += [
            _scope(spec.get("scope"), subject),
            _rates(spec, subject, now),
            _blast(spec, subject),
        ]
    answers.append(_breakers(now, subject))
    return max(answers, key=ORDER.index)


def _spec(document: dict[str, Any]) -> dict[str, Any] | None:
    if document.get("kind") == "AgentPolicy":
        spec: dict[str, Any] = document["spec"]
        return spec
    return None if "kind" in document else document


def _concerns(spec: dict[str, Any], subject: Subject) -> bool:
    patterns = [spec["agent"]] if "agent" in spec else spec.get("agents", ["*"])
    return any(fnmatchcase(subject.agent, pattern) for pattern in patterns)


def _rules(spec: dict[str, Any]) -> list[dict[str, Any]]:
    actions = spec.get("actions", [])
    if isinstance(actions, list):
        return actions
    kinds = {"allowed": "auto", "requires_approval": "required", "forbidden": "forbidden"}
    return [
        {"name": name, "approval": kinds[kind]} for kind, names in actions.items() for name in names
    ]


def _rule_says(rule: dict[str, Any], subject: Subject) -> tuple[str | None, bool | None]:
    given = rule.get("conditions", [])
    pairs = [
        pair for each in (given if isinstance(given, list) else [given]) for pair in each.items()
    ]
    found = [_condition(name, limit, subject) for name, limit in pairs]
    if any(each is False for each in found):
        return rule.get("approval"), False
    return rule.get("approval"), None if any(each is None for each in found) else True


def _condition(name: str, limit: Any, subject: Subject) -> bool | None:
    before, after = _replicas(subject)
    if name == "maxReplicas":
        return None if after is None else bool(after <= limit)
    if name == "maxPercentChange":
        if before is None or after is None or before == 0:
            return None if before is None or after is None or after != 0 else True
        return bool(abs(after - before) * 100 <= limit * before)
    raise NotImplementedError(name)


def _of_rule(approval: str | None, holds: bool | None) -> str:
    if approval == "forbidden":
        return {True: "forbidden", None: "required", False: "auto"}[holds]
    if approval == "required":
        return "auto" if holds is False else "required"
    if approval == "auto":
        return "auto" if holds else "required"
    return "required" if holds is None else "auto"


def _risk(
    rules: list[dict[str, Any]], said: list[tuple[str | None, bool | None]], subject: Subject
) -> str:
    rated = [
        rule["risk"]
        for rule, (approval, holds) in zip(rules, said, strict=True)
        if "risk" in rule and (holds is not False or approval == "auto")
    ]
    found = [max(rated, key=RISKS.index) if rated else "medium"]
    if subject.claimed:
        found.append(subject.claimed.value)
    return max(found, key=RISKS.index)


def _scope(scope: dict[str, Any] | None, subject: Subject) -> str:
    if scope is None:
        return "auto"
    haystacks = [
        subject.namespace,
        subject.target,
        subject.resource_type,
        *_strings(subject.parameters),
    ]
    for word in scope.get("excluded", ()):
        if any(_excluded(word, text) for text in haystacks):
            return "forbidden"
    exempt = any(fnmatchcase(subject.action, one) for one in scope.get("without_resource", ()))
    unnamed = "auto" if exempt else "required"
    answers = ["auto"]
    if "targets" in scope and not any(fnmatchcase(subject.target, one) for one in scope["targets"]):
        answers.append("forbidden")
    if "namespaces" in scope:
        inside = any(fnmatchcase(subject.namespace, one) for one in scope["namespaces"])
        answers.append(unnamed if not subject.namespace else "auto" if inside else "forbidden")
    types = scope.get("resources", scope.get("resource_types"))
    if types is not None:
        answers.append(_type(types, subject) if subject.resource_type else unnamed)
    return max(answers, key=ORDER.index)


def _type(types: list[str], subject: Subject) -> str:
    asked = _plain_type(subject.resource_type)
    found = []
    for one in types:
        name, _, note = one.partition("(")
        if fnmatchcase(asked, _plain_type(name)):
            reads = any(fnmatchcase(subject.action, pattern) for pattern in READS)
            found.append("auto" if not note or reads else "forbidden")
    return max(found, key=ORDER.index) if found else "forbidden"


def _plain_type(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip().removesuffix("s")


def _excluded(word: str, text: str) -> bool:
    flat = _flat(text)
    if "*" in word or "?" in word:
        pattern = unicodedata.normalize("NFKC", word).casefold()
        return fnmatchcase(unicodedata.normalize("NFKC", text).casefold(), pattern) or fnmatchcase(
            flat.strip("-"), _flat(word).strip("-")
        )
    return _flat(word).strip("-") in flat if not word.strip("-_./:") else _bare(word) in flat


def _bare(word: str) -> str:
    return re.sub(r"[_./:\-]", "-", unicodedata.normalize("NFKC", word).casefold())


def _flat(text: str) -> str:
    return f"-{_bare(text)}-"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _replicas(subject: Subject) -> tuple[float | None, float | None]:
    before, after = (subject.parameters.get(name) for name in ("from_replicas", "to_replicas"))
    return _number(before), _number(after)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _blast(spec: dict[str, Any], subject: Subject) -> str:
    caps = spec.get("blastRadius")
    if caps is None:
        return "auto"
    before, after = _replicas(subject)
    percent = [_number(subject.impact.get("replica_percent"))]
    pods = [_number(subject.impact.get("pods"))]
    if before is not None and after is not None:
        pods.append(abs(after - before))
        if before:
            percent.append(abs(after - before) * 100 / before)
        elif after:
            percent.append(float("inf"))
    stated = {
        "pods": pods,
        "replicaPercent": percent,
        "costPerHourUsd": [_number(subject.impact.get("cost_per_hour_usd"))],
        "users": [_number(subject.impact.get("users"))],
    }
    known = before is not None and after is not None
    named = {"from_replicas", "to_replicas"} <= subject.parameters.keys()
    over = any(value is not None and value > caps[name] for name in caps for value in stated[name])
    scaling = any(fnmatchcase(subject.action, one) for one in SCALES)
    untold = not known and (scaling or named) and not caps.keys().isdisjoint(REPLICAS)
    return "required" if over or untold else "auto"


def _rates(spec: dict[str, Any], subject: Subject, now: Circumstances) -> str:
    answers = ["auto"]
    every = spec.get("rateLimits", {})
    hour = sum(count.hour for count in now.passed.values())
    day = sum(count.day for count in now.passed.values())
    if hour >= every.get("actionsPerHour", float("inf")) or day >= every.get(
        "actionsPerDay", float("inf")
    ):
        answers.append("forbidden")
    for name, limits in spec.get("rate_limits", {}).items():
        patterns = {"scaling_events": SCALES, "notifications": NOTIFIES}.get(name, (name,))
        if not any(fnmatchcase(subject.action, one) for one in patterns):
            continue
        counted = [
            count
            for action, count in now.passed.items()
            if any(fnmatchcase(action, one) for one in patterns)
        ]
        if sum(each.hour for each in counted) >= limits.get("max_per_hour", float("inf")):
            answers.append("forbidden")
        if sum(each.day for each in counted) >= limits.get("max_per_day", float("inf")):
            answers.append("forbidden")
        rest = limits.get("cooldown_after_failure")
        if rest and any(
            any(fnmatchcase(each.action, one) for one in patterns)
            and now.now < each.at + timedelta(minutes=int(rest.removesuffix("m")))
            for each in now.reported
        ):
            answers.append("forbidden")
    return max(answers, key=ORDER.index)


def _breakers(now: Circumstances, subject: Subject) -> str:
    answers = ["auto"]
    for each in now.tripped:
        if each.does == "pause_and_alert":
            answers.append("forbidden")
        elif each.does == "require_human_review":
            answers.append("required")
        elif any(fnmatchcase(subject.action, one) for one in SCALES):
            answers.append("forbidden")
    return max(answers, key=ORDER.index)
