"""The JSON Schema (draft 2020-12) of policy documents, for editors to complete and check against.

It is a help while writing. `documents.load` alone decides, and it knows more: which teams there are,
what several documents say together, and where in a file the mistake is.
"""

from __future__ import annotations

from collections.abc import Mapping

from approvals.domain.policy import matrix, on_call
from approvals.domain.policy import schema_sections as sections
from approvals.domain.policy.agent_policy import SECTIONS
from approvals.domain.policy.schema_sections import Schema, closed, described, listed, ref
from approvals.domain.terms import Approval, OnTimeout, RiskLevel

ID = "urn:countersign:policy:v1"
_BY_SECTION: Mapping[str, str] = {
    "scope": "scope",
    "rules": "actions",
    "rates": "rates",
    "breakers": "breakers",
    "blast": "blast",
    "data": "data",
    "autonomy": "autonomy",
    "attention": "attention",
}


def schema() -> Schema:
    """The whole of it: one document of a file, in any form."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Countersign policy document",
        "type": "object",
        "if": {
            "anyOf": [{"required": [key]} for key in ("apiVersion", "kind", "metadata", "spec")]
        },
        "then": {
            "properties": {"kind": {"enum": ["AgentPolicy", "RiskMatrix", "Team"]}},
            "required": ["apiVersion", "kind", "metadata", "spec"],
            "allOf": [_of_kind(kind) for kind in ("AgentPolicy", "RiskMatrix", "Team")],
        },
        "else": ref("plain"),
        "$defs": {
            **sections.definitions(),
            "AgentPolicy": _enveloped("AgentPolicy", ref("policy")),
            "RiskMatrix": _enveloped("RiskMatrix", ref("matrix")),
            "Team": _enveloped("Team", ref("team")),
            "policy": _policy(),
            "plain": _policy(name=ref("name")),
            "matrix": _matrix(),
            "row": _row(),
            "highRow": {"allOf": [ref("row"), {"properties": {"approval": {"const": "required"}}}]},
            "stage": closed(_stage(), required=("approvers", "timeout")),
            "team": _team(),
        },
    }


def _of_kind(kind: str) -> Schema:
    return {"if": {"properties": {"kind": {"const": kind}}}, "then": ref(kind)}


def _enveloped(kind: str, spec: Schema) -> Schema:
    metadata = {
        "name": ref("name"),
        "title": {"type": "string", "minLength": 1, "maxLength": 120},
        "labels": {"type": "object"},
    }
    return closed(
        {
            "apiVersion": {"const": "guardrails.io/v1"},
            "kind": {"const": kind},
            "metadata": closed(metadata, required=("name",)),
            "spec": spec,
        },
        required=("apiVersion", "kind", "metadata", "spec"),
    )


def _policy(**also: Schema) -> Schema:
    """The sections under each of their names; at least one, and who they concern."""
    found = {
        "agent": described("the agent this concerns, or a glob", ref("glob")),
        "agents": described("globs; every agent when it is left out", listed(ref("glob"), least=1)),
        **also,
    }
    by_key = {key: ref(_BY_SECTION[section]) for key, section in SECTIONS.items()}
    return {
        **closed({**found, **by_key}),
        "not": {"required": ["agent", "agents"]},
        "anyOf": [{"required": [key]} for key in by_key],
    }


def _matrix() -> Schema:
    levels = [level.value for level in RiskLevel]
    rows = {level: ref("row" if level in ("low", "medium") else "highRow") for level in levels}
    return closed(rows, required=levels)


def _stage() -> dict[str, Schema]:
    return {
        "approvers": described("all of them, by distinct people", ref("approvers")),
        "timeout": described("how long the last people asked have", ref("span")),
        "on_timeout": {"enum": [each.value for each in OnTimeout]},
        "escalate_to": {"anyOf": [{"enum": list(matrix.WORDS)}, listed(_step(), least=1)]},
    }


def _step() -> Schema:
    named = [
        closed({key: ref("teamName"), "after": ref("span")}, required=(key,))
        for key in ("team", *matrix.WORDS)
    ]
    return {"anyOf": [{"enum": list(matrix.WORDS)}, *named]}


def _row() -> Schema:
    people = _stage()
    keys: dict[str, Schema] = {
        "approval": {"enum": [Approval.AUTO.value, Approval.REQUIRED.value]},
        **people,
        "stages": described("one after another", listed(ref("stage"), least=1)),
        "remind_at": described("shares of the window", listed(ref("share"))),
        "channels": listed(ref("text")),
        "pause": described("how long questions may stop the clock", ref("span")),
        "grant_life": described("how long an approval may wait to be used", ref("span")),
        "reason_required": {"type": "boolean"},
        "step_up": described("an approval takes a fresh sign-in", {"type": "boolean"}),
        "change_request": described(
            "opens a change request there", {"enum": list(matrix.CHANGE_REQUESTS)}
        ),
    }
    of_people = (*people, "stages", "step_up", "change_request")
    nobody = {"not": {"anyOf": [{"required": [key]} for key in of_people]}}
    somebody = {"oneOf": [{"required": ["approvers", "timeout"]}, {"required": ["stages"]}]}
    return {
        **closed(keys, required=("approval",)),
        "if": {"properties": {"approval": {"const": "auto"}}},
        "then": nobody,
        "else": somebody,
    }


def _team() -> Schema:
    hours = closed(
        {
            "days": described("mon-fri, or a list", {"type": ["string", "array"]}),
            "hours": {
                "type": "string",
                "pattern": r"^\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*$",
            },
            "timezone": described("such as Europe/Berlin; UTC when left out", ref("text")),
        },
        required=("hours",),
    )
    schedule = closed({each: ref("text") for each in on_call.PROVIDERS})
    return closed(
        {
            "members": listed(ref("text")),
            "on_duty": listed(hours),
            "on_call": described("the schedule that knows who is on call", schedule),
            "fallback": described("the team asked when it does not", ref("teamName")),
        }
    )
