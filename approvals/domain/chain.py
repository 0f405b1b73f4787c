"""The hash chain of history: each event carries the hash of the one before it.

The offline verifier uses this module too, so it stays small and plain. An entry's hash is
SHA-256(0x00 ‖ canonical JSON of the entry without `hash`), with `prev` inside the entry; the zero
byte is the leaf prefix of RFC 6962, which keeps leaves apart from the nodes of a Merkle tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from approvals.domain import canonical

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain stops being what was written.

    `seq` is the position of the bad event; `why` says in words what is wrong with it.
    """

    chain: str
    seq: int
    why: str


def entry_hash(entry: Mapping[str, object]) -> str:
    """Hash one entry; its own `hash` field, if there is one, is left out."""
    body = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(b"\x00" + canonical.dumps(body)).hexdigest()


def first_break(
    chain: str,
    entries: Iterable[Mapping[str, object]],
    *,
    head: str | None = None,
    length: int | None = None,
) -> Break | None:
    """Walk a chain from its genesis; None when every link holds.

    `entries` come in order of `seq`, each with `seq`, `prev` and `hash`. `head` and `length`, when
    known from elsewhere, also catch a tail that was cut off.
    """
    previous, position = GENESIS, 0
    for entry in entries:
        if entry.get("seq") != position:
            words = f"event {position} is missing; the next is {entry.get('seq')}"
            return Break(chain, position, words)
        if entry.get("prev") != previous:
            return Break(chain, position, "it does not continue the event before it")
        if not _is_as_written(entry):
            return Break(chain, position, "its content was changed after it was written")
        previous, position = str(entry["hash"]), position + 1
    if length is not None and position != length:
        return Break(chain, position, f"the chain ends after {position} events but had {length}")
    if head is not None and previous != head:
        return Break(chain, max(position - 1, 0), "the last event is not the recorded head")
    return None


def _is_as_written(entry: Mapping[str, object]) -> bool:
    """Whether an entry has the hash it carries; a forger's entry may have no canonical form at all."""
    try:
        return entry.get("hash") == entry_hash(entry)
    except canonical.Malformed:
        return False
