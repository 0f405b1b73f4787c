"""The tokens of a search as conditions on requests: what an index answers, and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from approvals.domain import search
from approvals.domain.policy.classes import counts_as
from approvals.domain.search import PARAM, REF, WORDS, Term
from approvals.domain.terms import OPEN, EventKind, OutcomeStatus, Status
from approvals.models import Agent, ApprovalRequest, AuditEvent, Decision, Person
from approvals.queries import ended, given, ruled, trusted, waited

_OPEN = [status.value for status in OPEN]
# Numbers follow the clock but for requests that were submitted at the same moment; this many of them at most.
OUT_OF_ORDER = 1_000
_SLACK = timedelta(hours=1)
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # nothing was asked before; nor is there a year 0
STANDS_IN = "standing_in_for"  # the name in an event's detail
Terms = Sequence[Term]


@dataclass(frozen=True, slots=True)
class Sought:
    """A search in two halves: what indexes answer, and the rest."""

    base: QuerySet[ApprovalRequest]
    by_key: Mapping[str, list[str]]
    decided: QuerySet[Decision] | None
    compared: tuple[Term, ...]
    notes: tuple[str, ...]
    now: datetime

    @property
    def needs_window(self) -> bool:
        return bool(self.rest(())) or bool(self.compared)

    def rest(self, window: Sequence[int]) -> Q:
        """What no index answers, of the requests with these numbers; at most three statements."""
        known = _is(self.by_key.get("is", ()), window, self.decided)
        return _rest(self.by_key, window, self.now) & known & _decided(self.by_key, self.decided)


def sought_by(terms: Terms, *, now: datetime) -> Sought:
    """Terms with the same name widen, terms with different names narrow."""
    by_key: dict[str, list[str]] = {}
    for term in terms:
        by_key.setdefault(term.key, []).append(term.value)
    people, notes = _people(by_key["by"]) if "by" in by_key else (None, [])
    decided = None
    if people is not None or any(key in by_key for key in given.DATES):
        decided = given.within(by_key, people, now=now)
    cheap, also = _indexed(by_key, now=now)
    if people is not None and decided is not None:
        cheap &= Q(number__in=decided.values("request"))
    return Sought(
        base=ApprovalRequest.objects.filter(cheap),
        by_key=by_key,
        decided=decided,
        compared=tuple(term for term in terms if term.key.startswith(PARAM)),
        notes=(*also, *notes),
        now=now,
    )


def _indexed(by_key: Mapping[str, list[str]], *, now: datetime) -> tuple[Q, tuple[str, ...]]:
    """What an index answers."""
    wanted = Q()
    notes: list[str] = []
    for key, column in (("outcome", "status"), ("action", "action"), ("target", "target")):
        if key in by_key:
            wanted &= Q(**{f"{column}__in": by_key[key]})
    if REF in by_key:
        wanted &= Q(number__in=[int(value) for value in by_key[REF]])
    if "agent" in by_key:
        agents, words = _agents(by_key["agent"])
        wanted, notes = wanted & Q(agent__in=agents), [*notes, *words]
    wanted &= _any(
        by_key.get("is", ()), {"open": Q(status__in=_OPEN), "closed": ~Q(status__in=_OPEN)}
    )
    dated = _asked_between(by_key, now=now) & ended.between(by_key, now=now)
    dated &= _asked_before(waited.latest(by_key.get(waited.AT, ()), now=now))
    return wanted & dated, tuple(notes)


def _any(values: Iterable[str], meanings: Mapping[str, Q]) -> Q:
    """Any of the values that have a meaning here; no condition when none has."""
    found = Q()
    for value in values:
        if value in meanings:
            found |= meanings[value]
    return found


def _agents(names: Sequence[str]) -> tuple[list[Any], list[str]]:
    exact = Q()
    for name in names:
        exact |= Q(name__iexact=name)
    found = {agent.name.lower(): agent.pk for agent in Agent.objects.filter(exact).only("name")}
    missing = [name for name in names if name.lower() not in found]
    return list(found.values()), [f"No agent is called “{name}”." for name in missing]


def _people(names: Sequence[str]) -> tuple[list[int], list[str]]:
    """By e-mail address, which means nobody else; by what stands before its @, or by a part of the name."""
    alike = Q()
    for name in names:
        alike |= Q(email__iexact=name) | Q(email__istartswith=f"{name}@") | Q(name__icontains=name)
    found = list(Person.objects.filter(alike).values_list("pk", "email", "name"))
    exact = {email.lower(): pk for pk, email, _ in found}
    meant = {name: _meant(name.lower(), exact, found) for name in names}
    missing = [f"Nobody is called “{name}”." for name, people in meant.items() if not people]
    return sorted({pk for people in meant.values() for pk in people}), missing


def _meant(name: str, exact: Mapping[str, int], found: Sequence[tuple[int, str, str]]) -> list[int]:
    if name in exact:
        return [exact[name]]
    return [
        pk
        for pk, email, title in found
        if email.lower().startswith(f"{name}@") or name in title.lower()
    ]


def _decided(by_key: Mapping[str, list[str]], decided: QuerySet[Decision] | None) -> Q:
    """What is asked of decisions, as far as who gave them does not answer it by an index."""
    wanted = Q()
    is_dated = "by" not in by_key and any(key in by_key for key in given.DATES)
    if is_dated or any(key in by_key for key in given.ABOUT):
        among = Decision.objects.order_by() if decided is None else decided
        wanted &= given.said_of(given.such(among, by_key))
    return wanted


def _asked_between(by_key: Mapping[str, list[str]], *, now: datetime) -> Q:
    """The dates, and the numbers they mean: history has an index by time, requests by number."""
    wanted = Q()
    submitted = AuditEvent.objects.filter(type=EventKind.SUBMITTED.value)
    if "after" in by_key:
        since = max(search.moment(value, now=now) for value in by_key["after"])
        first = submitted.filter(at__gte=max(since, _FIRST) - _SLACK).order_by("at", "id")
        least = min(first.values_list("request", flat=True)[:OUT_OF_ORDER], default=None)
        wanted &= Q(created_at__gte=since)
        wanted &= Q(number__gte=least) if least is not None else Q(number__in=())
    if "before" in by_key:
        wanted &= _asked_before(min(search.moment(value, now=now) for value in by_key["before"]))
    return wanted


def _asked_before(until: datetime | None) -> Q:
    """What was asked before a moment; everything without one."""
    if until is None:
        return Q()
    submitted = AuditEvent.objects.filter(type=EventKind.SUBMITTED.value)
    last = submitted.filter(at__lt=until + _SLACK).order_by("-at", "-id")
    most = max(last.values_list("request", flat=True)[:OUT_OF_ORDER], default=None)
    numbered = Q(number__lte=most) if most is not None else Q(number__in=())
    return Q(created_at__lt=until) & numbered


def _rest(by_key: Mapping[str, list[str]], window: Sequence[int], now: datetime) -> Q:
    """What no index answers; each is looked up in the window only."""
    wanted = Q()
    for key, column in _AS_WRITTEN.items():
        if key in by_key:
            wanted &= Q(**{f"{column}__in": by_key[key]})
    if "channel" in by_key:
        given = Decision.objects.filter(request=OuterRef("pk"), channel__in=by_key["channel"])
        wanted &= Q(Exists(given))
    wanted &= _any(by_key.get("ran", ()), _RAN)
    wanted &= _covered(by_key.get("actions", ()), window)
    among = _among("number", window) if window else None
    wanted &= ended.came_before(by_key.get("asked", ()), among)
    wanted &= ruled.led_to(by_key, among) & trusted.counted_in(by_key.get("evidence", ()))
    wanted &= waited.at(by_key.get(waited.AT, ()), now=now)
    wanted &= _any(by_key.get("took", ()), _TOOK)
    wanted &= _any(by_key.get("from", ()), _FROM)
    wanted &= _named(by_key.get("team", ()), ("plan",))
    if "rule" in by_key:
        # What refused or asked, by the code it gives and by the place of the rule.
        wanted &= Q(reason_code__in=by_key["rule"]) | _named(by_key["rule"], ("evaluation",))
    versions = [value for value in by_key.get("policy", ()) if value.isascii() and value.isdigit()]
    named = [value for value in by_key.get("policy", ()) if value not in versions]
    numbers = [int(value) for value in versions if len(value) < 10]
    if versions:
        wanted &= Q(policy_version__in=numbers) | _named(named, ("evaluation", "plan"))
    else:
        wanted &= _named(named, ("evaluation", "plan"))
    for words in by_key.get(WORDS, ()):
        wanted &= _containing(words)
    return wanted


def _named(values: Iterable[str], columns: Sequence[str]) -> Q:
    """A text that stands in a column of JSON as a whole value."""
    found = Q()
    for value in values:
        for column in columns:
            found |= Q(**{f"{column}__contains": value})
    return found


def _containing(words: str) -> Q:
    wanted = Q()
    for column in ("action", "target", "agent__name", "session", "closed_by"):
        wanted |= Q(**{f"{column}__icontains": words})
    if words.isascii() and words.isdigit() and len(words) < 19:
        wanted |= Q(number=int(words))
    return wanted


_AS_WRITTEN = {"risk": "risk", "basis": "basis", "session": "session", "reason": "reason_code"}
_RAN = {
    "yes": Q(outcome_status=OutcomeStatus.SUCCESS.value),
    "failed": Q(outcome_status=OutcomeStatus.FAILURE.value),
    "rolled-back": Q(outcome_status=OutcomeStatus.ROLLED_BACK.value),
    "running": Q(consumed_at__isnull=False, outcome_status=""),
    "unused": Q(status=Status.APPROVED.value, consumed_at=None),
    "no": Q(consumed_at=None),
}


_FROM = {"agents": Q(effect=""), "service": ~Q(effect="")}


def _took() -> dict[str, Q]:
    """Each length without those that are shorter."""
    found, least = {}, timedelta()
    for name, most in search.TOOK.items():
        wanted = Q(closed_at__gte=F("created_at") + least)
        if most is not timedelta.max:
            wanted &= Q(closed_at__lt=F("created_at") + most)
        found[name], least = wanted, most
    return found


_TOOK = _took()


def _is(values: Iterable[str], window: Sequence[int], decided: QuerySet[Decision] | None) -> Q:
    known = {"asked": Q(asked=True), "automatic": Q(asked=False), **trusted.known()}
    known |= {"repeat": given.again(decided), "asked-again": given.asked_again()}
    if "stand-in" in values:
        known["stand-in"] = Q(closed_by__contains=", standing in for ") | _stood_in(window)
    return _any(values, known)


def _stood_in(window: Sequence[int]) -> Q:
    """Looked up on its own: inside the search a database may read all of history for it."""
    if not window:
        return Q(number__in=())
    clicks = AuditEvent.objects.filter(_among("request", window), actor__startswith="person:")
    told = clicks.filter(entry__contains=STANDS_IN)
    return Q(number__in=list(told.values_list("request", flat=True)))


def _covered(names: Sequence[str], window: Sequence[int]) -> Q:
    """Actions of these classes, or that these globs match: counted as rates of these names count."""
    if not names:
        return Q()
    if not window:
        return Q(number__in=())
    rows = ApprovalRequest.objects.filter(_among("number", window)).order_by()
    actions = rows.values_list("action", flat=True).distinct()
    return Q(action__in=[each for each in actions if any(counts_as(each, name) for name in names)])


def _among(column: str, window: Sequence[int]) -> Q:
    """The requests of a window, and more where it is dense: a span is read faster than a list."""
    if window[0] - window[-1] < 2 * len(window):
        return Q(**{f"{column}__gte": window[-1], f"{column}__lte": window[0]})
    return Q(**{f"{column}__in": window})
