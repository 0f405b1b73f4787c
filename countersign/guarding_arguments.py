"""What can be written after `countersign policy`, `agent`, `standing`, `breaker` and `delivery`."""

from __future__ import annotations

import argparse

from countersign import command_line

STAGES = ("shadow", "supervised", "autonomous", "full")


def policy(commands: command_line.Commands) -> None:
    """`countersign policy`"""
    group = command_line.group(commands, "policy", "read, compare and apply policy files")
    schema = command_line.command(
        group,
        "schema",
        "print the JSON Schema of policy files",
        command_line.on_server("policy", "show_schema"),
    )
    command_line.as_json(schema)
    made = {}
    for name, words, module in (
        ("validate", "say whether policy files can be applied", "policy"),
        ("test", "judge the examples beside policy files (*.test.yaml)", "policy_examples"),
        ("diff", "say what files would change; exit code 1 when they would", "policy_changes"),
        ("simulate", "judge past requests by files that are not in force", "policy_replay"),
        ("apply", "put policy files in force as a new version", "policy_changes"),
    ):
        made[name] = command = command_line.command(
            group, name, words, command_line.on_server(module, name)
        )
        command.add_argument(
            "path", nargs="?", metavar="PATH", help="a file or directory (default: POLICY_DIR)"
        )
        command_line.as_json(command)
    made["validate"].add_argument("--strict", action="store_true", help="let warnings be a no, too")
    made["simulate"].add_argument(
        "--days", type=command_line.days, default=30, metavar="N", help="how far back (default 30)"
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


def agents(commands: command_line.Commands) -> None:
    """`countersign agent`"""
    group = command_line.group(commands, "agent", "register agents and their keys")
    add = command_line.command(
        group,
        "add",
        "register an agent; for a known one, make another key",
        command_line.on_server("agents", "add"),
    )
    add.add_argument("name", metavar="NAME")
    add.add_argument("--owner", metavar="EMAIL", help="the person who answers for it")
    add.add_argument(
        "--time-zone", default="", metavar="ZONE", help="where it works, such as Europe/Berlin"
    )
    _zone(group)
    for verb, words in (
        ("key", "make another key; the ones before keep working"),
        ("stop", "refuse everything an agent asks"),
        ("start", "let a stopped agent ask again"),
    ):
        command = command_line.command(group, verb, words, command_line.on_server("agents", verb))
        command.add_argument("name", metavar="NAME")
        command_line.as_json(command)
    secret = command_line.command(
        group, "webhook-secret", "show or change what its webhooks are signed with",
        command_line.on_server("agents", "webhook_secret"),
    )  # fmt: skip
    secret.add_argument("name", metavar="NAME")
    secret.add_argument("--rotate", action="store_true", help="make a new one; both sign for a day")
    command_line.as_json(secret)
    listing = command_line.command(
        group, "list", "show agents and their keys", command_line.on_server("agents", "show_all")
    )
    command_line.as_json(add, listing)
    _trust(group)


def _zone(group: command_line.Commands) -> None:
    """`countersign agent time-zone`"""
    zone = command_line.command(
        group,
        "time-zone",
        "show or change where it works",
        command_line.on_server("agents", "zone"),
    )
    zone.add_argument("name", metavar="NAME")
    zone.add_argument("zone", nargs="?", metavar="ZONE", help="such as Europe/Berlin")
    zone.add_argument("--unknown", action="store_true", help="forget it")
    command_line.as_json(zone)


def _trust(group: command_line.Commands) -> None:
    """The commands about how far an agent is trusted."""
    stage = _on_agent(group, "stage", "show its stages, lower one at once, or ask to raise one")
    stage.add_argument("kind", nargs="?", metavar="CLASS", help="a class of action, or '*'")
    stage.add_argument("stage", nargs="?", choices=STAGES, metavar="STAGE", help=", ".join(STAGES))
    stage.add_argument("--reason", default="", help="why; needed for a change")
    stage.add_argument(
        "--starts",
        default="",
        metavar="MOMENT",
        help="when a higher one begins, UTC; else on approval",
    )
    stage.add_argument("--ends", default="", metavar="MOMENT", help="when it ends, UTC; else never")
    stage.add_argument(
        "--call-off", action="store_true", help="drop what is planned for the class, at once"
    )
    evidence = _on_agent(group, "evidence", "show what its record says")
    evidence.add_argument("--class", dest="kind", default="*", metavar="CLASS")
    digest = _on_agent(group, "digest", "show what it did lately, in counts")
    digest.add_argument(
        "--since", type=command_line.span, default="24h", metavar="SPAN", help="such as 24h"
    )
    incident = _on_agent(group, "incident", "report an incident: one stage down at once")
    incident.add_argument("--class", dest="kind", metavar="CLASS", help="only this class of action")
    incident.add_argument("--reason", required=True)


def _on_agent(group: command_line.Commands, verb: str, words: str) -> argparse.ArgumentParser:
    command = command_line.command(group, verb, words, command_line.on_server("autonomy", verb))
    command.add_argument("name", metavar="NAME")
    command_line.as_json(command)
    return command


def standing(commands: command_line.Commands) -> None:
    """`countersign standing`"""
    group = command_line.group(commands, "standing", "show and revoke standing grants")
    listing = command_line.command(
        group,
        "list",
        "show those that could be used now",
        command_line.on_server("standing", "show_all"),
    )
    listing.add_argument("--agent", metavar="NAME")
    listing.add_argument("--all", action="store_true", help="also those that are over")
    listing.add_argument("--limit", type=command_line.whole, default=50, metavar="N")
    revoke = command_line.command(
        group, "revoke", "end one at once", command_line.on_server("standing", "revoke")
    )
    revoke.add_argument("ref", metavar="REF", help="SG-12 or an id")
    command_line.as_json(listing, revoke)


def breakers(commands: command_line.Commands) -> None:
    """`countersign breaker`"""
    group = command_line.group(commands, "breaker", "look at circuit breakers and close them")
    listing = command_line.command(
        group,
        "list",
        "show the breakers that are not closed",
        command_line.on_server("breakers", "show_all"),
    )
    listing.add_argument("--all", action="store_true", help="closed ones too")
    listing.add_argument("--agent", metavar="NAME")
    listing.add_argument("--limit", type=command_line.whole, default=50, metavar="N")
    reset = command_line.command(
        group, "reset", "close a breaker by hand", command_line.on_server("breakers", "reset")
    )
    reset.add_argument("number", metavar="NUMBER")
    reset.add_argument("--reason", required=True, metavar="WORDS", help="why it is safe to go on")
    command_line.as_json(listing, reset)


def deliveries(commands: command_line.Commands) -> None:
    """`countersign delivery`"""
    group = command_line.group(
        commands, "delivery", "look at messages that were given up, and send them again"
    )
    listing = command_line.command(
        group, "list", "show what was given up", command_line.on_server("deliveries", "show_all")
    )
    listing.add_argument("--all", action="store_true", help="also what arrived or waits")
    listing.add_argument("--channel", metavar="NAME", help="such as webhook, slack or email")
    listing.add_argument("--limit", type=command_line.whole, default=50, metavar="N")
    resend = command_line.command(
        group, "resend", "try again from the start", command_line.on_server("deliveries", "resend")
    )
    resend.add_argument("number", nargs="+", type=int, metavar="NUMBER")
    command_line.as_json(listing, resend)
