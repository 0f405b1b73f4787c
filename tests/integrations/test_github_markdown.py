"""Nothing that others wrote is obeyed by GitHub's Markdown, and nothing is hidden by it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.terms import RiskLevel, Status, Verdict
from integrations.github import output, places
from integrations.github.markdown import COLUMNS, fenced, fenced_within, span
from integrations.github.output import CONCLUSIONS
from integrations.github.places import Check, Deployment, Repository
from tests.integrations.contract import HOSTILE
from tests.integrations.test_github_contract import outside_code
from tests.integrations.test_slack_blocks import a_card, opened

LINES = st.sampled_from(["```", "````", "  ```", "``` ", "`````x", "~~~", "@ada", "# x", "", "<b>"])
TEXTS = st.lists(LINES | st.text(alphabet="`~ \t#@<>[]()*_-|ax\r", max_size=200)).map("\n".join)


@given(TEXTS)
def test_nothing_gets_out_of_a_fence(text: str) -> None:
    assert list(outside_code(f"before\n{fenced(text)}\nafter")) == ["before", "after"]


@given(st.text(alphabet="ab `", max_size=500))
def test_a_fence_keeps_every_word_and_no_line_runs_out_of_sight(text: str) -> None:
    lines = fenced(text).split("\n")[1:-1]
    assert all(len(line) <= COLUMNS for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text(alphabet="`ab \n", max_size=200))
def test_a_span_is_one_run_of_code(text: str) -> None:
    drawn = span(text)
    first, *between, last = re.findall("`+", drawn)
    assert first == last
    assert first not in between
    assert drawn.startswith(first)
    assert drawn.endswith(last)
    assert "\n" not in drawn


@given(st.text(alphabet="`é x", max_size=3_000), st.integers(200, 2_000))
def test_a_block_stays_within_its_limit_and_says_when_it_is_not_all(text: str, limit: int) -> None:
    block, is_whole = fenced_within(text, limit)
    assert len(block.encode()) <= limit
    assert is_whole is (block == fenced(text))


@pytest.mark.parametrize("status", Status)
def test_every_state_has_a_conclusion_and_silence_is_no_failure(status: Status) -> None:
    assert CONCLUSIONS[status] in {
        "action_required", "success", "failure", "timed_out", "cancelled",
    }  # fmt: skip
    assert (CONCLUSIONS[status] == "success") is (status is Status.APPROVED)
    assert CONCLUSIONS[Status.EXPIRED] == "timed_out"


def test_the_largest_card_is_within_githubs_limit_and_cannot_be_approved_there() -> None:
    huge = {f"key-{n}": "`" * 3_000 + "é" * 3_000 for n in range(40)}
    card = a_card(parameters=huge, reasoning="`" * 9_000, context={"x": "y " * 9_000})
    drawn = output.body(card, critical_on_web=True, words="`" * 9_000)
    assert len(drawn["output"]["summary"].encode()) <= 65_535
    assert Verdict.APPROVE not in output.buttons(card, critical_on_web=True)
    assert "approved on its page only" in drawn["output"]["summary"]


def test_critical_requests_are_approved_on_the_page_unless_the_operator_says_otherwise() -> None:
    card = a_card(opened(RiskLevel.CRITICAL))
    assert Verdict.APPROVE not in output.buttons(card, critical_on_web=True)
    assert Verdict.APPROVE in output.buttons(card, critical_on_web=False)


@pytest.mark.parametrize("version", [1, 10, 9_999])
@pytest.mark.parametrize("verdict", Verdict)
def test_a_button_fits(verdict: Verdict, version: int) -> None:
    assert len(output.identifier(verdict, version)) <= 20


@pytest.mark.parametrize("text", [*HOSTILE, "production", "eu west/1:blue", "é%20"])
def test_an_address_is_read_back_as_it_was_written(text: str) -> None:
    repository = Repository("octo/shop.js", 5, 6)
    for place in (
        Deployment(repository, 7, text[:255]),
        Deployment(repository, 7, text[:255], reports=True),
        Check(repository, "a" * 40),
    ):
        assert places.read(str(place)) == place


@pytest.mark.parametrize(
    "line",
    ["", "check", "check octo/shop 5 6", "check ../.. 5 6 " + "a" * 40, "check octo/.. 5 6 " + "a" * 40,
     "deployment octo/shop 0 6 7 x", "report octo/shop 5 6 7 x y", "check octo/shop 5 6 HEAD"],
)  # fmt: skip
def test_what_is_no_address_is_none(line: str) -> None:
    assert places.read(line) is None
