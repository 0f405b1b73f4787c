"""The operators' commands on the service's own data, running or not.

The one part of this package that loads the service and Django; the command line imports it by name
and only when such a command was asked for. Here the service is made ready, and its refusals become
words and exit codes; each module beside holds the verbs of one group.
"""

from __future__ import annotations

import argparse
import importlib
import os
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from countersign.outcomes import BadSettings, CouldNotTell, SaidNo

CONNECT_SECONDS = 5


def boot() -> None:
    """Load the service as the environment describes it. Raises BadSettings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.project.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.setdefault("LOG_FORMAT", "text")
    try:
        django.setup()
    except (ImproperlyConfigured, OSError, ValueError) as error:
        raise BadSettings(f"The settings cannot be used: {error}") from error
    _connect_plainly(connections.settings[DEFAULT_DB_ALIAS])


def _connect_plainly(database: dict[str, Any]) -> None:
    """One connection, no pool: a command is over soon, and a database that is away shall be told of soon."""
    options = database["OPTIONS"]
    if options.pop("pool", None):
        options.setdefault("connect_timeout", CONNECT_SECONDS)


def call(module: str, verb: str, asked: argparse.Namespace) -> int:
    """Run one verb; returns its exit code. Raises SaidNo, Misused or CouldNotTell."""
    boot()
    words = importlib.import_module("countersign.server.refusals")
    verbs = importlib.import_module(f"countersign.server.{module}")
    try:
        return int(getattr(verbs, verb)(asked))
    except words.REFUSALS as error:
        raise SaidNo(words.of(error)) from error
    except DatabaseError as error:
        raise CouldNotTell(words.of_database(error)) from error
    finally:
        _let_go()


def _let_go() -> None:
    """Close what was opened, unless the caller's own transaction still needs it."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
