"""Keep what the simulator answered as a test case: an example beside the policy that must go on holding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from approvals.domain.policy import examples
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.terms import Stage

FILE = "test cases"
MOST_CASES = 200
LONGEST = 256 * 1024
ASKED_BY = ("reasoning", "impact", "risk", "risk_reason", "alternatives", "resource",
            "data_classification", "aggregated", "session", "context", "recipients",
            "labels")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One test case that was tried: what it is called, and what came instead where it does not hold."""

    name: str
    misses: tuple[str, ...]


def case(
    policy: PolicySet,
    judged: Evaluation,
    *,
    title: str,
    agent: str,
    submission: Mapping[str, Any],
    at: datetime,
    stages: Mapping[str, Stage],
) -> str:
    """The YAML of one test case, or nothing where the answer hung on more than a test case can say.

    Rates, breakers and earlier denials are such; who is asked, at which risk, and the stage are kept.
    """
    request = {"agent": agent, "action": submission["action"], "target": submission["target"],
               "parameters": submission["parameters"]}  # fmt: skip
    request |= {name: submission[name] for name in ASKED_BY if submission.get(name)}
    given: dict[str, Any] = {"now": at.astimezone(UTC).isoformat(timespec="seconds")}
    if stages:
        given["stage"] = {name: stage.value for name, stage in stages.items()}
    expect = {"verdict": judged.verdict.value, "risk": judged.effective.value,
              "asked": list(examples.asked(judged))}  # fmt: skip
    text = "".join(
        (f"- name: {_yaml(title)}\n", f"  request: {_yaml(request)}\n",
         f"  given: {_yaml(given)}\n", f"  expect: {_yaml(expect)}\n")
    )  # fmt: skip
    try:
        return text if all(not one.misses for one in tried(policy, text)) else ""
    except PolicyInvalid:
        return ""


def tried(policy: PolicySet, text: str) -> list[Case]:
    """Every test case of a text, judged by this policy. Raises PolicyInvalid for what is none."""
    found = examples.read(FILE, text[:LONGEST]) if text.strip() else ()
    return [
        Case(one.example.name, tuple(map(str, one.misses)))
        for one in examples.run(policy, found[:MOST_CASES])
    ]


def _yaml(value: Any) -> str:
    """JSON is YAML."""
    return json.dumps(value, ensure_ascii=True)
