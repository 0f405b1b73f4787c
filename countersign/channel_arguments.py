"""What can be written after `countersign channel`."""

from __future__ import annotations

from countersign.command_line import Commands, as_json, command, on_server

ADAPTERS = ("slack", "teams", "teams_workflow", "pagerduty", "servicenow", "github", "email")
SHOWS = ("values", "names", "nothing")


def add(group: Commands) -> None:
    """Add the commands to their group."""
    show = command(
        group, "show", "say what a channel may see, or what all do", on_server("channels", "show")
    )
    show.add_argument("address", nargs="?", metavar="ADDRESS", help="as policies name it")
    change = command(
        group, "set", "say what a channel may see from now on", on_server("channels", "change")
    )
    change.add_argument("address", metavar="ADDRESS", help="as policies name it, such as C0123")
    change.add_argument(
        "--shows",
        choices=SHOWS,
        required=True,
        help="values: everything. names: no values, and no Approve. nothing: only that one waits",
    )
    words = "say how each channel does; exit code 1 when one fails"
    status = command(group, "status", words, on_server("channel_health", "status"))
    for each in (show, change):
        each.add_argument("--adapter", choices=ADAPTERS, default="slack", help="(default slack)")
    as_json(show, change, status)
