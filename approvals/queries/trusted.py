"""Terms of a search that tell what counts as evidence of how far an agent is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Exists, Func, OuterRef, Q
from django.db.models.sql.compiler import SQLCompiler

from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.terms import EventKind
from approvals.models import AgentStage, AuditEvent, Decision, SuggestionMark


class NamesIncident(Func):
    """Whether the context of a submission names an incident, read from the text it is kept as."""

    arity = 1
    output_field = BooleanField()
    template = "json_extract(%(expressions)s, '$.context.related_incidents[0]') IS NOT NULL"

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any
    ) -> Any:
        # Not jsonb: that would read, and may refuse, all of what an agent sent.
        path = "(%(expressions)s)::json #> '{context,related_incidents,0}' IS NOT NULL"
        return self.as_sql(compiler, connection, template=path, **more)


def counted_in(classes: Sequence[str]) -> Q:
    """What counts for the stage of one of these classes of its agent: `*` holds what has no stage of its
    own class."""
    wanted = Q()
    for name in classes:
        wanted |= ~_has_own() if name == EVERY_CLASS else Q(action_class=name)
    return wanted


def _has_own() -> Q:
    own = AgentStage.objects.filter(
        agent=OuterRef("agent"), action_class=OuterRef("action_class"), until=None
    )
    return Q(Exists(own.exclude(action_class=EVERY_CLASS)))


def known() -> Mapping[str, Q]:
    """What was said of a request in the end, whether it was escalated or names an incident, and whether
    people judged it."""
    final = Decision.objects.filter(request=OuterRef("pk"), is_final=True)
    raised = AuditEvent.objects.filter(request=OuterRef("pk"), type=EventKind.ESCALATED.value)
    marks = SuggestionMark.objects.filter(request=OuterRef("pk"))
    return {
        "decided": Q(Exists(final)),
        "escalated": Q(Exists(raised)),
        "marked": Q(Exists(marks)),
        "names-incident": Q(NamesIncident("submission")),
    }
