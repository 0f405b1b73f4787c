"""Slow down whoever guesses: by account and address together, and by address alone.

Nobody can lock somebody else out from afar: only tries from the same address count, and codes are
asked for after the right password only. Tries are counted before the password or code is looked at,
in the table that remembers what was seen once, so all processes count together and parallel guesses
gain nothing.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from approvals.models import Replay
from approvals.services import replays, sign_in

PROVIDER = "sign-in"
MOST_TRIES = 10
# Many people may sit behind one address, but not this many who mistype at once.
MOST_FROM_ONE_ADDRESS = 60
WINDOW_SECONDS = 15 * 60


def may_try(*, email: str, address: str, at: datetime) -> bool:
    """Count one try; False when this window's tries are used up."""
    return _counts("", address, at, MOST_FROM_ONE_ADDRESS) and _counts(
        email, address, at, MOST_TRIES
    )


def may_try_code(*, number: int, at: datetime) -> bool:
    """The same for the codes of one person, from wherever: whoever tries them knows the password."""
    return _counts(f"code of {number}", "", at, MOST_TRIES)


def may_answer(*, kind: str, address: str, at: datetime) -> bool:
    """The same for what no person types: answers of passkeys and ways back from single sign-on."""
    return _counts(f"answer of {kind}", address, at, MOST_FROM_ONE_ADDRESS)


def too_many(at: datetime) -> str:
    """What to say when it is False."""
    return (
        f"Too many tries. Wait until {window_ends(at):%H:%M} UTC, or ask {sign_in.contact()}. "
        "Nobody was signed in."
    )


def seconds_left(at: datetime) -> int:
    return int((window_ends(at) - at).total_seconds()) + 1


def _counts(email: str, address: str, at: datetime, most: int) -> bool:
    keys = [_key(email, address, at, number) for number in range(most)]
    used = Replay.objects.filter(provider=PROVIDER, key__in=keys).count()
    return any(replays.first_time(provider=PROVIDER, key=key, at=at) for key in keys[used:])


def window_ends(at: datetime) -> datetime:
    return datetime.fromtimestamp((_window(at) + 1) * WINDOW_SECONDS, UTC)


def _window(at: datetime) -> int:
    return int(at.timestamp()) // WINDOW_SECONDS


def _key(email: str, address: str, at: datetime, number: int) -> str:
    text = "\n".join([email.strip().lower(), address, str(_window(at)), str(number)])
    return hashlib.sha256(text.encode()).hexdigest()
