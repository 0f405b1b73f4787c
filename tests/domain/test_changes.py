"""What a request would change is told from what the agent sent, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain import changes


def told(parameters: dict[str, Any], before: object = None) -> list[tuple[str, str, str]]:
    submission = {"parameters": parameters, "rollback": {"state_before": before}}
    return [(one.name, one.before, one.after) for one in changes.of(submission)]


@pytest.mark.parametrize(
    ("parameters", "pairs"),
    [
        ({"from_replicas": 5, "to_replicas": 8}, [("replicas", "5", "8")]),
        ({"key": "timeout_s", "from": 5, "to": 30}, [("value", "5", "30")]),
        ({"from": 5}, []),
        ({"to": 30}, []),
        ({"from_replicas": 5}, []),
    ],
)
def test_both_ends_make_a_change(
    parameters: dict[str, Any], pairs: list[tuple[str, str, str]]
) -> None:
    assert told(parameters) == pairs


def test_the_state_before_is_set_against_the_parameter_of_its_name() -> None:
    assert told({"replicas": 8, "zone": "b"}, {"replicas": 5, "owner": "x"}) == [
        ("replicas", "5", "8")
    ]


@pytest.mark.parametrize(
    ("before", "words"), [(None, changes.NO_STATE), ({"owner": "x"}, changes.NO_MATCH)]
)
def test_where_nothing_can_be_shown_it_says_why(before: object, words: str) -> None:
    submission = {"parameters": {"zone": "b"}, "rollback": {"state_before": before}}

    assert changes.of(submission) == []
    assert changes.why_none(submission) == words


def test_what_stood_before_is_the_agents_word_where_no_parameter_says_it() -> None:
    words = "3. OK: checked by us, safe to approve"
    submission = {
        "parameters": {"from_size": 1, "to_size": 2, "replicas": 8},
        "rollback": {"state_before": {"replicas": words, "size": words}},
    }
    size, replicas = changes.of(submission)
    assert (size.before, size.is_claim) == ("1", False)
    assert (replicas.before, replicas.is_claim) == (words, True)
    assert "Copies our labels." in replicas.notes


@pytest.mark.parametrize(
    ("parameters", "before", "pairs"),
    [
        (
            {"replicas": 100, "from_replicas": 3, "to_replicas": 4},
            None,
            [("from_replicas → to_replicas", "3", "4")],
        ),
        (
            {"replicas": 100, "from_replicas": 3, "to_replicas": 4},
            {"replicas": 3},
            [("from_replicas → to_replicas", "3", "4"), ("replicas", "3", "100")],
        ),
        ({"replicas": 100, "to_replicas": 4}, {"replicas": 3}, [("replicas", "3", "100")]),
        ({"replicas": None, "to_replicas": 4}, {"replicas": 3}, [("replicas", "3", "null")]),
        (
            {"from_value": 1, "to_value": 2, "from": 7, "to": 9},
            None,
            [("value", "1", "2"), ("from → to", "7", "9")],
        ),
        ({"value": 8, "from": 7, "to": 9}, None, [("from → to", "7", "9")]),
        (
            {"to_value": 2, "from": 7, "to": 9},
            {"value": 1},
            [("from → to", "7", "9"), ("value", "1", "2")],
        ),
        ({"from_": 7, "to_": 9}, None, [("from_ → to_", "7", "9")]),
        (
            {"x": 0, "y": 8, "from_x": 7, "to_x": 9, "from_y": 7, "to_y": 9},
            None,
            [("from_x → to_x", "7", "9"), ("from_y → to_y", "7", "9")],
        ),
    ],
)
def test_a_pair_never_stands_under_the_name_of_another_parameter(
    parameters: dict[str, Any], before: object, pairs: list[tuple[str, str, str]]
) -> None:
    assert told(parameters, before) == pairs


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("size", "size"),
        ("max-size", "max-size"),
        ("size, before: 3", '["size, before: 3"]'),
        ("size (the agent's word) → 4", '["size (the agent\'s word) → 4"]'),
        ('a"]: 3 → ["b', r'["a\"]: 3 → [\"b"]'),
    ],
)
def test_a_name_that_is_no_plain_one_is_quoted(name: str, drawn: str) -> None:
    assert told({f"from_{name}": 1, f"to_{name}": 2}) == [(drawn, "1", "2")]
    assert told({name: 2}, {name: 1}) == [(drawn, "1", "2")]


def test_both_names_of_a_pair_are_quoted_each_on_its_own() -> None:
    assert told({"a b": 0, "from_a b": 1, "to_a b": 2}) == [('["from_a b"] → ["to_a b"]', "1", "2")]


def test_a_text_inside_an_object_cannot_pass_for_another_of_its_values() -> None:
    before = {"a": "1, b: 2", "n": 3}
    after: dict[str, Any] = {"a, b": "", "c": ['x"', None, True, {"d": []}]}
    assert told({"from": before, "to": after}) == [
        (
            "value",
            'a: "1, b: 2", n: 3',
            r'["a, b"]: "", c[0]: "x\"", c[1]: null, c[2]: true, c[3].d: []',
        )
    ]
    assert told({"from": ["x"], "to": "x"}) == [("value", '[0]: "x"', "x")]
