"""The passes of scripts/test leave no test out, and what depends on an engine meets both."""

import re
from itertools import product
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from approvals.models import Agent
from tests.support.plugin import depends_on_engine

SCRIPT = (Path(__file__).parents[2] / "scripts" / "test").read_text()
PASSES = re.findall(r'^pass "[^"]+" (\w+) .*-m "([^"]+)"', SCRIPT, re.MULTILINE)
KINDS = ("engine", "postgres", "browser", "faults", "redis", "slow")


def every_test_there_can_be() -> list[set[str]]:
    """All ways to be marked; what needs PostgreSQL depends on its engine, as the plugin says."""
    ways = [
        {kind for kind, given in zip(KINDS, marks, strict=True) if given}
        for marks in product((True, False), repeat=len(KINDS))
    ]
    return [marks for marks in ways if "postgres" not in marks or "engine" in marks]


def engines_of(marks: set[str]) -> list[str]:
    """The engines that run a test with these marks, once for each pass that takes it."""

    def is_marked(name: str, /, **_: object) -> bool:
        return name in marks

    return [e for e, words in PASSES if Expression.compile(words).evaluate(is_marked)]


def test_there_are_three_passes_on_two_engines() -> None:
    assert [engine for engine, _ in PASSES] == ["sqlite", "postgres", "postgres"]


def test_every_test_is_in_a_pass_and_none_twice_in_the_same() -> None:
    for marks in every_test_there_can_be():
        engines = engines_of(marks)
        assert engines, marks
        assert len(engines) == len(set(engines)), marks


def test_what_depends_on_an_engine_runs_on_both() -> None:
    for marks in every_test_there_can_be():
        if marks.isdisjoint({"browser", "faults", "postgres"}) and "engine" in marks:
            assert engines_of(marks) == ["sqlite", "postgres"], marks


def test_this_one_touches_no_database(request: pytest.FixtureRequest) -> None:
    assert not depends_on_engine(request.node)
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        Agent.objects.count()


def test_this_one_touches_one(db: None, request: pytest.FixtureRequest) -> None:
    assert depends_on_engine(request.node)
    assert request.node.get_closest_marker("engine")


@pytest.mark.parametrize("kind", ["django_db", "postgres"])
def test_marks_too_say_that_a_test_touches_one(kind: str, request: pytest.FixtureRequest) -> None:
    assert not depends_on_engine(request.node)
    request.node.add_marker(kind)
    assert depends_on_engine(request.node)
