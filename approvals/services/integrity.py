"""Whether history is whole: walks along every chain, and what the last one found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.models import ApprovalRequest, ChainHead, Export, Person
from approvals.models.desk import ExportState
from approvals.services import exports
from approvals.services.export_forms import VERIFY


@dataclass(frozen=True, slots=True)
class Checked:
    """The last walk that ended, and the one that is under way, if there is one."""

    at: datetime | None = None
    chains: int = 0
    events: int = 0
    broken: dict[str, Any] | None = None
    running: Export | None = None
    failed: Export | None = None

    @property
    def is_intact(self) -> bool:
        return self.at is not None and self.broken is None

    @property
    def events_words(self) -> str:
        return f"{self.events:,}"

    @property
    def chains_words(self) -> str:
        return f"{self.chains:,}"

    @property
    def percent(self) -> int:
        return percent(self.running) if self.running else 0


def ask(*, person: Person, at: datetime) -> Export:
    """Have every chain walked in the background."""
    total = ApprovalRequest.objects.count() + ChainHead.objects.count()
    return exports.verify(person=person, at=at, total=total)


def last() -> Checked:
    """What is known now. Two statements."""
    newest = list(Export.objects.filter(form=VERIFY).order_by("-id")[:5])
    running = next((one for one in newest if one.state in exports.UNDER_WAY), None)
    done = next((one for one in newest if one.state == ExportState.READY), None)
    failed = newest[0] if newest and newest[0].state == ExportState.FAILED else None
    if done is None:
        return Checked(running=running, failed=failed)
    report = json.loads(b"".join(bytes(part.content) for part in done.parts.all()) or b"{}")
    return Checked(
        at=done.asked_at,
        chains=int(report.get("chains", 0)),
        events=int(report.get("events", 0)),
        broken=report.get("broken"),
        running=running,
        failed=failed,
    )


def percent(export: Export) -> int:
    """How much of an export is written, from 0 to 99 while it is under way."""
    if export.state == ExportState.READY:
        return 100
    return min(99, 100 * export.done // export.total) if export.total else 0
