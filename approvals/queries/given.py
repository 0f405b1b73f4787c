"""What people said, as conditions of a search: tokens about a decision all hold of the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, ExtractHour

from approvals.domain import search
from approvals.domain.search import Problem, Search
from approvals.domain.terms import Basis, Status
from approvals.models import ApprovalRequest, Decision, Person, RequestLook

MORNING, EVENING = (
    7,
    19,
)  # hours of UTC; what is decided before the one or from the other is at night
AGAIN_WITHIN = timedelta(days=1)
ABOUT = ("verdict", "looked", "at")  # what no index answers, whoever decided
DATES = ("decided-after", "decided-before")
By = Mapping[str, Sequence[str]]


def allowed(wanted: Search, person: Person) -> Search:
    """A search as this person may ask it: how long somebody looked is told to them and their manager."""
    if not wanted.values("looked"):
        return wanted
    named = {name.lower() for name in wanted.values("by")}
    reports = person.reports.values_list("email", flat=True)
    if named and named <= {person.email.lower(), *(email.lower() for email in reports)}:
        return wanted
    rest = tuple(term for term in wanted.terms if term.key != "looked")
    words = (
        "How long somebody looked is told to them and their manager. Write by: before it with your own "
        "e-mail address, or that of somebody you manage."
    )
    return Search(rest, (*wanted.problems, Problem("looked:", words)))


def is_night(at: datetime) -> bool:
    """Whether somebody decided outside the hours of a day, in UTC."""
    return not MORNING <= at.astimezone(UTC).hour < EVENING


def looked_from() -> Coalesce:
    """Of a decision: when its person began to look. That is their first look before they decided, and
    where they decided without opening the page, the moment it was asked."""
    looks = RequestLook.objects.filter(
        request=OuterRef("request"),
        person=OuterRef("person"),
        first_at__gt=OuterRef("request__created_at"),
        first_at__lte=OuterRef("at"),
    )
    return Coalesce(Subquery(looks.values("first_at")[:1]), F("request__created_at"))


def within(by_key: By, people: Sequence[int] | None, *, now: datetime) -> QuerySet[Decision]:
    """The decisions of these people, or of anybody, between the dates a search names."""
    found = Decision.objects.order_by()
    if people is not None:
        found = found.filter(person__in=people)
    if "decided-after" in by_key:
        since = max(search.moment(value, now=now) for value in by_key["decided-after"])
        found = found.filter(at__gte=since)
    if "decided-before" in by_key:
        until = min(search.moment(value, now=now) for value in by_key["decided-before"])
        found = found.filter(at__lt=until)
    return found


def such(found: QuerySet[Decision], by_key: By) -> QuerySet[Decision]:
    """Of these decisions those with such a verdict, given at such an hour after so long a look."""
    if "verdict" in by_key:
        found = found.filter(verdict__in=by_key["verdict"])
    if "at" in by_key:
        night = Q(hour__lt=MORNING) | Q(hour__gte=EVENING)
        meant = {"night": night, "day": ~night}
        found = found.annotate(hour=ExtractHour("at", tzinfo=UTC)).filter(_any(by_key["at"], meant))
    if "looked" in by_key:
        found = found.annotate(seen=looked_from()).filter(_any(by_key["looked"], _looked()))
    return found


def said_of(found: QuerySet[Decision]) -> Q:
    """Requests one of these decisions is about."""
    return Q(Exists(found.filter(request=OuterRef("pk"))))


def again(found: QuerySet[Decision] | None) -> Q:
    """Requests whose agent had asked exactly the same before; with `found`, a same one these are about."""
    before = ApprovalRequest.objects.order_by().filter(
        agent=OuterRef("agent"),
        action_sha256=OuterRef("action_sha256"),
        number__lt=OuterRef("number"),
    )
    return Q(Exists(before if found is None else before.filter(said_of(found))))


def asked_again() -> Q:
    """Requests people denied, and were asked exactly the same of by the same agent within a day."""
    after = ApprovalRequest.objects.order_by().filter(
        agent=OuterRef("agent"),
        action_sha256=OuterRef("action_sha256"),
        number__gt=OuterRef("number"),
        created_at__gte=OuterRef("closed_at"),
        created_at__lte=OuterRef("closed_at") + AGAIN_WITHIN,
        asked=True,
        effect="",
    )
    return Q(Exists(after), status=Status.DENIED.value, basis=Basis.PERSON.value)


def _looked() -> Mapping[str, Q]:
    """Each length without those that are shorter."""
    meant, least = {}, timedelta()
    for name, most in search.TOOK.items():
        wanted = Q(at__gte=F("seen") + least)
        if most is not timedelta.max:
            wanted &= Q(at__lt=F("seen") + most)
        meant[name], least = wanted, most
    return meant


def _any(values: Sequence[str], meant: Mapping[str, Q]) -> Q:
    wanted = Q()
    for value in values:
        wanted |= meant[value]
    return wanted
