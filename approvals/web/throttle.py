"""Slow down whoever guesses passwords: by account and address together, and by address alone.

Nobody can lock somebody else out from afar: only tries from the same address count. Tries are
counted before the password is looked at, in the table that remembers what was seen once, so all
processes count together and parallel guesses gain nothing.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from approvals.models import Replay
from approvals.services import replays

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
