"""Tests may empty the history; nobody else may touch it, before or after."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from approvals.domain.terms import EventKind
from approvals.models import AuditEvent
from approvals.services import actors, audit, clock

pytestmark = pytest.mark.django_db(transaction=True)


@transaction.atomic
def an_event() -> AuditEvent:
    audit.append_service(
        EventKind.POLICY_APPLIED, actor=actors.SYSTEM, at=clock.now(), detail={"version": 1}
    )
    return AuditEvent.objects.latest("pk")


@pytest.mark.parametrize("act", ["UPDATE {} SET seq = 7", "DELETE FROM {}"])
def test_history_is_still_append_only_after_a_flush(act: str) -> None:
    an_event()
    call_command("flush", interactive=False, verbosity=0)
    assert not AuditEvent.objects.exists()

    kept = an_event()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act.format(connection.ops.quote_name(AuditEvent._meta.db_table)))
    assert AuditEvent.objects.get() == kept


@pytest.mark.postgres
def test_each_trigger_is_enabled_as_it_was() -> None:
    before = triggers()
    assert before
    call_command("flush", interactive=False, verbosity=0)
    assert triggers() == before


def triggers() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
        )
        return [(name, enabled) for name, enabled in cursor.fetchall()]
