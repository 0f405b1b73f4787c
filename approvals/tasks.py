"""Celery's door: messages that hurry what the sweep would do anyway."""

from __future__ import annotations

from celery import shared_task

from approvals.services import clock, deliveries, knocks, timers


@shared_task(name="approvals.fire_due_timers")
def fire_due_timers(**_: object) -> int:
    return timers.fire_due(at=clock.now())


@shared_task(name="approvals.send_due_deliveries")
def send_due_deliveries(**_: object) -> int:
    return deliveries.send_due()


@shared_task(name="approvals.do_due_knocks")
def do_due_knocks(**_: object) -> int:
    return knocks.do_due()
