"""What operators watch, counted from rows: whichever process is asked, the answer is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import Count, Min, QuerySet

from approvals.domain import canonical, chain, trial
from approvals.domain.policy.checks import Layer
from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import OPEN, AlertKind, Basis, BreakerKind, RiskLevel, Status
from approvals.models import Alert, ApprovalRequest, AuditEvent, BreakerTrip
from approvals.services import patterns

# Which layer says what. A reason nobody knows here is counted as "other", so labels stay few.
REASONS: Mapping[str, Layer] = {
    "action_forbidden": Layer.FORBIDDEN,
    "out_of_scope": Layer.SCOPE,
    "excluded": Layer.SCOPE,
    "read_only": Layer.SCOPE,
    "data_not_aggregated": Layer.DATA,
    "data_exposed": Layer.DATA,
    "data_restricted": Layer.DATA,
    "breaker_open": Layer.BREAKER,
    "rate_limited": Layer.RATE,
    "cooling_down": Layer.RATE,
    "denied_lately": Layer.RATE,
    "shadow_mode": Layer.AUTONOMY,
}
OTHER = ("other", "other")
MOST_AGENTS = 10
LATELY = timedelta(hours=1)
SAMPLE = 2_000
EVENTS = 50


def waiting_by_risk() -> dict[str, int]:
    """How many requests wait for people, at each level of risk."""
    rows = _counted_rows().filter(status__in=OPEN).order_by()
    return _counted(rows.values_list("risk").annotate(Count("pk")), RiskLevel)


def waiting_since() -> datetime | None:
    """When the oldest request that still waits was asked; None when nothing waits."""
    rows = _counted_rows().filter(status__in=OPEN)
    found: datetime | None = rows.aggregate(first=Min("created_at"))["first"]
    return found


def by_status() -> dict[str, int]:
    rows = _counted_rows().order_by()
    return _counted(rows.values_list("status").annotate(Count("pk")), Status)


def last_asked() -> datetime | None:
    """When the newest request was written; None before the first."""
    rows = _counted_rows().order_by("-number")
    return rows.values_list("created_at", flat=True).first()


def _counted_rows() -> QuerySet[ApprovalRequest]:
    """Every request but the tests people send themselves to try a channel."""
    return ApprovalRequest.objects.exclude(effect=trial.EFFECT)


def blocked() -> dict[tuple[str, str], int]:
    """How many requests policy denied, ever, by reason and layer."""
    rows = _blocked_rows().order_by().values_list("reason_code").annotate(Count("pk"))
    found = dict.fromkeys([*((reason, layer.value) for reason, layer in REASONS.items()), OTHER], 0)
    for reason, count in rows:
        layer = REASONS.get(reason)
        found[(reason, layer.value) if layer else OTHER] += count
    return found


def blocked_lately(*, at: datetime) -> dict[str, int]:
    """The agents policy denied most within the last hour; the rest of them are told together."""
    rows = _blocked_rows().order_by("-number").values_list("agent__name", "created_at")[:SAMPLE]
    counts = Counter(name for name, asked in rows if asked > at - LATELY)
    most = dict(counts.most_common(MOST_AGENTS))
    rest = counts.total() - sum(most.values())
    return {**most, "(others)": rest} if rest else most


def attempts(denied: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """How often agents asked beyond their scope, by reason: a part of what was blocked."""
    return {
        reason: count for (reason, _), count in denied.items() if reason in patterns.OUT_OF_SCOPE
    }


def trips() -> dict[str, int]:
    """How often circuit breakers opened, ever, by kind."""
    rows = BreakerTrip.objects.order_by().values_list("kind").annotate(Count("pk"))
    return _counted(rows, BreakerKind)


def trips_open() -> dict[str, int]:
    """How many circuit breakers are not closed now, by kind."""
    rows = BreakerTrip.objects.filter(closed_at=None).order_by()
    return _counted(rows.values_list("kind").annotate(Count("pk")), BreakerKind)


def alerts() -> dict[str, int]:
    """How many alerts were raised, ever, by kind."""
    return _counted(Alert.objects.order_by().values_list("kind").annotate(Count("pk")), AlertKind)


def alerts_open() -> dict[str, int]:
    """How many alerts nobody has closed, by kind."""
    rows = Alert.objects.filter(closed_at=None).order_by()
    return _counted(rows.values_list("kind").annotate(Count("pk")), AlertKind)


def unusual() -> dict[str, int]:
    """How many alerts of unusual patterns were raised, ever, by pattern."""
    rows = Alert.objects.filter(kind=AlertKind.UNUSUAL_PATTERN.value)
    return {name: rows.filter(key__endswith=f":{name}").count() for name in patterns.PATTERNS}


def sections(policy: PolicySet) -> dict[str, int]:
    """How many sections of the policy in force feed each layer: where it is 0, nothing is watched."""
    found = policy.policies
    return {
        Layer.SCOPE.value: sum(bool(each.scope) for each in found),
        Layer.DATA.value: sum(bool(each.data) for each in found),
        Layer.BREAKER.value: sum(len(each.breakers) for each in found),
        Layer.RATE.value: sum(len(each.rates) for each in found),
        Layer.BLAST.value: sum(bool(each.blast) for each in found),
        Layer.RULE.value: sum(len(each.rules) for each in found),
    }


def broken_lately() -> int:
    """How many of the newest events are not as they were written, or not chained to the one before.

    Only a glance at what was written last: `countersign audit verify` walks all of it.
    """
    events = list(AuditEvent.objects.order_by("-id")[:EVENTS])
    hashes = {(event.chain, event.seq): event.hash for event in events}
    return sum(not _is_whole(event, hashes) for event in events)


def _is_whole(event: AuditEvent, hashes: Mapping[tuple[str, int], str]) -> bool:
    """The event before is looked at as far as it was read too."""
    entry = event.entry
    if not isinstance(entry, dict):
        return False
    before = chain.GENESIS if event.seq == 0 else hashes.get((event.chain, event.seq - 1))
    try:
        is_as_written = event.hash == chain.entry_hash(entry)
    except canonical.Malformed:
        return False
    return is_as_written and before in (None, entry.get("prev"))


def _blocked_rows() -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.filter(status=Status.DENIED.value, basis=Basis.POLICY.value)


def _counted(rows: Iterable[tuple[str, int]], words: Iterable[str]) -> dict[str, int]:
    """Counts for every word, 0 included, so that none of them is missing."""
    return {**{str(word): 0 for word in words}, **dict(rows)}
