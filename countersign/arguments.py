"""What can be written after `countersign`. docs/cli.md has an example of each."""

from __future__ import annotations

import argparse

from countersign import (
    asking_arguments,
    channel_arguments,
    command_line,
    guarding_arguments,
    slack_arguments,
    starting,
)

KINDS = ("slack", "teams", "pagerduty", "servicenow", "github", "oidc")
ROLES = ("member", "manager", "auditor", "operator")
STATUSES = ("pending", "investigating", "approved", "denied", "expired", "cancelled", "revoked")
ALERTS = (
    "repeated_approval_denials", "unusual_action_patterns", "scope_violation_attempts",
    "circuit_breaker_activations", "rate_limit_approaches", "forged_channel_messages",
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """Every command with its options; `run` of what it reads is the function to call."""
    whole = argparse.ArgumentParser(
        prog="countersign",
        description="Human approval for what AI agents are about to do.",
        epilog="Exit codes: 0 yes, 1 no, 2 wrong usage, 3 could not tell.",
    )
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _running(commands)
    guarding_arguments.policy(commands)
    guarding_arguments.agents(commands)
    guarding_arguments.standing(commands)
    guarding_arguments.breakers(commands)
    guarding_arguments.deliveries(commands)
    channels = "say how much of a request each channel may see"
    channel_arguments.add(command_line.group(commands, "channel", channels))
    slack_arguments.add(command_line.group(commands, "slack", "set Slack up"))
    _people(commands)
    _looking(commands)
    asking_arguments.add(commands)
    _audit(commands)
    return whole


def _running(commands: command_line.Commands) -> None:
    up = command_line.command(
        commands, "up", "run the whole service on this machine until Ctrl-C", starting.up
    )
    up.add_argument("--workers", type=int, metavar="N", help="how many workers (default 1)")
    doctor = command_line.command(
        commands, "doctor", "look whether all is well, and say what to do", starting.doctor
    )
    command_line.as_json(doctor)


def _people(commands: command_line.Commands) -> None:
    group = command_line.group(commands, "user", "add people, their teams, accounts and tokens")
    _adding(group)
    token = command_line.command(
        group,
        "token",
        "make a personal token, shown once",
        command_line.on_server("people", "token"),
    )
    token.add_argument("email", metavar="EMAIL")
    token.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="S",
        help="may be repeated (default: all but policies:write)",
    )
    link = command_line.command(
        group,
        "link",
        "bind an account elsewhere to a person",
        command_line.on_server("people", "link"),
    )
    link.add_argument("email", metavar="EMAIL")
    link.add_argument("kind", choices=KINDS)
    link.add_argument("id", metavar="ID")
    reset = command_line.command(
        group,
        "reset",
        "forget somebody's passkeys, one-time codes and single sign-on account",
        command_line.on_server("people", "reset"),
    )
    reset.add_argument("email", metavar="EMAIL")
    listing = command_line.command(
        group, "list", "show people and their teams", command_line.on_server("people", "show_all")
    )
    command_line.as_json(token, link, reset, listing)


def _adding(group: command_line.Commands) -> None:
    add = command_line.command(
        group,
        "add",
        "add a person, or bring one up to date",
        command_line.on_server("people", "add"),
    )
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--name", default="", help="as others read it")
    add.add_argument(
        "--team", action="append", default=[], metavar="T", help="join this team; may be repeated"
    )
    add.add_argument(
        "--manager", metavar="EMAIL", help="asked where a policy escalates to managers"
    )
    add.add_argument("--role", choices=ROLES)
    add.add_argument(
        "--password-stdin", action="store_true", help="read a password from standard input"
    )
    command_line.as_json(add)


def _looking(commands: command_line.Commands) -> None:
    listing = command_line.command(
        commands,
        "list",
        "show what waits for people",
        command_line.on_server("requests", "show_all"),
    )
    listing.add_argument("--all", action="store_true", help="everything, newest first")
    listing.add_argument("--status", choices=STATUSES)
    listing.add_argument("--agent", metavar="NAME")
    listing.add_argument("--limit", type=command_line.whole, default=50, metavar="N")
    show = command_line.command(
        commands,
        "show",
        "show one request as approvers see it",
        command_line.on_server("requests", "show"),
    )
    watch = command_line.command(
        commands,
        "watch",
        "follow one request until it is decided",
        command_line.on_server("requests", "watch"),
    )
    watch.add_argument(
        "--wait", type=command_line.seconds, metavar="S", help="at most so many seconds"
    )
    for command in (show, watch):
        command.add_argument("ref", metavar="REF")
    alerts = command_line.command(
        commands,
        "alerts",
        "show what operators should look at",
        command_line.on_server("alerts", "show_all"),
    )
    alerts.add_argument("--all", action="store_true", help="closed ones too")
    alerts.add_argument("--kind", choices=ALERTS)
    alerts.add_argument("--agent", metavar="NAME")
    alerts.add_argument("--limit", type=command_line.whole, default=50, metavar="N")
    command_line.as_json(listing, show, watch, alerts)


def _audit(commands: command_line.Commands) -> None:
    group = command_line.group(commands, "audit", "prove and hand out history")
    verify = command_line.command(
        group, "verify", "walk every chain of history", command_line.on_server("audit", "verify")
    )
    verify.add_argument("ref", nargs="?", metavar="REF", help="one request alone")
    export = command_line.command(
        group,
        "export",
        "write all of history, oldest first",
        command_line.on_server("audit", "export"),
    )
    export.add_argument("--format", choices=("ndjson", "csv"), default="ndjson")
    command_line.as_json(verify, export)
