"""The search box of history: what it understands, what it says of the rest, and its laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain import search
from approvals.domain.search import FREE, LISTS, REF, WORDS, Term

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_every_kind_of_token_is_understood() -> None:
    text = (
        "agent:billing outcome:denied after:2026-11-01 is:stand-in "
        'param.amount>500 REQ-12 "free text" word'
    )

    found = search.parse(text)

    assert found.problems == ()
    assert found.terms == (
        Term("agent", "billing"),
        Term("outcome", "denied"),
        Term("after", "2026-11-01"),
        Term("is", "stand-in"),
        Term("param.amount", "500", ">"),
        Term(REF, "12"),
        Term(WORDS, "free text"),
        Term(WORDS, "word"),
    )
    assert str(found) == text


@pytest.mark.parametrize(
    ("token", "hint"),
    [
        ("agnet:robo", "Did you mean agent:robo?"),
        ("outcome:denid", "Did you mean outcome:denied?"),
        ("risk:huge", "low, medium, high, critical"),
        ("after:22.11.2026", "after:2026-11-22"),
        ("before:2026-02-31", "before:2026-11-22"),
        ("agent:", "needs a value"),
        ("param.amount>much", "stands a number"),
        ("param.amount", "param.amount>500"),
        ('"open', "quote is not closed"),
        ("a\x00b", "U+0000"),
        ("x" * 1001, "1,000"),
    ],
)
def test_what_is_not_understood_is_said_with_what_to_write(token: str, hint: str) -> None:
    found = search.parse(f"{token}")

    assert [hint in problem.words for problem in found.problems] == [True]
    assert found.terms == ()


def test_the_rest_of_a_search_with_a_mistake_is_kept_as_terms() -> None:
    found = search.parse("agnet:robo risk:high")

    assert found.terms == (Term("risk", "high"),)
    assert len(found.problems) == 1


def test_other_names_for_the_same_thing_are_understood() -> None:
    found = search.parse("STATUS:Waiting outcome:withdrawn param.currency:EUR")

    assert str(found) == "outcome:pending outcome:cancelled param.currency=EUR"


def test_a_token_is_toggled_in_and_out() -> None:
    found = search.parse("agent:robo risk:high")

    assert str(found.toggled("risk", "high")) == "agent:robo"
    assert str(found.toggled("agent", "my agent")) == 'agent:robo risk:high agent:"my agent"'


def test_days_begin_at_midnight_and_lengths_count_back_from_now() -> None:
    assert search.moment("2026-11-01", now=NOW) == datetime(2026, 11, 1, tzinfo=UTC)
    precise = datetime(2026, 11, 1, 14, 30, tzinfo=UTC)
    assert search.moment("2026-11-01T14:30", now=NOW) == precise
    assert search.moment("2026-11-01T14:30:00Z", now=NOW) == precise
    assert search.moment("1h", now=NOW) == datetime(2026, 11, 22, 11, tzinfo=UTC)


@pytest.mark.parametrize("end", ["0001-01-01", "9999-12-31T23:59:59.999999Z"])
def test_beside_the_ends_of_the_calendar_there_is_room_to_reckon(end: str) -> None:
    found, day = search.moment(end, now=NOW), timedelta(days=1)
    assert found - day < found < found + day
    assert abs(found - NOW) > timedelta(days=700_000)


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=30)
VALUE = TEXT.filter(lambda text: bool(text.strip()))
PATH = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,10}", fullmatch=True)
NUMBER = st.integers(-(10**6), 10**6).map(str)
TERM = st.one_of(
    st.builds(Term, st.just(WORDS), VALUE),
    st.builds(Term, st.sampled_from(FREE), VALUE),
    st.sampled_from([Term(key, value) for key, words in LISTS.items() for value in words]),
    st.builds(Term, st.just(REF), st.integers(0, 10**17).map(str)),
    st.builds(Term, st.sampled_from(["after", "before"]), st.dates().map(str)),
    st.builds(lambda path, v: Term(f"param.{path}", v, "="), PATH, TEXT),
    st.builds(
        lambda path, v, o: Term(f"param.{path}", v, o), PATH, NUMBER, st.sampled_from(["<", ">="])
    ),
)


@given(st.lists(TERM, max_size=8, unique=True))
def test_what_is_written_reads_back_as_the_same_terms(terms: list[Term]) -> None:
    text = search.written(terms)

    if len(text) <= search.LONGEST:
        found = search.parse(text)
        assert found.problems == ()
        assert found.terms == tuple(terms)


@given(st.text(max_size=200))
def test_nothing_that_is_typed_raises_and_writing_again_changes_nothing(text: str) -> None:
    once = search.parse(text)
    again = search.parse(str(once))

    assert again.terms == once.terms
    assert again.problems == ()
