"""History is append-only: the database itself refuses to change or remove an event."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

POSTGRESQL = """
CREATE FUNCTION approvals_auditevent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only: % refused', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER approvals_auditevent_rows BEFORE UPDATE OR DELETE ON approvals_auditevent
    FOR EACH ROW EXECUTE FUNCTION approvals_auditevent_is_append_only();
CREATE TRIGGER approvals_auditevent_table BEFORE TRUNCATE ON approvals_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_auditevent_is_append_only();
ALTER TABLE approvals_auditevent ENABLE ALWAYS TRIGGER approvals_auditevent_rows;
ALTER TABLE approvals_auditevent ENABLE ALWAYS TRIGGER approvals_auditevent_table;
"""
POSTGRESQL_BACK = """
DROP TRIGGER approvals_auditevent_table ON approvals_auditevent;
DROP TRIGGER approvals_auditevent_rows ON approvals_auditevent;
DROP FUNCTION approvals_auditevent_is_append_only();
"""
SQLITE = (
    """CREATE TRIGGER approvals_auditevent_update BEFORE UPDATE ON approvals_auditevent
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only: UPDATE refused'); END""",
    """CREATE TRIGGER approvals_auditevent_delete BEFORE DELETE ON approvals_auditevent
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only: DELETE refused'); END""",
)
SQLITE_BACK = (
    "DROP TRIGGER approvals_auditevent_update",
    "DROP TRIGGER approvals_auditevent_delete",
)


def forwards(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    del apps
    for statement in (POSTGRESQL,) if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def backwards(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    del apps
    for statement in (
        (POSTGRESQL_BACK,) if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK
    ):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = (("approvals", "0001_tables"),)
    operations = (migrations.RunPython(forwards, backwards),)
