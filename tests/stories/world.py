"""A running service with the whole cast in it; agents and people act on it over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from tests.stories.entering import Entrance
from tests.support import cast
from tests.support.service import Service

SEED = """
import json
from tests.support import cast
people = {name: cast.token(cast.person(name, password=cast.PASSWORD)) for name in cast.TEAMS}
print("SEEDED " + json.dumps({"people": people, "robo": cast.agent()[1]}))
"""


class World:
    """Robo submits, anybody of the cast decides, and everybody can be asked how it stands."""

    def __init__(self, service: Service) -> None:
        self.url, self.entrance = service.url, Entrance(service.url, cast.PASSWORD)
        said = service.run("shell", "-v", "0", "-c", SEED)
        line = next((line for line in said.stdout.splitlines() if line.startswith("SEEDED ")), "")
        assert line, said.stdout + said.stderr
        keys = json.loads(line.removeprefix("SEEDED "))
        self.people: dict[str, str] = keys["people"]
        self.robo: str = keys["robo"]

    def enter(self, browser: Browser, name: str, at: str = "/queue", **options: Any) -> Page:
        """A page in a browser of their own, signed in, at this address."""
        return self.entrance.enter(browser, name, at, **options)

    def call(self, key: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = httpx.request(
            method,
            f"{self.url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
        )
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def submit(self, **changes: Any) -> str:
        return str(self.call(self.robo, "POST", "/requests", cast.submission(**changes))["ref"])

    def status(self, ref: str) -> str:
        return str(self.call(self.robo, "GET", f"/requests/{ref}")["status"])

    def decide(self, name: str, ref: str, verdict: str, comment: str = "") -> None:
        said = {"verdict": verdict, "comment": comment}
        self.call(self.people[name], "POST", f"/requests/{ref}/decisions", said)

    def settle_everything(self) -> None:
        for waiting in ("pending", "investigating"):
            for row in self.call(self.people["lin"], "GET", f"/requests?status={waiting}")["items"]:
                self.call(self.robo, "POST", f"/requests/{row['ref']}/cancel")
