"""Empty the tables between tests, audit rows included.

Triggers in the database refuse to change or remove audit rows, as they must. Tests that commit
need an empty database again, so here, and in no code that ships, they stand aside for the flush.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

ENABLING = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        with transaction.atomic(using=connection.alias), without_triggers(connection):
            super().handle(**options)


@contextmanager
def without_triggers(connection: BaseDatabaseWrapper) -> Iterator[None]:
    stand_aside = {"postgresql": _postgres_triggers, "sqlite": _sqlite_triggers}[connection.vendor]
    triggers = list(stand_aside(connection))
    with connection.cursor() as cursor:
        for off, _ in triggers:
            cursor.execute(off)
        yield
        for _, on in triggers:
            cursor.execute(on)


def _postgres_triggers(connection: BaseDatabaseWrapper) -> Iterator[tuple[str, str]]:
    """What turns each user trigger off, and back on as it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, quote_ident(tgname), tgenabled FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgenabled <> 'D'"
        )
        for table, name, enabled in cursor.fetchall():
            alter = f"ALTER TABLE {table}"
            yield f"{alter} DISABLE TRIGGER {name}", f"{alter} {ENABLING[enabled]} TRIGGER {name}"


def _sqlite_triggers(connection: BaseDatabaseWrapper) -> Iterator[tuple[str, str]]:
    """SQLite cannot turn one off: it is dropped, and made again from its own words."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        for name, words in cursor.fetchall():
            yield f"DROP TRIGGER {connection.ops.quote_name(name)}", words
