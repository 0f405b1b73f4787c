"""The JSON Schema of the sections of an AgentPolicy, and of what values they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from approvals.domain.policy.classes import CLASSES
from approvals.domain.policy.conditions import NAMED
from approvals.domain.terms import Approval, BreakerAction, RiskLevel

Schema = dict[str, Any]
_PERCENT = r"^[0-9]{1,5}([.][0-9]{1,4})?\s*%$"


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def closed(keys: Mapping[str, Schema], *, required: Sequence[str] = ()) -> Schema:
    """A mapping with these keys and no others."""
    found: Schema = {"type": "object", "properties": dict(keys), "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def listed(item: Schema, *, least: int = 0) -> Schema:
    found: Schema = {"type": "array", "items": item}
    return {**found, "minItems": least} if least else found


def described(words: str, value: Schema) -> Schema:
    return {"description": words, **value}


def definitions() -> dict[str, Schema]:
    """Each section by its own name, and the kinds of value they share."""
    return {
        **_values(),
        "approvers": listed(
            closed({"team": ref("teamName"), "quorum": ref("seats")}, required=("team",)), least=1
        ),
        "scope": _scope(),
        "actions": {"anyOf": [listed(_rule()), _lists()]},
        "conditions": _conditions(),
        "rates": _rates(),
        "breakers": _breakers(),
        "blast": _blast(),
        "data": _data(),
        "autonomy": _autonomy(),
        "attention": _attention(),
    }


def _values() -> dict[str, Schema]:
    return {
        "text": {"type": "string", "pattern": r"\S"},
        "name": {"type": "string", "pattern": r"\S", "maxLength": 150},
        "teamName": {"type": "string", "pattern": r"\S", "maxLength": 80},
        "glob": described(
            "a name; * and ? stand for anything", {"type": "string", "pattern": r"\S"}
        ),
        "globs": listed(ref("glob")),
        "seats": {"type": "integer", "minimum": 1, "maximum": 50},
        "count": {"type": "integer", "minimum": 1},
        "amount": {"type": "number", "minimum": 0},
        "span": described(
            "30s, 5m, 4h or 1d, at most 30 days",
            {
                "anyOf": [
                    {"type": "string", "pattern": r"^[0-9]{1,7}\s*[smhd]$"},
                    {"type": "integer", "minimum": 1, "maximum": 2_592_000},
                ]
            },
        ),
        "percent": described(
            "such as 50%",
            {"anyOf": [{"type": "string", "pattern": _PERCENT}, {"type": "number", "minimum": 0}]},
        ),
        "share": described(
            "a share such as 50%",
            {
                "anyOf": [
                    {"type": "string", "pattern": r"^[1-9][0-9]?%?$"},
                    {"type": "integer", "minimum": 1, "maximum": 99},
                ]
            },
        ),
    }


def _scope() -> Schema:
    types = described("such as deployments or secrets (read-only)", ref("globs"))
    return closed(
        {
            "namespaces": ref("globs"),
            "resources": types,
            "resource_types": types,
            "targets": ref("globs"),
            "excluded": described("text or globs; what they name is never touched", ref("globs")),
            "without_resource": described("actions that touch no resource", ref("globs")),
        }
    )


def _rule() -> Schema:
    keys = {
        "name": ref("glob"),
        "approval": {"enum": [each.value for each in Approval]},
        "risk": {"enum": [each.value for each in RiskLevel]},
        "because": ref("text"),
        "conditions": ref("conditions"),
        "when": described("an expression in CEL", ref("text")),
        "approvers": ref("approvers"),
        "timeout": ref("span"),
    }
    return {
        **closed(keys, required=("name",)),
        "anyOf": [{"required": ["approval"]}, {"required": ["risk"]}],
    }


def _lists() -> Schema:
    keys = ("allowed", "requires_approval", "forbidden")
    return closed({key: ref("globs") for key in keys})


def _conditions() -> Schema:
    named = {name: {"description": each.words} for name, each in NAMED.items()}
    return {"anyOf": [listed(closed(named)), closed(named)]}


def _rates() -> Schema:
    every = {
        "actionsPerHour": ref("count"),
        "actionsPerDay": ref("count"),
        "cooldownAfterFailure": ref("span"),
    }
    of_one = closed(
        {
            "max_per_hour": ref("count"),
            "max_per_day": ref("count"),
            "max_per_recipient_per_day": ref("count"),
            "cooldown_after_failure": ref("span"),
            "max_increase_per_event": ref("percent"),
            "actions": listed(ref("glob"), least=1),
        }
    )
    return {
        "type": "object",
        "properties": {**every, **{name: of_one for name in CLASSES}},
        "additionalProperties": of_one,
        "minProperties": 1,
    }


def _breakers() -> Schema:
    window, does = ref("span"), {"enum": [each.value for each in BreakerAction]}
    usual = {"action": does, "rest": ref("span")}
    error_rate = {"window": window, "minimum": ref("count"), **usual}
    baseline = {"baseline": {"const": "7d_average"}, **usual}
    formed = {
        "oneOf": [
            closed({"errorRate": ref("percent"), **error_rate}, required=("errorRate",)),
            closed({"rollbacks": ref("count"), "window": window, **usual}, required=("rollbacks",)),
            closed({"costSpike": ref("percent"), **baseline}, required=("costSpike",)),
        ]
    }
    named = closed(
        {
            "error_rate": _breaker(ref("percent"), error_rate),
            "rollback_count": _breaker(ref("count"), {"window": window, **usual}),
            "cost_spike": _breaker(ref("percent"), baseline),
        }
    )
    return {"anyOf": [formed, listed(formed, least=1), {**named, "minProperties": 1}]}


def _breaker(threshold: Schema, keys: Mapping[str, Schema]) -> Schema:
    return closed({"threshold": threshold, **keys}, required=("threshold",))


def _blast() -> Schema:
    amount, percent = ref("amount"), ref("percent")
    keys = {
        "pods": amount,
        "replicaPercent": percent,
        "costPerHourUsd": amount,
        "users": amount,
        "max_pods": amount,
        "max_replica_percent": percent,
        "max_cost_per_hour_usd": amount,
        "max_users": amount,
    }
    return {**closed(keys), "minProperties": 1}


def _data() -> Schema:
    kinds = {"enum": ["names", "accounts", "emails", "secrets"]}
    return closed(
        {
            "scan": described("what confidential requests must not hold", listed(kinds)),
            "internal": described("actions that may use internal data", ref("globs")),
        }
    )


def _autonomy() -> Schema:
    demote = {
        "agreement_below": ref("share"),
        "minimum": ref("count"),
        "on_breaker": {"type": "boolean"},
        "on_incident": {"type": "boolean"},
    }
    return closed({"full": ref("globs"), "demote": closed(demote)})


def _attention() -> Schema:
    return closed(
        {
            "questions_per_hour": ref("count"),
            "questions_per_approver_per_hour": ref("count"),
            "denied_cooldown": ref("span"),
            "share_cards": {"type": "boolean"},
        }
    )
