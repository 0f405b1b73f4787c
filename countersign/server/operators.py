"""Who runs a command on this machine."""

from __future__ import annotations

import getpass
import os

from approvals.services import actors
from approvals.services.actors import Actor


def me() -> Actor:
    """The account of this machine, as history will name it."""
    return actors.operator(name()[:80])


def name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"  # a container's user often has no name
