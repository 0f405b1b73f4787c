"""What a look at a vendor found amiss: kept until a later look finds it mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from approvals.models import ChannelFinding


@dataclass(frozen=True, slots=True)
class Found:
    """One thing amiss, in words, with what mends it."""

    words: str
    fix: str


def keep(adapter: str, found: Mapping[str, Found | None], *, at: datetime) -> None:
    """What was looked at, by subject: amiss, or None where it is well now.

    What was not looked at stays as it is, so that a vendor's silence mends nothing.
    """
    amiss = {subject: each for subject, each in found.items() if each is not None}
    with transaction.atomic():
        rows = ChannelFinding.objects.filter(adapter=adapter)
        rows.filter(subject__in=found.keys() - amiss.keys()).delete()
        for subject, each in amiss.items():
            rows.update_or_create(
                adapter=adapter,
                subject=subject,
                defaults={"words": each.words, "fix": each.fix, "seen_at": at},
                create_defaults={
                    "words": each.words,
                    "fix": each.fix,
                    "found_at": at,
                    "seen_at": at,
                },
            )


def forget(adapter: str, *, besides: frozenset[str]) -> None:
    """Drop what is about something no longer used: a channel no policy names any more."""
    ChannelFinding.objects.filter(adapter=adapter).exclude(subject__in=besides).delete()
