"""What operators and their machines ask: alive, ready, how much."""

from __future__ import annotations

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from approvals.project import metrics
from approvals.services import clock, deliveries, policies, timers
from approvals.services.watch import LATE


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers; looks at nothing else."""
    del request
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when requests are judged and promises kept in time; 503 with the reasons otherwise."""
    del request
    try:
        at = clock.now()
        ages = {
            "oldest_due_timer_seconds": round(timers.oldest_due(at=at), 3),
            "oldest_due_delivery_seconds": round(deliveries.oldest_due(at=at), 3),
        }
        policy = policies.current().version
    except (DatabaseError, policies.NoPolicy) as error:
        return JsonResponse(
            {"status": "not ready", "problems": [str(error).splitlines()[0]]}, status=503
        )
    problems = [
        f"{name} is {age:.0f}, over {LATE:.0f}: no worker keeps up"
        for name, age in ages.items()
        if age > LATE
    ]
    body = {
        "status": "not ready" if problems else "ready",
        "problems": problems,
        "policy_version": policy,
        **ages,
    }
    return JsonResponse(body, status=503 if problems else 200)


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format."""
    del request
    return HttpResponse(metrics.page(), content_type="text/plain; version=0.0.4; charset=utf-8")
