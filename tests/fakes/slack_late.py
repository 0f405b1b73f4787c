"""The same Slack with what outlives a click: windows that can be redrawn or closed, and response URLs."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.knocks import TEAM, Body, Knock, filled, signed
from tests.fakes.slack import FakeSlack, Posted
from tests.fakes.slack_kept import Call

HOOK = "/actions/"


class LateSlack(FakeSlack):
    """`told` is what came by a response URL, `windows` what stands in each open window now."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Body] = []
        self.windows: dict[str, Body] = {}

    def click(self, message: Posted, action_id: str, **changes: Any) -> Knock:
        url = self.url.removesuffix("/api/") + HOOK + "T1/1/abc"
        return super().click(message, action_id, **{"response_url": url, **changes})

    def send(self, window: str, words: str, *, user: str = "U1") -> Knock:
        """Somebody fills the one input of the window with this id and sends it."""
        number = next(self._numbers)
        payload = filled(self.windows[window], words, number=number, user=user, team=TEAM)
        return signed(payload | {"view": payload["view"] | {"id": window}})

    def answer(self, call: Call) -> Body:
        if call.method.startswith(HOOK):
            self.told.append(call.body)
            return {"ok": True}
        if call.method == "views.update":
            return self._redraw(call.body)
        answered = super().answer(call)
        if call.method == "views.open" and answered["ok"]:
            return answered | {"view": self._stand(answered["view"])}
        return answered

    def _stand(self, view: Body) -> Body:
        name = f"W{len(self.windows) + 1}"
        self.windows[name] = view
        return view | {"id": name}

    def _redraw(self, body: Body) -> Body:
        view = body["view"] if isinstance(body["view"], dict) else json.loads(body["view"])
        if body.get("view_id") not in self.windows:
            return {"ok": False, "error": "not_found"}
        self.windows[str(body["view_id"])] = view
        return {"ok": True, "view": view}
