"""Each process that keeps promises says twice a minute that it lives; rows beside the replays remember it."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

from approvals.models import Replay

PROVIDER = "pulse"
SILENT = timedelta(seconds=90)  # three beats missed


def beat(*, at: datetime) -> None:
    """This process is alive. What is not heard for days is forgotten with old replays."""
    name = f"{socket.gethostname()[:50]}:{os.getpid()}"
    Replay.objects.update_or_create(provider=PROVIDER, key=name, defaults={"seen_at": at})


def alive(*, at: datetime) -> tuple[int, datetime | None]:
    """How many processes live, and when one was last heard; None where none ever was, or not for days."""
    heard = list(
        Replay.objects.filter(provider=PROVIDER)
        .order_by("-seen_at")
        .values_list("seen_at", flat=True)[:100]
    )
    return sum(seen > at - SILENT for seen in heard), heard[0] if heard else None
