"""The demo: an agent asks for five things, waits, runs what was approved and says how it went."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from threading import Thread
from urllib.parse import urlsplit

from countersign import terminal
from countersign.answers import ApprovalRequest
from countersign.client import Countersign
from countersign.demo import place
from countersign.demo.script import ASKS, CAST, Ask, Person
from countersign.demo.slack import Clicker, StandIn
from countersign.errors import CountersignError, StillWaiting
from countersign.outcomes import COULD_NOT_TELL, NO, YES, CouldNotTell

SLACK_API = "http://127.0.0.1:8765/api/"
SECRET = "demo"
CARD_SECONDS = 20.0
HOW_TO_START = """The service does not speak to the demo's own Slack, so nobody can be played.
Stop it (Ctrl-C) and start it like this, then run the demo again:

    make run DEMO_SLACK=1

which is make run with
    SLACK_SIGNING_SECRET=demo SLACK_BOT_TOKEN=xoxb-demo SLACK_CHANNEL=C0DEMO
    SLACK_API_URL=http://127.0.0.1:8765/api/"""


class Told:
    """What became of one request, as far as we know."""

    def __init__(self, ask: Ask, request: ApprovalRequest) -> None:
        self.ask = ask
        self.request = request
        self.began = time.monotonic()
        self.ran = ""

    @property
    def row(self) -> tuple[str, ...]:
        seen = self.request
        basis = seen.basis or ""
        by = seen.closed_by or ("nobody yet" if not seen.is_final else "")
        return (seen.ref, seen.risk, seen.action, seen.status, by, basis, _took(seen), self.ran)


def main(argv: Sequence[str] | None = None) -> int:
    """Play it; 0 when all came back as it should, 1 when not, 3 when there is no service to play with."""
    asked = _parser().parse_args(argv)
    terminal.prepare()
    try:
        return _play(decide=asked.decide, seconds=asked.wait)
    except (CouldNotTell, CountersignError) as error:
        terminal.complain(str(error))
        return COULD_NOT_TELL
    except KeyboardInterrupt:
        terminal.complain("Stopped. What was asked still waits.")
        return COULD_NOT_TELL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="countersign.demo", description="Play an agent beside a running service."
    )
    parser.add_argument(
        "--decide", action="store_true", help="play the approvers too, through Slack's own door"
    )
    parser.add_argument(
        "--wait", type=float, default=120.0, metavar="S", help="seconds to wait (default 120)"
    )
    return parser


def _play(*, decide: bool, seconds: float) -> int:
    address = place.service()
    with ExitStack() as ending:
        service = ending.enter_context(Countersign(address, place.agent_key(address)))
        clicker = Clicker(address, os.environ.get("SLACK_SIGNING_SECRET") or SECRET)
        slack = ending.enter_context(_stand_in(clicker)) if decide else None
        told = [_submitted(service, ask) for ask in ASKS]
        if slack is None:
            terminal.say(f"\nDecide them at {address}/queue; waiting for {seconds:.0f} s.\n")
        else:
            Thread(target=_decide, args=(slack, clicker, told), daemon=True).start()
        _wait_for_all(service, told, seconds)
        if slack is not None:
            _let_cards_settle(slack, told)
    return _sum(told, address, decide=decide)


def _stand_in(clicker: Clicker) -> StandIn:
    """The demo's Slack and its people. Raises CouldNotTell when the service does not speak to it."""
    status = clicker.shake_hands()
    if status == 401:
        raise CouldNotTell(f"The service knows another signing secret.\n{HOW_TO_START}")
    if status != 200:
        raise CouldNotTell(HOW_TO_START)
    port = urlsplit(os.environ.get("SLACK_API_URL") or SLACK_API).port or 8765
    try:
        slack = StandIn(port)
    except OSError as error:
        raise CouldNotTell(
            f"The demo's Slack cannot listen on port {port}: {error.strerror}. End what listens there, or "
            f"start both with another: SLACK_API_URL=http://127.0.0.1:{port + 1}/api/"
        ) from error
    place.add_people()
    terminal.say(f"Approvers of the demo: {', '.join(person.name for person in CAST)}.\n")
    return slack


def _submitted(service: Countersign, ask: Ask) -> Told:
    told = Told(ask, service.submit(ask.action, ask.target, ask.parameters, **ask.more))
    parameters = ", ".join(f"{name}={value}" for name, value in ask.parameters.items())
    terminal.say(f"asks    {told.request.ref:<8} {ask.action} on {ask.target} ({parameters})")
    return told


def _decide(slack: StandIn, clicker: Clicker, told: Sequence[Told]) -> None:
    for one in told:
        for person in one.ask.approvers if not one.request.is_final else ():
            if not _press(slack, clicker, one.request.ref, person):
                break


def _press(slack: StandIn, clicker: Clicker, ref: str, person: Person) -> bool:
    """Press Approve on the card as it stands; whether that counted."""
    button = slack.approve_button(ref, seconds=CARD_SECONDS)
    if button is None:
        terminal.say(f"slack   {ref:<8} no card came within {CARD_SECONDS:.0f} s. {HOW_TO_START}")
        return False
    windows = len(slack.windows)
    status = clicker.press(button, user=person.slack)
    refusals = slack.windows[windows:]
    said = f"answered {status}" if status != 200 else " ".join(refusals) or "counted"
    terminal.say(f"clicks  {ref:<8} {person.name} presses Approve: {said}")
    return status == 200 and not refusals


def _wait_for_all(service: Countersign, told: Sequence[Told], seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    threads = [Thread(target=_follow, args=(service, one, ends_at), daemon=True) for one in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends_at + 10 - time.monotonic()))


def _follow(service: Countersign, one: Told, ends_at: float) -> None:
    """Wait for one request; run what was approved, for show, and report it."""
    try:
        one.request = service.wait(one.request, max(0.0, ends_at - time.monotonic()))
        terminal.say(f"answer  {one.request.ref:<8} {_words(one.request)}")
        if one.request.is_approved:
            service.consume(one.request, one.ask.parameters)
            service.outcome(
                one.request, "success", detail="Played by the demo; nothing was touched."
            )
            one.ran = "success"
    except StillWaiting as still:
        one.request = still.request
    except CountersignError as error:
        one.ran = f"not run: {error}"


def _words(seen: ApprovalRequest) -> str:
    by = f" by {seen.closed_by}" if seen.closed_by else ""
    basis = f", basis {seen.basis}" if seen.basis else ""
    return f"{seen.status}{by}{basis}, after {_took(seen)}"


def _let_cards_settle(slack: StandIn, told: Sequence[Told]) -> None:
    """The service still edits its cards; a Slack that is gone would leave it trying."""
    for one in told:
        if one.ran == "success" and one.ask.approvers:
            slack.shows(one.request.ref, "succeeded", seconds=3.0)


def _sum(told: Sequence[Told], address: str, *, decide: bool) -> int:
    columns = ("REQUEST", "RISK", "ACTION", "STATUS", "BY", "BASIS", "AFTER", "RAN")
    terminal.say("\n" + terminal.table(columns, [one.row for one in told]))
    waiting = [one.request.ref for one in told if not one.request.is_final]
    if waiting:
        terminal.say(f"\nStill waiting: {', '.join(waiting)}. Decide at {address}/queue")
    terminal.say(f"\nAll of it, with its history: {address}/history")
    failed = any(one.ran.startswith("not run") for one in told)
    return NO if failed or (decide and waiting) else YES


def _took(seen: ApprovalRequest) -> str:
    """From asking to the decision, by the service's clock."""
    ended, began = seen.body.get("closed_at"), seen.body.get("created_at")
    if not isinstance(ended, str) or not isinstance(began, str):
        return ""
    return (
        f"{(datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds():.1f} s"
    )
