"""What can be written after `countersign request`, `approve`, `deny` and `mark`."""

from __future__ import annotations

import argparse

from countersign import asking, command_line

DATA_CLASSES = ("public", "internal", "confidential", "restricted")


def add(commands: command_line.Commands) -> None:
    """The commands of agents and of approvers, which speak to a service over its API."""
    request = command_line.command(
        commands, "request", "ask for an approval, with COUNTERSIGN_KEY", asking.request
    )
    request.add_argument("action", metavar="ACTION")
    request.add_argument("target", metavar="TARGET")
    request.add_argument(
        "--param", action="append", default=[], metavar="NAME=JSON", help="may be repeated"
    )
    request.add_argument("--reason", help="why, in the agent's words")
    request.add_argument("--risk", choices=("low", "medium", "high", "critical"))
    _surroundings(request)
    request.add_argument(
        "--wait",
        type=command_line.seconds,
        metavar="S",
        help="wait for the decision so many seconds",
    )
    request.add_argument(
        "--idempotency-key", metavar="KEY", help="repeating it gives the same request"
    )
    approve = command_line.command(
        commands, "approve", "approve, with COUNTERSIGN_TOKEN", asking.approve
    )
    approve.add_argument("ref", metavar="REF")
    approve.add_argument("--comment", default="")
    approve.add_argument("--yes", action="store_true", help="do not ask; never for critical risk")
    deny = command_line.command(commands, "deny", "deny, with COUNTERSIGN_TOKEN", asking.deny)
    deny.add_argument("ref", metavar="REF")
    deny.add_argument("--reason", required=True, help="the agent and its owner will see it")
    command_line.as_json(request, approve, deny)
    _mark(commands)


def _surroundings(request: argparse.ArgumentParser) -> None:
    """What an action touches and reaches, which policies may ask for."""
    request.add_argument("--resource-namespace", metavar="NAME", help="where it acts: production")
    request.add_argument("--resource-type", metavar="NAME", help="what it acts on: database")
    request.add_argument(
        "--recipient", action="append", metavar="ADDRESS", help="whom it reaches; may be repeated"
    )
    request.add_argument("--data-class", choices=DATA_CLASSES, help="the data it touches")
    request.add_argument(
        "--aggregated", action="store_true", default=None, help="the data is counts and sums alone"
    )
    request.add_argument(
        "--impact", action="append", default=[], metavar="NAME=JSON", help="pods=4; may be repeated"
    )


def _mark(commands: command_line.Commands) -> None:
    mark = command_line.command(
        commands,
        "mark",
        "say of a suggestion whether it was right, with COUNTERSIGN_TOKEN",
        asking.mark,
    )
    mark.add_argument("ref", metavar="REF")
    mark.add_argument("mark", choices=("right", "wrong"))
    mark.add_argument("--comment", default="", help="needed for wrong; it stands in history")
    command_line.as_json(mark)
