"""Any text and any structure: read, or refused with places inside the file, soon."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.domain.policy import lint
from approvals.domain.policy.documents import ENVELOPE, PLAIN, PolicySet, load
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.yaml_text import SIZE_LIMIT
from tests.domain.test_documents import DEFAULT, EXAMPLES, matrix, team

BASIS = f"{team('leads')}---\n{matrix()}"
WHOLE = "\n---\n".join([*EXAMPLES.values(), DEFAULT])
LINES = WHOLE.splitlines()
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # what YAML takes as the end of a line
SECONDS = 20.0  # on a busy machine; alone they take one
SCRAPS = (
    "\t",
    "&a",
    "*a",
    "<<: ",
    "- ",
    "? ",
    "!!set ",
    "---\n",
    "{",
    "]",
    '"',
    "|",
    "%",
    "\ufeff",
)
KEYS = (
    *ENVELOPE, *PLAIN, "forbidden", "allowed", "approvers", "team", "quorum", "conditions", "when",
    "low", "medium", "high", "critical", "members", "on_duty", "hours", "timeout", "escalate_to",
    "deployments", "max_per_hour", "errorRate", "threshold", "full", "scan", "excluded", "risk",
)  # fmt: skip
WORDS = (
    "guardrails.io/v1", "AgentPolicy", "RiskMatrix", "Team", "auto", "required", "forbidden", "low",
    "5m", "50%", "*", "prod-*", "mon-fri", "08:00-18:00", "a", "",
)  # fmt: skip


def judged(files: Mapping[str, str]) -> PolicySet | None:
    """The policy, or None; anything else than a refusal in place fails the test."""
    try:
        found = load(files)
    except PolicyInvalid as refused:
        problems = refused.problems
    else:
        lint.warnings(found)
        return found
    assert problems
    lines_of = {file: _BREAK.split(text) for file, text in files.items()}
    widest = {file: max(map(len, lines)) for file, lines in lines_of.items()}
    for problem in problems:
        lines = lines_of[problem.place.file]
        assert 1 <= problem.place.line <= len(lines)
        assert 1 <= problem.place.column <= widest[problem.place.file] + 1
        assert 0 < len(problem.words) < 2_000
    return None


@given(st.text(max_size=200), st.lists(st.sampled_from(SCRAPS), max_size=4))
def test_any_text_is_refused_in_its_place(text: str, scraps: list[str]) -> None:
    for scrap in ("", *scraps):
        assert judged({"p.yaml": scrap + text}) is None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, len(LINES) - 1),
    st.integers(0, 60),
    st.one_of(st.sampled_from(SCRAPS), st.sampled_from(KEYS), st.text(max_size=5)),
    st.sampled_from(["put in", "instead", "twice", "away"]),
)
def test_a_valid_policy_with_one_change_is_read_or_refused(
    number: int, column: int, scrap: str, how: str
) -> None:
    line = LINES[number]
    changed = {
        "put in": [line[:column] + scrap + line[column:]],
        "instead": [line[:column] + scrap + line[column + len(scrap) :]],
        "twice": [line, line],
        "away": [],
    }[how]
    judged({"p.yaml": "\n".join([*LINES[:number], *changed, *LINES[number + 1 :]])})


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**20), st.floats(), st.sampled_from(WORDS)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=25,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_any_structure_of_known_words_is_read_or_refused(body: dict[str, Any]) -> None:
    judged({"p.yaml": yaml.safe_dump(body, allow_unicode=True)})
    spec = {
        "apiVersion": "guardrails.io/v1",
        "kind": "AgentPolicy",
        "metadata": {"name": "x"},
        "spec": body,
    }
    judged({"p.yaml": yaml.safe_dump(spec), "d.yaml": BASIS})
    for kind in ("Team", "RiskMatrix"):
        judged({"p.yaml": yaml.safe_dump(spec | {"kind": kind}), "d.yaml": BASIS})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(KEYS), st.integers(0, 9)), min_size=1, max_size=6), VALUES
)
def test_a_valid_policy_with_one_value_exchanged_is_read_or_refused(
    path: list[str | int], value: Any
) -> None:
    documents = list(yaml.safe_load_all(WHOLE))
    for document in documents:
        at: Any = document
        for step in path:
            fits = isinstance(step, int) and isinstance(at, list) and step < len(at)
            if not fits and not (isinstance(at, dict) and step in at):
                break
            if step == path[-1]:
                at[step] = value
                break
            at = at[step]
    judged({"p.yaml": yaml.safe_dump_all(documents)})


@pytest.mark.parametrize(
    "text",
    [
        "- " * (SIZE_LIMIT // 2),
        "[" * 100_000,
        '"' + "\\n" * 100_000 + '"',
        "a:\n" + "\n" * 200_000,
        "---\n" * 60_000,
        "\n".join(f"k{number}: 1" for number in range(9_000)),
        "\n".join("k: 1" for _ in range(9_000)),
        "!" * 200_000,
        "%A b\n" * 50_000,
        "a: &x [" + "*x, " * 10_000 + "]",
        "actions: {allowed: ['" + "*a" * 5_000 + "']}",
        "rate_limits: {'" + "a" * 50_000 + "': {max_per_hour: 1}}",
        "agent: " + "a" * 200_000 + "\nactions: {allowed: [x]}",
    ],
)
def test_what_was_made_to_be_slow_is_refused_soon(text: str) -> None:
    began = time.monotonic()
    assert judged({"p.yaml": text}) is None
    assert time.monotonic() - began < SECONDS


def test_thousands_of_globs_against_thousands_are_compared_soon() -> None:
    allowed = ", ".join(f"'*a{number}*'" for number in range(2_400))
    forbidden = ", ".join(f"'*b{number}*'" for number in range(2_400))
    began = time.monotonic()
    found = load(
        {
            "d.yaml": DEFAULT,
            "p.yaml": f"actions: {{allowed: [{allowed}], forbidden: [{forbidden}]}}",
        }
    )
    assert len(found.rules) > 4_800
    assert time.monotonic() - began < SECONDS
