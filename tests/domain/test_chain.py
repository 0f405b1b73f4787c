"""The hash chain: whatever is done to history afterwards, the first bad place is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain import chain
from approvals.domain.chain import GENESIS, entry_hash, first_break

Entries = list[dict[str, Any]]


def history(length: int = 5) -> Entries:
    entries: Entries = []
    for seq in range(length):
        previous = entries[-1]["hash"] if entries else GENESIS
        entry: dict[str, Any] = {
            "seq": seq,
            "prev": previous,
            "type": "request.x",
            "detail": {"n": seq},
        }
        entries.append({**entry, "hash": entry_hash(entry)})
    return entries


def rechained(entries: Entries, start: int) -> Entries:
    """What a forger with time does: every hash from `start` on made to fit again."""
    for seq in range(start, len(entries)):
        entries[seq]["seq"] = seq
        entries[seq]["prev"] = entries[seq - 1]["hash"] if seq else GENESIS
        entries[seq]["hash"] = entry_hash(entries[seq])
    return entries


def test_an_untouched_history_holds() -> None:
    entries = history()
    assert first_break("REQ-1", entries) is None
    assert first_break("REQ-1", entries, head=entries[-1]["hash"], length=5) is None
    assert first_break("REQ-1", [], head=GENESIS, length=0) is None


def test_an_entrys_own_hash_is_not_part_of_what_is_hashed() -> None:
    assert entry_hash({"a": 1}) == entry_hash({"a": 1, "hash": "x"})


@pytest.mark.parametrize("seq", range(5))
@pytest.mark.parametrize(
    "tamper",
    [
        lambda entry: entry["detail"].update(n=99),
        lambda entry: entry.update(type="request.approved"),
        lambda entry: entry.update(extra=None),
        lambda entry: entry.pop("type"),
        lambda entry: entry.pop("hash"),
        lambda entry: entry.pop("prev"),
        lambda entry: entry.pop("seq"),
        lambda entry: entry.update(detail=2**60),
        lambda entry: entry.update(hash="0" * 64),
    ],
)
def test_a_changed_event_is_named(tamper: Callable[[dict[str, Any]], object], seq: int) -> None:
    entries = history()
    tamper(entries[seq])
    found = first_break("REQ-1", entries)
    assert found is not None
    assert (found.chain, found.seq) == ("REQ-1", seq)


def test_a_missing_an_added_and_a_swapped_event_are_named() -> None:
    without = history()
    del without[2]
    assert first_break("REQ-1", without) == chain.Break(
        "REQ-1", 2, "event 2 is missing; the next is 3"
    )
    twice = history()
    twice.insert(3, dict(twice[2]))
    found = first_break("REQ-1", twice)
    assert found is not None
    assert found.seq == 3
    swapped = history()
    swapped[1], swapped[2] = swapped[2], swapped[1]
    found = first_break("REQ-1", swapped)
    assert found is not None
    assert found.seq == 1


def test_an_event_that_continues_another_history_is_named() -> None:
    entries = history()
    entries[3]["prev"] = "f" * 64
    entries[3]["hash"] = entry_hash(entries[3])
    assert first_break("REQ-1", entries) == chain.Break(
        "REQ-1", 3, "it does not continue the event before it"
    )


def test_a_tail_cut_off_is_seen_from_the_recorded_length() -> None:
    assert first_break("REQ-1", history()[:3], length=5) == chain.Break(
        "REQ-1", 3, "the chain ends after 3 events but had 5"
    )


def test_a_rewritten_tail_is_seen_from_the_recorded_head() -> None:
    head = history()[-1]["hash"]
    forged = history()
    forged[3]["detail"] = {"n": "nothing happened"}
    found = first_break("REQ-1", rechained(forged, 3), head=head, length=5)
    assert found == chain.Break("REQ-1", 4, "the last event is not the recorded head")


@given(st.data())
def test_every_tampering_is_found_against_an_older_head(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 8))
    honest = history(length)
    head = honest[-1]["hash"]
    forged = history(length)
    seq = data.draw(st.integers(0, length - 1))
    act = data.draw(st.sampled_from(["edit", "delete", "insert", "truncate", "re-chain"]))
    if act == "edit":
        forged[seq]["detail"] = {"n": -1}
    elif act == "delete":
        del forged[seq]
    elif act == "insert":
        forged.insert(seq, {**forged[seq], "detail": {"n": -1}})
    elif act == "truncate":
        del forged[seq:]
    else:
        forged[seq]["detail"] = {"n": -1}
        forged = rechained(forged, seq)
    found = first_break("REQ-1", forged, head=head, length=length)
    assert found is not None
    assert found.seq <= length
    if act in {"edit", "delete", "insert"} and not (act == "delete" and seq == length - 1):
        assert found.seq == seq
