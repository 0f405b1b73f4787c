"""Reads with an end: what looks at too much is cut off by the database, and nobody waits for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction

from approvals.domain.errors import Refusal

SECONDS = (
    3.0  # for all that one page reads; ten times what the slowest needs with a million requests
)
_CUT_BY_POSTGRES = "57014"  # query_canceled
_CUT_BY_SQLITE = "interrupted"
_STEPS = 20_000  # of SQLite's machine between two looks at the clock, some milliseconds


class LooksAtTooMuch(Refusal):
    """The reading was stopped. Nothing was changed; a narrower question is answered."""

    code = "looks_at_too_much"
    status = 422


@dataclass(frozen=True, slots=True)
class Deadline:
    """When reading ends, by the clock that only counts on."""

    at: float = math.inf

    def check(self) -> None:
        """Raises LooksAtTooMuch when it has passed: for loops over what was read."""
        if self.has_passed:
            raise LooksAtTooMuch("This looked at too much and was stopped. Nothing was changed.")

    @property
    def has_passed(self) -> bool:
        return time.monotonic() > self.at


@contextmanager
def within(seconds: float | None = SECONDS) -> Iterator[Deadline]:
    """Whatever is read inside ends after about so long, at most twice that; None sets no end.

    Only for reading: on PostgreSQL it is one transaction, whose statements are cut off one by one, and no
    further one begins after the end. Raises LooksAtTooMuch.
    """
    if seconds is None:
        yield Deadline()
        return
    deadline = Deadline(time.monotonic() + seconds)
    limited = _on_postgres if connection.vendor == "postgresql" else _on_sqlite
    try:
        with limited(deadline, seconds), connection.execute_wrapper(_checking(deadline)):
            yield deadline
    except OperationalError as fault:
        if not _was_cut(fault):
            raise
        raise LooksAtTooMuch(
            f"This looked at too much and was stopped after {seconds:g} s. Nothing was changed."
        ) from fault


@contextmanager
def _on_postgres(deadline: Deadline, seconds: float) -> Iterator[None]:
    del deadline
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
        yield


@contextmanager
def _on_sqlite(deadline: Deadline, seconds: float) -> Iterator[None]:
    del seconds
    connection.ensure_connection()
    local: Any = connection.connection
    local.set_progress_handler(lambda: deadline.has_passed, _STEPS)
    try:
        yield
    finally:
        local.set_progress_handler(None, 0)


def _checking(deadline: Deadline) -> Callable[..., Any]:
    """Lets no statement begin after the end."""

    def check(execute: Callable[..., Any], *statement: Any) -> Any:
        deadline.check()
        return execute(*statement)

    return check


def _was_cut(fault: OperationalError) -> bool:
    cause = fault.__cause__
    return getattr(cause, "sqlstate", "") == _CUT_BY_POSTGRES or _CUT_BY_SQLITE in str(fault)
