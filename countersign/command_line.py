"""What every command is made of: groups, commands, how a value is written, and where it runs."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import Any

Commands = Any  # argparse keeps the type of what add_subparsers returns to itself
Run = Callable[[argparse.Namespace], int]


def on_server(module: str, verb: str) -> Run:
    """A command that speaks to the service's own data. Only then the service's code is loaded."""

    def run(asked: argparse.Namespace) -> int:
        return int(importlib.import_module("countersign.server").call(module, verb, asked))

    return run


def group(commands: Commands, name: str, words: str) -> Commands:
    """A word that stands before several commands."""
    made = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
    return made.add_subparsers(title="commands", metavar="COMMAND", required=True)


def command(commands: Commands, name: str, words: str, run: Run) -> argparse.ArgumentParser:
    """One command; `run` is what it calls with what was written after it."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=f"{words[0].upper()}{words[1:]}.", allow_abbrev=False
    )
    made.set_defaults(run=run, json=False)
    return made


def as_json(*commands: argparse.ArgumentParser) -> None:
    """Let each of these answer in JSON, too."""
    for each in commands:
        each.add_argument("--json", action="store_true", help="answer in JSON")


def seconds(text: str) -> float:
    """How long to wait, in seconds."""
    found = float(text)
    if not 0 <= found <= 7 * 86_400:
        raise argparse.ArgumentTypeError("write seconds, at most a week")
    return found


def span(text: str) -> float:
    """Seconds of a span such as 30m, 24h or 7d; a bare number is seconds."""
    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    found = float(number) * units[unit]
    if not 0 < found <= 366 * 86_400:
        raise argparse.ArgumentTypeError("write a span such as 24h, at most a year")
    return found


def days(text: str) -> int:
    """How many days back."""
    found = int(text)
    if not 1 <= found <= 3_650:
        raise argparse.ArgumentTypeError("write days, at most ten years")
    return found


def whole(text: str) -> int:
    """How many, from 1."""
    number = int(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError("write a whole number of at least 1")
    return number
