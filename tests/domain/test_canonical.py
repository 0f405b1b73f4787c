"""JSON that everybody reads alike: refused where two readers could differ, one form for equal values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain import canonical
from approvals.domain.canonical import Malformed


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"env": "staging", "env": "prod"}', "stands twice"),
        (b'{"a": {"b": 1, "b": 1}}', "stands twice"),
        (b"\xff\xfe", "not valid UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "not valid JSON"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e400", "too large"),
        (b"-1e400", "too large"),
        (b"1e16", "too large"),
        (b"9007199254740992", "beyond"),
        (b"-9007199254740992", "beyond"),
        (b"1" * 5000, "beyond"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'["a\\u0000b"]', "NUL"),
        (b"[" * 33 + b"]" * 33, "nested deeper than 32"),
        (b"[" * 100_000, "nested deeper than 32"),
        (b"{'a': 1}", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"{} {}", "not valid JSON"),
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why) as refused:
        canonical.loads(raw)
    assert refused.value.status == 400
    assert "Nothing was recorded" in refused.value.words


def test_a_body_of_countless_keys_is_refused() -> None:
    many = json.dumps({str(number): 0 for number in range(10_001)}).encode()
    with pytest.raises(Malformed, match="more than 10000 keys"):
        canonical.loads(many)


def test_plain_json_is_read_as_it_is() -> None:
    raw = '{"a": [1, -2.5, true, null, "größer [{\\"✓"], "n": 9007199254740991, "t": 1e3}'
    assert canonical.loads(raw.encode()) == json.loads(raw)
    assert canonical.loads(b"[" * 32 + b"]" * 32)


def test_brackets_in_text_are_no_nesting() -> None:
    assert canonical.loads(b'"' + b"[" * 500 + b'"') == "[" * 500


def test_equal_values_have_equal_bytes() -> None:
    assert canonical.dumps({"b": 1.0, "a": "é"}) == '{"a":"é","b":1}'.encode()
    assert canonical.digest({"a": 1, "b": 2}) == canonical.digest({"b": 2, "a": 1})
    assert canonical.digest("\u00e9") != canonical.digest("e\u0301")


@pytest.mark.parametrize("value", [float("nan"), 2**60, "\ud800", {1, 2}, {1: 2}])
def test_what_json_cannot_carry_has_no_digest(value: object) -> None:
    with pytest.raises(Malformed):
        canonical.digest(value)


def test_endless_nesting_has_no_digest() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(Malformed):
        canonical.dumps(value)


def test_an_approval_is_bound_to_action_target_and_parameters() -> None:
    def of(**changes: Any) -> str:
        return canonical.action_sha256(
            **({"action": "a", "target": "t", "parameters": {"n": 1}} | changes)
        )

    assert of() == of(parameters={"n": 1.0})
    assert len({of(), of(action="b"), of(target="u"), of(parameters={"n": 2})}) == 4
    assert of() != canonical.digest({"action": "a", "target": "t", "parameters": {"n": 1}})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-canonical.SAFE_INTEGER, canonical.SAFE_INTEGER)
    | st.floats(-1e15, 1e15)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_what_is_written_canonically_is_read_strictly_and_written_alike(value: Any) -> None:
    raw = canonical.dumps(value)
    assert canonical.dumps(canonical.loads(raw)) == raw


@given(JSON, JSON)
def test_digests_are_equal_exactly_when_the_bytes_are(one: Any, other: Any) -> None:
    assert (canonical.digest(one) == canonical.digest(other)) == (
        canonical.dumps(one) == canonical.dumps(other)
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_name(raw: bytes) -> None:
    try:
        value = canonical.loads(raw)
    except Malformed:
        return
    canonical.dumps(value)
