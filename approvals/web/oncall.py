"""On call: who is there this week, who would be asked right now, and who is away with which stand-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from approvals.domain.errors import Invalid, Refusal
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid
from approvals.models import Absence, Person, ShiftOverride, Team
from approvals.queries import away as near
from approvals.queries import oncall as reads
from approvals.services import absence, clock, people, policies, shifts, stewards
from approvals.web import oncall_presets, oncall_week, oncall_who, rows
from approvals.web.access import signed_in

MOST_AWAY = 100
FORMS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
TYPED = ("starts_at", "ends_at", "stand_in", "note", "person", "team", "shift_person",
         "shift_starts", "shift_ends")  # fmt: skip
WEEK = timedelta(days=7)
LAST_YEAR = 9000  # beyond it, a day more would be no date


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    """The page; `?from=2026-11-23` is the first of the seven days shown."""
    return _draw(request, person)


@require_POST
@signed_in
def go_away(request: HttpRequest, person: Person) -> HttpResponse:
    """Check an absence, or set it: the button pressed says which."""
    typed, at = _typed(request), clock.now()
    try:
        terms = _terms(typed, person, at=at)
        if request.POST.get("do") == "check":
            found = absence.problems(terms["person"], **_without(terms, "person"))
            said = [each.words for each in found]
            return _draw(
                request, person, typed=typed, checked=said or [_fits(terms)], good=not said
            )
        absence.begin(terms["person"], **_without(terms, "person"))
    except Refusal as refusal:
        return _draw(request, person, refusal=refusal, typed=typed)
    return HttpResponseRedirect("/oncall#away")


@require_POST
@signed_in
def come_back(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """End an absence, or call a planned one off."""
    row = Absence.objects.select_related("person", "stand_in").filter(pk=number).first()
    if row is None:
        raise Http404
    try:
        absence.end(row, by=person, at=clock.now())
    except Refusal as refusal:
        return _draw(request, person, refusal=refusal)
    return HttpResponseRedirect("/oncall#away")


@require_POST
@signed_in
def take_shift(request: HttpRequest, person: Person) -> HttpResponse:
    """Put somebody on call by hand."""
    typed, at = _typed(request), clock.now()
    try:
        team = Team.objects.filter(name=typed["team"]).first()
        taker = people.by_email(typed["shift_person"])
        if team is None or taker is None:
            raise Invalid("Choose a team and a person. Nothing was changed.", field="shift_person")
        shifts.take(
            team=team, person=taker, by=person, at=at,
            starts_at=_moment(typed["shift_starts"], "shift_starts") or at,
            ends_at=_needed(typed["shift_ends"], "shift_ends"),
        )  # fmt: skip
    except Refusal as refusal:
        return _draw(request, person, refusal=refusal, typed=typed)
    return HttpResponseRedirect("/oncall#week")


@require_POST
@signed_in
def end_shift(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Let the schedule speak again."""
    row = ShiftOverride.objects.select_related("person", "team").filter(pk=number).first()
    if row is None:
        raise Http404
    try:
        shifts.end(row, by=person, at=clock.now())
    except Refusal as refusal:
        return _draw(request, person, refusal=refusal)
    return HttpResponseRedirect("/oncall#week")


def _draw(
    request: HttpRequest,
    person: Person,
    *,
    refusal: Refusal | None = None,
    typed: dict[str, str] | None = None,
    checked: list[str] | None = None,
    good: bool = False,
) -> HttpResponse:
    now, teams = clock.now(), reads.teams()
    served = [team.name for team in teams if person in team.people.all()]
    absences, policy = _absences(person, served, now), _policy()
    last = oncall_presets.stood_in_last(person, absences["could_stand_in"])
    facts = {
        "section": "oncall",
        "now": now,
        "person": person,
        **_week(person, teams, served, policy, first=_first(request, now), now=now),
        **absences,
        "presets": oncall_presets.of(person, served, policy, now),
        "typed": typed or {"starts_at": f"{now:%Y-%m-%dT%H:%M}", "stand_in": last},
        "refusal": refusal,
        "field": str(refusal.facts.get("field", "")) if refusal else "",
        "checked": checked or [],
        "is_good": good,
    }
    return render(request, "oncall.html", facts, status=refusal.status if refusal else 200)


def _week(
    person: Person,
    teams: list[Team],
    served: list[str],
    policy: PolicySet | None,
    *,
    first: datetime,
    now: datetime,
) -> dict[str, Any]:
    """Who is there on each of seven days, and who would be asked now."""
    week = oncall_week.days(first)
    ends = week[-1] + oncall_week.DAY
    away = reads.away_between(min(week[0], now), max(ends, now))
    overrides = list(reads.overrides_between(week[0], ends))
    return {
        "days": week,
        "today": now.date(),
        "before": (week[0] - WEEK).date(),
        "following": (week[0] + WEEK).date(),
        "weeks": [
            oncall_week.of(
                team, policy.teams.get(team.name) if policy else None, week=week, away=away,
                shifts=overrides, you=person, at=now,
                may_set=stewards.is_steward(person) or team.name in served,
            )
            for team in teams
        ],
        "levels": oncall_who.levels(policy, teams, away, at=now) if policy else [],
        "shifts": overrides,
        "sleeps": oncall_week.sleeps(policy.teams.values(), now) if policy else [],
    }  # fmt: skip


def _absences(person: Person, served: list[str], now: datetime) -> dict[str, Any]:
    """Who is away with which stand-in, and what this person can set."""
    mine = absence.ahead(person, now)
    away = list(reads.away_or_planned(now, limit=MOST_AWAY + 1))
    away_near, away_near_cut = near.near(person, now)
    return {
        "mine": mine,
        "current": next((row for row in mine if row.starts_at <= now), None),
        "stands_in": absence.stands_in(person, now),
        "away_near": [near.words(row) for row in away_near],
        "away_near_cut": away_near_cut,
        "absences": [
            {"row": row, "may_end": absence.may_set(row.person, by=person)}
            for row in away[:MOST_AWAY]
        ],
        "absences_cut": len(away) > MOST_AWAY,
        "notes": _notes(person, served) if mine else [],
        "could_stand_in": reads.people_who_may_stand_in(person),
        "reports": list(person.reports.filter(is_active=True).order_by("name")),
    }


def _notes(person: Person, served: list[str]) -> list[dict[str, Any]]:
    """What waits for somebody who is away, for whoever takes it over."""
    return [
        {"ref": row.ref, "risk": row.risk, "headline": rows.sentence(row)[0], "by": row.decide_by}
        for row in reads.waits_for(person, served)
    ]


def _policy() -> PolicySet | None:
    try:
        return policies.current()
    except (policies.NoPolicy, PolicyInvalid):
        return None


def _first(request: HttpRequest, now: datetime) -> datetime:
    """The day asked for, a year away at most; today for nonsense."""
    try:
        wanted = datetime.strptime(request.GET.get("from", ""), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        wanted = now.astimezone(UTC)
    if abs(wanted - now) > timedelta(days=400):
        wanted = now.astimezone(UTC)
    return wanted


def _typed(request: HttpRequest) -> dict[str, str]:
    """A button that names an end sends it as `until`, in place of the field."""
    typed = {name: request.POST.get(name, "").strip()[:400] for name in TYPED}
    until = request.POST.get("until", "").strip()[:400]
    return typed | {"ends_at": until} if until else typed


def _terms(typed: dict[str, str], person: Person, *, at: datetime) -> dict[str, Any]:
    """What `absence.begin` needs. Raises Invalid for what cannot be read."""
    absent = people.by_email(typed["person"]) if typed["person"] else person
    stand_in = people.by_email(typed["stand_in"]) if typed["stand_in"] else None
    if absent is None:
        raise Invalid("Nobody here has this address. Nothing was changed.", field="person")
    if typed["stand_in"] and stand_in is None:
        raise Invalid("Nobody here has this address. Nothing was changed.", field="stand_in")
    return {
        "person": absent,
        "starts_at": _moment(typed["starts_at"], "starts_at") or at,
        "ends_at": _needed(typed["ends_at"], "ends_at"),
        "stand_in": stand_in,
        "note": typed["note"],
        "by": person,
        "at": at,
    }


def _without(terms: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in terms.items() if key != name}


def _fits(terms: dict[str, Any]) -> str:
    stand_in, person = terms["stand_in"], terms["person"]
    if stand_in is None:
        return "This can be set. Nobody would stand in, so what is asked of you alone may time out."
    return (
        f"{stand_in} can stand in for {person}: they share a team, and {stand_in} is not away then."
    )


def _needed(text: str, field: str) -> datetime:
    found = _moment(text, field)
    if found is None:
        raise Invalid("Say until when, such as 2026-11-27 18:00. Nothing was changed.", field=field)
    return found


def _moment(text: str, field: str) -> datetime | None:
    """A moment in UTC; None for nothing. A day alone, as an end, is its end."""
    if not text:
        return None
    for form in FORMS:
        try:
            found = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        whole_day = form == "%Y-%m-%d" and field.endswith("ends_at")
        if found.year > LAST_YEAR:
            break
        return found + timedelta(days=1) if whole_day else found
    raise Invalid(f"{text[:40]!r} is no date and time, such as 2026-11-27 18:00. Nothing was changed.",
                  field=field)  # fmt: skip
