"""Processes die while a decision is held: whoever comes next gives it out, once and as of its click."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.service import Service, StartService

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(300)]
UNDO_SECONDS = "6"
HOLD = """
import json
from approvals.domain.terms import Verdict
from approvals.services import clock, holding
from approvals.services.clicks import Said
from tests.support import cast
lin, row = cast.person("lin"), cast.request()
cast.person("ada")
said = Said(lin, Verdict.APPROVE, version=row.version, shown=row.action_sha256, channel="web")
holding.decide(said, ref=row.ref, at=clock.now())
held = row.held.get()
print("TOLD " + json.dumps({"ref": row.ref, "at": held.at.isoformat(), "is_open": not held.released_at}))
"""
CLICK = """
import json
from datetime import timedelta
from approvals.domain.errors import Refusal
from approvals.domain.terms import Verdict
from approvals.models import HeldDecision
from approvals.services import lifecycle
from tests.support import cast
held = HeldDecision.objects.get()
at, words = held.release_at + timedelta(seconds=1), ""
assert held.released_at is None
try:
    lifecycle.decide(ref=held.request.ref, person=cast.person("sam"), verdict=Verdict.DENY,
                     comment="Too late?", at=at)
except Refusal as no:
    words = no.words
print("TOLD " + json.dumps({"words": words}))
"""
STANDS = """
import json, time
from approvals.models import ApprovalRequest, Decision, HeldDecision
give_up = time.monotonic() + 120
while HeldDecision.objects.filter(released_at=None).exists() and time.monotonic() < give_up:
    time.sleep(0.2)
row, held = ApprovalRequest.objects.get(), HeldDecision.objects.get()
given = [[one.verdict, one.person.name, one.at.isoformat()] for one in Decision.objects.all()]
stands = {"status": row.status, "given": given, "why_not": held.why_not}
print("TOLD " + json.dumps(stands))
"""


def told(service: Service, script: str) -> dict[str, Any]:
    """What a process of its own does beside the service, and says."""
    said = service.run("shell", "-v", "0", "-c", script)
    line = next((line for line in said.stdout.splitlines() if line.startswith("TOLD ")), "")
    assert line, said.stdout + said.stderr
    found: dict[str, Any] = json.loads(line.removeprefix("TOLD "))
    return found


def approved_once(held: dict[str, Any]) -> dict[str, Any]:
    return {"status": "approved", "given": [["approve", "Lin", held["at"]]], "why_not": ""}


def test_all_processes_die_and_the_next_click_gives_it_out_first(
    start_service: StartService,
) -> None:
    service = start_service(UNDO_SECONDS=UNDO_SECONDS)
    held = told(service, HOLD)
    assert held["is_open"]

    service.kill()

    assert "Already approved: Lin" in told(service, CLICK)["words"]
    assert told(service, STANDS) == approved_once(held)


def test_worker_and_timers_die_and_those_in_their_place_give_it_out(
    start_service: StartService,
) -> None:
    service = start_service(UNDO_SECONDS=UNDO_SECONDS)
    held = told(service, HOLD)

    for part in service.parts():
        if part == "timers" or part.startswith("worker"):
            service.kill_part(part)

    assert told(service, STANDS) == approved_once(held)
