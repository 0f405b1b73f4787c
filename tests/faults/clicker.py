"""One of several processes that click at the same moments: `python -m tests.faults.clicker`.

Reads what to click from its standard input and writes what it heard to its standard output.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.project.settings")
django.setup()

from django.db import connections  # noqa: E402  # apps must be ready first

from approvals.domain.errors import Refusal  # noqa: E402  # likewise
from approvals.domain.terms import Verdict  # noqa: E402  # likewise
from approvals.models import Person  # noqa: E402  # likewise
from approvals.services import clock, lifecycle  # noqa: E402  # likewise

Heard = dict[str, Any]


def clicks(
    refs: Iterable[str], email: str, verdict: Verdict, start: float, gap: float
) -> list[Heard]:
    """Click every request at its moment, all people of all processes at once."""
    person, heard = Person.objects.get(email=email), []
    for number, ref in enumerate(refs):
        time.sleep(max(0.0, start + number * gap - time.time()))
        try:
            lifecycle.decide(
                ref=ref,
                person=person,
                verdict=verdict,
                comment="as told",
                channel="race",
                at=clock.now(),
            )
            heard.append({"ref": ref, "won": True})
        except Refusal as refusal:
            heard.append({"ref": ref, "won": False, "code": refusal.code, **refusal.facts})
    return heard


def main() -> None:
    told = json.load(sys.stdin)
    heard: list[Heard] = []

    def one(email: str, verdict: str) -> None:
        try:
            heard.extend(clicks(told["refs"], email, Verdict(verdict), told["start"], told["gap"]))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=click) for click in told["people"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(heard, sys.stdout, default=str)


if __name__ == "__main__":
    main()
