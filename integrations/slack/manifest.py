"""The app's manifest: what Slack must be told of us, and which scopes the calls we make need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("manifest.yaml")
EXAMPLE = "https://approvals.example.com"
ADDRESS = re.compile(r" *(?:request_)?url:")
EVENTS_PATH = "/integrations/slack/events"


def text(public_url: str, *, socket_mode: bool = False) -> str:
    """The manifest as YAML, with this service's address in it.

    With Socket Mode Slack never calls us, so the addresses it would call are left out.
    """
    written = FILE.read_text(encoding="utf-8").replace(EXAMPLE, public_url.rstrip("/"))
    if not socket_mode:
        return written
    kept = [line for line in written.splitlines() if not ADDRESS.match(line)]
    return "\n".join(kept).replace("socket_mode_enabled: false", "socket_mode_enabled: true") + "\n"


def content(public_url: str = EXAMPLE, *, socket_mode: bool = False) -> dict[str, Any]:
    """The same, read."""
    read: dict[str, Any] = yaml.safe_load(text(public_url, socket_mode=socket_mode))
    return read


SCOPES: tuple[str, ...] = tuple(content()["oauth_config"]["scopes"]["bot"])
