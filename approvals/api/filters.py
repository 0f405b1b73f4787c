"""What can be asked of a list; a misspelt query parameter is refused, not passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from approvals import queries
from approvals.api.fields import Body, Text, checked
from approvals.api.paging import LIMIT, MOST
from approvals.api.problems import Fault, InvalidBody
from approvals.domain.terms import ActorKind, AlertKind, EventKind, RiskLevel, Status
from approvals.models import ApprovalRequest, AuditEvent


class Words(serializers.CharField):
    """One word of a list or several, with commas between."""

    default_error_messages = {"invalid_choice": "{word} is not known here; known here: {known}."}

    def __init__(self, *, known: list[str], **options: Any) -> None:
        self.known = known
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> list[str]:  # type: ignore[override]  # a list out of one text
        words = [word.strip() for word in str(data).split(",")]
        for word in words:
            if word not in self.known:
                self.fail("invalid_choice", word=repr(word)[:60], known=", ".join(self.known))
        return words


class Query(Body):
    """Query parameters."""


class Seconds(serializers.IntegerField):
    """A whole number in plain digits: `2.0` and `1_0` are read as numbers by some, not by all."""

    def to_internal_value(self, data: Any) -> int:
        if not (str(data).isascii() and str(data).isdigit()):
            self.fail("invalid")
        return super().to_internal_value(data)


class Wait(Query):
    wait = Seconds(
        required=False,
        min_value=1,
        max_value=60,
        help_text="Hold until it is final, at most so many seconds.",
    )


class Paged(Query):
    cursor = Text(required=False, max_length=100, help_text="From `next` of the page before.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST, default=LIMIT)


class RequestFilters(Paged):
    status = Words(required=False, known=[status.value for status in Status])
    agent = Text(required=False, max_length=80)
    action = Text(required=False, max_length=200)
    target = Text(required=False, max_length=500)
    risk = Words(required=False, known=[level.value for level in RiskLevel])
    decided_by = Text(
        required=False, max_length=254, help_text="The e-mail address of somebody who decided."
    )
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    q = Text(
        required=False,
        max_length=200,
        help_text="Part of the action, target, reasoning or reference.",
    )


class EventFilters(Query):
    request = Text(required=False, max_length=60, help_text="REQ-12 or an id.")
    agent = Text(required=False, max_length=80)
    action = Text(required=False, max_length=200)
    target = Text(required=False, max_length=500)
    actor = Text(
        required=False,
        max_length=240,
        help_text="person:ada@example.com, agent:name, or only the name.",
    )
    type = Words(required=False, known=[kind.value for kind in EventKind])
    session = Text(required=False, max_length=200)
    after = serializers.DateTimeField(required=False)
    before = serializers.DateTimeField(required=False)


class EventPage(EventFilters, Paged):
    """The filters of history, page by page."""


class ExportFilters(EventFilters):
    format = serializers.ChoiceField(required=False, choices=["ndjson", "csv"], default="ndjson")


class AlertFilters(Paged):
    kind = Words(required=False, known=[kind.value for kind in AlertKind])
    agent = Text(required=False, max_length=80)
    open = serializers.ChoiceField(
        required=False,
        choices=["true", "false"],
        help_text="Those nobody has closed, or those somebody has; left out, both.",
    )


class ForAgent(Query):
    agent = Text(
        required=False,
        max_length=80,
        help_text="People say for which agent; an agent asks for itself.",
    )


def asked(request: Request, query: type[Query]) -> dict[str, Any]:
    """The query parameters, checked. Raises InvalidBody, also for one given twice or unknown."""
    sent = request.query_params
    twice = [
        Fault(name, "given_twice", "This was given twice; once is enough.")
        for name in sent
        if len(sent.getlist(name)) > 1
    ]
    if twice:
        raise InvalidBody(*twice)
    for name, value in sent.items():
        if "\0" in value:
            raise InvalidBody(Fault(name, "invalid", "This holds a NUL character."))
    return checked(query, sent.dict())


def requests(wanted: Mapping[str, Any]) -> QuerySet[ApprovalRequest]:
    """The requests that fit every filter given."""
    several = {"status": "status__in", "risk": "risk__in"}
    rows = queries.requests_matching(
        {name: value for name, value in wanted.items() if name not in several}
    )
    return rows.filter(
        **{several[name]: value for name, value in wanted.items() if name in several}
    )


def events(wanted: Mapping[str, Any]) -> QuerySet[AuditEvent]:
    """The lines of history that fit every filter. Raises NotFound for an unreadable reference."""
    rows = queries.events(
        {name: value for name, value in wanted.items() if name not in {"type", "actor"}}
    )
    if "type" in wanted:
        rows = rows.filter(type__in=wanted["type"])
    return rows.filter(_actor(wanted["actor"])) if "actor" in wanted else rows


def _actor(name: str) -> Q:
    if ":" in name:
        return Q(actor=name)
    return Q(actor__in=[f"{kind}:{name}" for kind in ActorKind])
