"""How channels did lately, as the doctor sees it: the sentences the page of channel health has too."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError

from approvals.queries.channels import Health, Stands
from approvals.services import clock, health
from countersign.server.findings import Finding, unknown, warn, well


def findings() -> Iterator[Finding]:
    """Whether workers live, and of each channel in use whether its messages arrive.

    Whether a vendor takes our token is asked by its own module; here nothing leaves the machine.
    """
    try:
        at = clock.now()
        yield _worker(health.worker(at=at))
        used = [each for each in health.channels(at=at) if each.stands is not Stands.OFF]
        for each in used:
            yield from _channel(each, each.state(at))
    except DatabaseError as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        yield unknown("channels", words[0], "See above")


def _worker(part: health.Part) -> Finding:
    if part.is_well is False:
        return warn("worker", part.words, part.fix)
    return well("worker", part.words.removesuffix("."))


def _channel(each: Health, state: str) -> Iterator[Finding]:
    name = f"messages by {each.name}"
    if not each.failing:
        yield well(name, f"{state}; {each.delay}")
    for failure in each.failing:
        yield warn(name, f"{state}: {failure.to}: {failure.why}", failure.fix)
