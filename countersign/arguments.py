"""What can be written after `countersign`. docs/cli.md has an example of each."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import Any

from countersign import asking, channel_arguments, slack_arguments, starting

KINDS = ("slack", "teams", "pagerduty", "servicenow", "github", "oidc")
ROLES = ("member", "manager", "auditor", "operator")
STAGES = ("shadow", "supervised", "autonomous", "full")
DATA_CLASSES = ("public", "internal", "confidential", "restricted")
STATUSES = ("pending", "investigating", "approved", "denied", "expired", "cancelled", "revoked")
ALERTS = (
    "repeated_approval_denials", "unusual_action_patterns", "scope_violation_attempts",
    "circuit_breaker_activations", "rate_limit_approaches", "forged_channel_messages",
)  # fmt: skip
Commands = Any  # argparse keeps the type of what add_subparsers returns to itself


def parser() -> argparse.ArgumentParser:
    """Every command with its options; `run` of what it reads is the function to call."""
    whole = argparse.ArgumentParser(
        prog="countersign",
        description="Human approval for what AI agents are about to do.",
        epilog="Exit codes: 0 yes, 1 no, 2 wrong usage, 3 could not tell.",
    )
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _running(commands)
    _policy(commands)
    _agents(commands)
    _standing(commands)
    _breakers(commands)
    _deliveries(commands)
    channels = _group(commands, "channel", "say how much of a request each channel may see")
    channel_arguments.add(channels, _command, on_server)
    slack_arguments.add(_group(commands, "slack", "set Slack up"), _command, on_server)
    _people(commands)
    _looking(commands)
    _deciding(commands)
    _audit(commands)
    return whole


def on_server(module: str, verb: str) -> Callable[[argparse.Namespace], int]:
    """A command that speaks to the service's own data. Only then the service's code is loaded."""

    def run(asked: argparse.Namespace) -> int:
        return int(importlib.import_module("countersign.server").call(module, verb, asked))

    return run


def _running(commands: Commands) -> None:
    up = _command(commands, "up", "run the whole service on this machine until Ctrl-C", starting.up)
    up.add_argument("--workers", type=int, metavar="N", help="how many workers (default 1)")
    doctor = _command(
        commands, "doctor", "look whether all is well, and say what to do", starting.doctor
    )
    _json(doctor)


def _policy(commands: Commands) -> None:
    group = _group(commands, "policy", "read, compare and apply policy files")
    schema = _command(
        group, "schema", "print the JSON Schema of policy files", on_server("policy", "show_schema")
    )
    _json(schema)
    made = {}
    for name, words, module in (
        ("validate", "say whether policy files can be applied", "policy"),
        ("test", "judge the examples beside policy files (*.test.yaml)", "policy_examples"),
        ("diff", "say what files would change; exit code 1 when they would", "policy_changes"),
        ("simulate", "judge past requests by files that are not in force", "policy_replay"),
        ("apply", "put policy files in force as a new version", "policy_changes"),
    ):
        made[name] = command = _command(group, name, words, on_server(module, name))
        command.add_argument(
            "path", nargs="?", metavar="PATH", help="a file or directory (default: POLICY_DIR)"
        )
        _json(command)
    made["validate"].add_argument("--strict", action="store_true", help="let warnings be a no, too")
    made["simulate"].add_argument(
        "--days", type=_days, default=30, metavar="N", help="how far back (default 30)"
    )
    _applying(made["apply"])


def _applying(apply: argparse.ArgumentParser) -> None:
    apply.add_argument("--commit", default="", help="the commit the files come from")
    apply.add_argument(
        "--author", metavar="EMAIL", help="who proposes it, and so cannot approve it (default: you)"
    )
    apply.add_argument("--reason", default="", help="why; approvers read it")
    apply.add_argument(
        "--break-glass", action="store_true", help="apply what weakens at once; loud in history"
    )


def _agents(commands: Commands) -> None:
    group = _group(commands, "agent", "register agents and their keys")
    add = _command(
        group,
        "add",
        "register an agent; for a known one, make another key",
        on_server("agents", "add"),
    )
    add.add_argument("name", metavar="NAME")
    add.add_argument("--owner", metavar="EMAIL", help="the person who answers for it")
    for verb, words in (
        ("key", "make another key; the ones before keep working"),
        ("stop", "refuse everything an agent asks"),
        ("start", "let a stopped agent ask again"),
    ):
        command = _command(group, verb, words, on_server("agents", verb))
        command.add_argument("name", metavar="NAME")
        _json(command)
    secret = _command(
        group, "webhook-secret", "show or change what its webhooks are signed with",
        on_server("agents", "webhook_secret"),
    )  # fmt: skip
    secret.add_argument("name", metavar="NAME")
    secret.add_argument("--rotate", action="store_true", help="make a new one; both sign for a day")
    _json(secret)
    listing = _command(group, "list", "show agents and their keys", on_server("agents", "show_all"))
    _json(add, listing)
    _trust(group)


def _trust(group: Commands) -> None:
    """The commands about how far an agent is trusted."""
    stage = _on_agent(group, "stage", "show its stages, lower one at once, or ask to raise one")
    stage.add_argument("kind", nargs="?", metavar="CLASS", help="a class of action, or '*'")
    stage.add_argument("stage", nargs="?", choices=STAGES, metavar="STAGE", help=", ".join(STAGES))
    stage.add_argument("--reason", default="", help="why; needed for a change")
    evidence = _on_agent(group, "evidence", "show what its record says")
    evidence.add_argument("--class", dest="kind", default="*", metavar="CLASS")
    digest = _on_agent(group, "digest", "show what it did lately, in counts")
    digest.add_argument("--since", type=_span, default="24h", metavar="SPAN", help="such as 24h")
    incident = _on_agent(group, "incident", "report an incident: one stage down at once")
    incident.add_argument("--class", dest="kind", metavar="CLASS", help="only this class of action")
    incident.add_argument("--reason", required=True)


def _on_agent(group: Commands, verb: str, words: str) -> argparse.ArgumentParser:
    command = _command(group, verb, words, on_server("autonomy", verb))
    command.add_argument("name", metavar="NAME")
    _json(command)
    return command


def _standing(commands: Commands) -> None:
    group = _group(commands, "standing", "show and revoke standing grants")
    listing = _command(
        group, "list", "show those that could be used now", on_server("standing", "show_all")
    )
    listing.add_argument("--agent", metavar="NAME")
    listing.add_argument("--all", action="store_true", help="also those that are over")
    listing.add_argument("--limit", type=_whole, default=50, metavar="N")
    revoke = _command(group, "revoke", "end one at once", on_server("standing", "revoke"))
    revoke.add_argument("ref", metavar="REF", help="SG-12 or an id")
    _json(listing, revoke)


def _breakers(commands: Commands) -> None:
    group = _group(commands, "breaker", "look at circuit breakers and close them")
    listing = _command(
        group, "list", "show the breakers that are not closed", on_server("breakers", "show_all")
    )
    listing.add_argument("--all", action="store_true", help="closed ones too")
    listing.add_argument("--agent", metavar="NAME")
    listing.add_argument("--limit", type=_whole, default=50, metavar="N")
    reset = _command(group, "reset", "close a breaker by hand", on_server("breakers", "reset"))
    reset.add_argument("number", metavar="NUMBER")
    reset.add_argument("--reason", required=True, metavar="WORDS", help="why it is safe to go on")
    _json(listing, reset)


def _deliveries(commands: Commands) -> None:
    group = _group(commands, "delivery", "look at messages that were given up, and send them again")
    listing = _command(group, "list", "show what was given up", on_server("deliveries", "show_all"))
    listing.add_argument("--all", action="store_true", help="also what arrived or waits")
    listing.add_argument("--channel", metavar="NAME", help="such as webhook, slack or email")
    listing.add_argument("--limit", type=_whole, default=50, metavar="N")
    resend = _command(
        group, "resend", "try again from the start", on_server("deliveries", "resend")
    )
    resend.add_argument("number", nargs="+", type=int, metavar="NUMBER")
    _json(listing, resend)


def _people(commands: Commands) -> None:
    group = _group(commands, "user", "add people, their teams, accounts and tokens")
    add = _command(
        group, "add", "add a person, or bring one up to date", on_server("people", "add")
    )
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--name", default="", help="as others read it")
    add.add_argument(
        "--team", action="append", default=[], metavar="T", help="join this team; may be repeated"
    )
    add.add_argument("--manager", metavar="EMAIL")
    add.add_argument("--role", choices=ROLES)
    add.add_argument(
        "--password-stdin", action="store_true", help="read a password from standard input"
    )
    token = _command(
        group, "token", "make a personal token, shown once", on_server("people", "token")
    )
    token.add_argument("email", metavar="EMAIL")
    token.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="S",
        help="may be repeated (default: all but policies:write)",
    )
    link = _command(
        group, "link", "bind an account elsewhere to a person", on_server("people", "link")
    )
    link.add_argument("email", metavar="EMAIL")
    link.add_argument("kind", choices=KINDS)
    link.add_argument("id", metavar="ID")
    reset = _command(
        group,
        "reset",
        "forget somebody's passkeys, one-time codes and single sign-on account",
        on_server("people", "reset"),
    )
    reset.add_argument("email", metavar="EMAIL")
    listing = _command(
        group, "list", "show people and their teams", on_server("people", "show_all")
    )
    _json(add, token, link, reset, listing)


def _looking(commands: Commands) -> None:
    listing = _command(
        commands, "list", "show what waits for people", on_server("requests", "show_all")
    )
    listing.add_argument("--all", action="store_true", help="everything, newest first")
    listing.add_argument("--status", choices=STATUSES)
    listing.add_argument("--agent", metavar="NAME")
    listing.add_argument("--limit", type=_whole, default=50, metavar="N")
    show = _command(
        commands, "show", "show one request as approvers see it", on_server("requests", "show")
    )
    watch = _command(
        commands, "watch", "follow one request until it is decided", on_server("requests", "watch")
    )
    watch.add_argument("--wait", type=_seconds, metavar="S", help="at most so many seconds")
    for command in (show, watch):
        command.add_argument("ref", metavar="REF")
    alerts = _command(
        commands, "alerts", "show what operators should look at", on_server("alerts", "show_all")
    )
    alerts.add_argument("--all", action="store_true", help="closed ones too")
    alerts.add_argument("--kind", choices=ALERTS)
    alerts.add_argument("--agent", metavar="NAME")
    alerts.add_argument("--limit", type=_whole, default=50, metavar="N")
    _json(listing, show, watch, alerts)


def _deciding(commands: Commands) -> None:
    request = _command(
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
        "--wait", type=_seconds, metavar="S", help="wait for the decision so many seconds"
    )
    request.add_argument(
        "--idempotency-key", metavar="KEY", help="repeating it gives the same request"
    )
    approve = _command(commands, "approve", "approve, with COUNTERSIGN_TOKEN", asking.approve)
    approve.add_argument("ref", metavar="REF")
    approve.add_argument("--comment", default="")
    approve.add_argument("--yes", action="store_true", help="do not ask; never for critical risk")
    deny = _command(commands, "deny", "deny, with COUNTERSIGN_TOKEN", asking.deny)
    deny.add_argument("ref", metavar="REF")
    deny.add_argument("--reason", required=True, help="the agent and its owner will see it")
    mark = _command(
        commands,
        "mark",
        "say of a suggestion whether it was right, with COUNTERSIGN_TOKEN",
        asking.mark,
    )
    mark.add_argument("ref", metavar="REF")
    mark.add_argument("mark", choices=("right", "wrong"))
    mark.add_argument("--comment", default="", help="needed for wrong; it stands in history")
    _json(request, approve, deny, mark)


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


def _audit(commands: Commands) -> None:
    group = _group(commands, "audit", "prove and hand out history")
    verify = _command(group, "verify", "walk every chain of history", on_server("audit", "verify"))
    verify.add_argument("ref", nargs="?", metavar="REF", help="one request alone")
    export = _command(
        group, "export", "write all of history, oldest first", on_server("audit", "export")
    )
    export.add_argument("--format", choices=("ndjson", "csv"), default="ndjson")
    _json(verify, export)


def _group(commands: Commands, name: str, words: str) -> Commands:
    group = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _command(
    commands: Commands, name: str, words: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=f"{words[0].upper()}{words[1:]}.", allow_abbrev=False
    )
    command.set_defaults(run=run, json=False)
    return command


def _json(*commands: argparse.ArgumentParser) -> None:
    for command in commands:
        command.add_argument("--json", action="store_true", help="answer in JSON")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 7 * 86_400:
        raise argparse.ArgumentTypeError("write seconds, at most a week")
    return seconds


def _span(text: str) -> float:
    """Seconds of a span such as 30m, 24h or 7d; a bare number is seconds."""
    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    seconds = float(number) * units[unit]
    if not 0 < seconds <= 366 * 86_400:
        raise argparse.ArgumentTypeError("write a span such as 24h, at most a year")
    return seconds


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 3_650:
        raise argparse.ArgumentTypeError("write days, at most ten years")
    return days


def _whole(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError("write a whole number of at least 1")
    return number
