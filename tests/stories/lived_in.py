"""A running service with a month of made-up history behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.service import NotServing, Service

PASSWORD = "a-month-of-made-up-history"
FILL = "from tests.stories import gallery; gallery.fill(password={password!r}, days={days})"
FILL_SECONDS = 300
ASK = """
import json
from approvals.models import ApprovalRequest as Request, Export, PolicyDraft
asked = Request.objects.filter(effect="").order_by("-number")
newest = lambda **f: asked.filter(**f).values_list("number", flat=True)[0]
waits = {"status__in": ("pending", "investigating")}
print(json.dumps({
    "critical": newest(risk="critical", **waits),
    "high": newest(action="config_change", **waits),
    "medium": newest(action="scale_deployment", **waits),
    "hostile": newest(target__startswith="search"),
    "asked": newest(status="investigating"),
    "decided": newest(consumed_at__isnull=False),
    "denied": newest(status="denied", basis="person"),
    "draft": str(PolicyDraft.objects.order_by("-pk").values_list("pk", flat=True).first() or ""),
    "export": str(Export.objects.order_by("id").values_list("public_id", flat=True).first() or ""),
}))
"""


@contextmanager
def lived_in(place: Path, *, env: Mapping[str, str], days: int = 29) -> Iterator[Service]:
    """The service, filled before it runs: its timers would else end at once what the past left open."""
    fill = FILL.format(password=PASSWORD, days=days)
    service = Service(place, env=env)
    for words in (["prepare"], ["shell", "-v", "0", "-c", fill]):
        said = service.run(*words, seconds=FILL_SECONDS)
        if said.returncode:
            raise NotServing(f"The history could not be made.\n{said.stderr[-3000:]}")
    try:
        service.start()
        yield service
        service.stop()
    finally:
        service.kill()


def numbers(service: Service) -> dict[str, str]:
    """The newest request of each kind, by number, a draft's number, and the key of an export."""
    said = service.run("shell", "-v", "0", "-c", ASK)
    if said.returncode:
        raise NotServing(f"The history could not be read.\n{said.stderr[-3000:]}")
    return {kind: str(value) for kind, value in json.loads(said.stdout.splitlines()[-1]).items()}
