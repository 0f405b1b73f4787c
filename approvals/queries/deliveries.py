"""Which deliveries the figures of a channel count as delivered lately."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from approvals.models import Delivery
from approvals.queries.channel_rows import NEWEST
from approvals.queries.channels import WINDOW


def lately(*, now: datetime) -> Q:
    """What ended within a day, of the newest deliveries alone; one statement tells how far those reach."""
    numbers = Delivery.objects.order_by("-pk").values_list("pk", flat=True)
    oldest = next(iter(numbers[NEWEST - 1 : NEWEST]), 0)
    return Q(pk__gte=oldest, finished_at__gt=now - WINDOW)
