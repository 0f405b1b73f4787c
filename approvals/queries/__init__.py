"""Reads with names and an order. Nothing here writes; each page has a module of its own."""

from approvals.queries.drawn import (
    approvers_of,
    beside,
    card,
    nobody_can,
)
from approvals.queries.lists import (
    TOLD_WITH,
    request,
    request_of,
    requests,
    requests_matching,
    team_inbox_for,
    waiting,
    whole_request,
)
from approvals.queries.past import (
    chains,
    dead_deliveries,
    deliveries_of,
    events,
    events_of,
    is_over,
    told,
)

__all__ = [
    "TOLD_WITH",
    "approvers_of",
    "beside",
    "card",
    "chains",
    "dead_deliveries",
    "deliveries_of",
    "events",
    "events_of",
    "is_over",
    "nobody_can",
    "request",
    "request_of",
    "requests",
    "requests_matching",
    "team_inbox_for",
    "told",
    "waiting",
    "whole_request",
]
