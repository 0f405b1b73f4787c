"""What can be written after `countersign slack`."""

from __future__ import annotations

from countersign.command_line import Commands, as_json, command, on_server


def add(group: Commands) -> None:
    """Add the commands to their group."""
    manifest = command(
        group, "manifest", "print the Slack app's manifest", on_server("slack_setup", "manifest")
    )
    setup = command(
        group,
        "setup",
        "look at token, scopes, clicks and channels, and say what to do",
        on_server("slack_setup", "setup"),
    )
    as_json(manifest, setup)
