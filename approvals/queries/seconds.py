"""Moments as seconds since 1970: thousands of them cost a page less as numbers than as dates."""

from __future__ import annotations

from typing import Any

from django.db.models import FloatField, Func


class Seconds(Func):
    """Seconds since 1970 in UTC, to the millisecond; None stays None."""

    output_field = FloatField()

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        told = "EXTRACT(EPOCH FROM %(expressions)s)::float8"
        return self.as_sql(compiler, connection, template=told, **more)

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        told = "ROUND((julianday(%(expressions)s) - 2440587.5) * 86400, 3)"
        return self.as_sql(compiler, connection, template=told, **more)
