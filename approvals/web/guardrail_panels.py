"""The four panels of the guardrails page. A 0 and "no data since …" are different answers in each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from approvals.domain import display
from approvals.domain.cards import RISK_SHAPE
from approvals.domain.search import Term
from approvals.models import Person
from approvals.queries import guardrail_lists as lists
from approvals.queries import guardrails as reads
from approvals.queries.used_rates import Used
from approvals.services import block_marks, policies
from approvals.web import moments

DAY, MONTH = timedelta(days=1), timedelta(days=30)
SPANS = {"day": DAY, "week": timedelta(days=7), "month": MONTH}
MOST_BARS = 12
MOST_LISTED = 200  # rates that one page lists; the rest is counted, and found by its agent
NEAR = 0.8
SAMPLED = 3


@dataclass(frozen=True, slots=True)
class Heard:
    """When what a panel counts was last heard of. `is_missing` says that a 0 would mean nothing."""

    at: datetime | None
    words: str
    is_missing: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One rate of one agent; `filled` is in hundredths of the limit, at most 100."""

    agent: str
    rule: str
    words: str
    href: str
    filled: int
    mark: str
    room: str


def heard(at: datetime | None, *, what: str, within: timedelta, now: datetime) -> Heard:
    """Of requests or outcomes: their last moment, and whether it lies within what the panel counts."""
    if at is None:
        return Heard(None, f"no data yet: no {what} so far", True)
    if now - at > within:
        return Heard(at, f"no data since {at:%H:%M} UTC on {at.day} {at:%b %Y}", True)
    return Heard(at, f"last {what} {moments.span(now - at)} ago", False)


def waiting(last: datetime | None, now: datetime) -> dict[str, Any]:
    found = reads.waiting(at=now)
    top = [int(at.timestamp()) // 60 * 60 for at, _ in found.line]
    return {
        "heard": heard(last, what="request", within=DAY, now=now),
        "count": f"{found.count}{'' if found.is_whole else '+'}",
        "by_risk": [
            {"risk": risk, "shape": RISK_SHAPE[risk], "count": count, "href": _queue(risk=risk.value)}
            for risk, count in reversed([*found.by_risk.items()])
        ],
        "oldest": moments.span(now - found.oldest) if found.oldest else "",
        "half_used": found.half_used,
        "line": json.dumps([top, [n for _, n in found.line]]),
        "table": [
            {"at": at, "count": count, "href": _history(f"waited-at:{_exact(at)}")}
            for at, count in found.line
        ],
        "half_href": _queue(left="half"),
        "most": max(n for _, n in found.line),
    }  # fmt: skip


def _queue(**filters: str) -> str:
    return f"/queue?{urlencode({'tab': 'all', **filters})}"


def blocked(span: str, last: datetime | None, person: Person, now: datetime) -> dict[str, Any]:
    since = (now - SPANS[span]).replace(microsecond=0)
    found = reads.blocked(since=since, at=now)
    plus = "" if found.is_whole else "+"
    whole = f"outcome:denied basis:policy after:{_exact(since)}"
    return {
        "heard": heard(last, what="request", within=SPANS[span], now=now),
        "count": f"{found.count}{plus}",
        "href": _history(whole),
        "rules": [
            {
                "rule": display.show_identifier(rule, limit=120).text if rule != reason else "",
                "reason": _words(reason),
                "count": f"{count}{plus}",
                "is_new": rule in found.fresh,
                "href": _history(f"{whole} {Term('blocked-by', rule)}") if rule else "",
            }
            for rule, reason, count in found.by_rule
        ],
        "reasons": [
            {
                "words": _words(reason),
                "count": f"{count}{plus}",
                "href": _history(f"{whole} {Term('reason', reason)}") if reason else "",
            }
            for reason, count in found.by_reason
        ],
        "agents": [
            {
                "name": name,
                "count": f"{count}{plus}",
                "href": _history(f"{whole} {Term('agent', name)}"),
            }
            for name, count in found.by_agent[: reads.TOP]
        ],
        "of_agents": f"{len(found.by_agent)}{plus}" if len(found.by_agent) > reads.TOP else "",
        "last": found.last,
        **_judged(since, person),
    }


def _words(reason: str) -> str:
    return (reason or "no rule").replace("_", " ").capitalize()


def _exact(at: datetime) -> str:
    """A moment as a search reads it back, to the microsecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _history(tokens: str) -> str:
    return f"/history?{urlencode({'q': tokens})}"


def _judged(since: datetime, person: Person) -> dict[str, Any]:
    """A few refusals this person has not judged, and what people said of those that were."""
    rows, is_all = lists.refusals(since=since)
    marks = block_marks.of(row.pk for row in rows)
    may = block_marks.may_mark(person)
    mine = [
        row
        for row in rows
        if may
        and person.pk not in {row.agent.owner_id, row.owner_at_submission_id}
        and not (row.pk in marks and marks[row.pk].by(person))
    ]
    return {
        "sample": [
            {
                "ref": row.ref,
                "agent": row.agent.name,
                "headline": display.show_identifier(f"{row.action} {row.target}", limit=120).text,
                "reason": (row.reason_code or "no rule").replace("_", " "),
            }
            for row in mine[:SAMPLED]
        ],
        "right": [
            row.ref for row in rows
            if row.pk in marks and marks[row.pk].right and not marks[row.pk].wrong
        ],
        "wrong": [row.ref for row in rows if row.pk in marks and marks[row.pk].wrong],
        "judged": "" if is_all else lists.MOST_SAMPLED,
    }  # fmt: skip


def breakers(now: datetime) -> dict[str, Any]:
    found = lists.trips(since=now - MONTH)
    return {
        "heard": heard(lists.last_outcome(), what="outcome", within=MONTH, now=now),
        "open": found.open,
        "opened": f"{found.opened}{'' if found.is_whole else '+'}" if found.opened else "",
        "last": found.last,
        "is_cut": found.open > reads.MOST_BREAKERS,
    }


def limits(
    last: datetime | None, now: datetime, *, shown: str = "", agent: str = ""
) -> dict[str, Any]:
    """The fullest rates, those `near` their limit alone, or `all`, of one `agent` where it is named.

    No more than MOST_LISTED of them are drawn. Without a policy there are none.
    """
    try:
        used, is_whole = reads.near_limits(policies.current(), at=now, agent=agent)
    except policies.NoPolicy:
        used, is_whole = [], True
    near = [each for each in used if each.share >= NEAR]
    wanted = {"near": near, "all": used}.get(shown, used[:MOST_BARS])
    listed = wanted[:MOST_LISTED]
    return {
        "heard": heard(last, what="request", within=DAY, now=now),
        "near": len(near),
        "used": len(used),
        "bars": [_bar(each, now) for each in listed],
        "left": len(used) - len(listed),
        "agent": agent,
        "is_cut": len(listed) < len(wanted),
        "counted": "" if is_whole else f"{reads.MOST_ASKING:,}",
    }


def _bar(used: Used, now: datetime) -> Bar:
    share = used.share
    mark = "Over the limit" if share > 1 else "At the limit" if share == 1 else ""
    room = (
        f"room again in {moments.span(used.room_at - now)}"
        if share >= 1 and used.room_at and used.room_at > now
        else ""
    )
    return Bar(
        agent=used.agent,
        rule=used.rule,
        words=f"{used.used} of {used.limit} this {used.window}",
        href=_history(used.listed_by) if used.listed_by else "",
        filled=min(100, round(100 * share)),
        mark=mark or ("Near the limit" if share >= NEAR else ""),
        room=room,
    )
