"""What people do on the guardrails page: answer alerts, judge refusals, and close breakers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from approvals.domain.errors import Refusal
from approvals.domain.terms import AlertKind
from approvals.models import Alert, Person
from approvals.services import alert_life, alerts, block_marks, breakers, clock
from approvals.web import guardrails, proving
from approvals.web.access import signed_in


@require_POST
@signed_in
def close_alert(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Close an alert with what was found."""
    reason = request.POST.get("reason", "")
    return _do(
        request,
        person,
        lambda at: alerts.close(number=number, person=person, reason=reason, at=at),
        kept=reason,
    )


@require_POST
@signed_in
def take_alert(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Say that you look into it, or still do."""
    return _do(request, person, lambda at: alert_life.take(number=number, person=person, at=at))


@require_POST
@signed_in
def watch_alert(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Leave it open and out of the way for a day."""
    reason = request.POST.get("reason", "")
    return _do(
        request,
        person,
        lambda at: alert_life.watch(number=number, person=person, reason=reason, at=at),
        kept=reason,
    )


@require_POST
@signed_in
def mute_alert(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Raise no more of this kind about this agent for some hours."""
    reason, hours = request.POST.get("reason", ""), request.POST.get("hours", "")
    length = timedelta(hours=int(hours) if hours.isdecimal() and len(hours) < 4 else 0)

    def mute(at: datetime) -> object:
        alert = Alert.objects.select_related("agent").filter(pk=number).first()
        if alert is None or alert.agent is None:
            raise alerts.NoSuchAlert(f"There is no alert {number} to mute. Nothing was muted.")
        return alert_life.mute(
            kind=AlertKind(alert.kind), agent=alert.agent, person=person, reason=reason,
            length=length, at=at,
        )  # fmt: skip

    return _do(request, person, mute, kept=reason)


@require_POST
@signed_in
def judge_block(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Say whether a rule was right to refuse this request."""
    reason = request.POST.get("reason", "")
    is_right = request.POST.get("right") == "yes"

    def judge(at: datetime) -> None:
        block_marks.mark(ref=ref, person=person, is_right=is_right, reason=reason, at=at)

    return _do(request, person, judge, kept=reason)


@require_POST
@signed_in
@proving.holds_back
def reset_breaker(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Close one breaker, with a reason."""
    proving.wanted(request)
    reason = request.POST.get("reason", "")
    return _do(
        request,
        person,
        lambda at: breakers.reset(number=str(number), person=person, reason=reason, at=at),
        kept=reason,
    )


def _do(
    request: HttpRequest, person: Person, verb: Callable[[datetime], object], *, kept: str = ""
) -> HttpResponse:
    """Back to the page when it was done; the page with the refusal and what was typed when not."""
    try:
        verb(clock.now())
    except Refusal as refusal:
        draw = guardrails.draw_alerts if request.GET.get("kind") else guardrails.draw
        return draw(request, person, refusal=refusal, kept=kept)
    return HttpResponseRedirect(guardrails.way_back(request))
