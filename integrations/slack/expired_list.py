"""Write to team leads themselves, once a day, what expired undecided that their teams were asked about.

There is nothing to decide by. What is graver was called out in its channel when it expired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from approvals.models import Identity, Person
from approvals.ports import DeliveryError
from approvals.services import expired_lists
from approvals.services.expired_lists import Line, Owed
from integrations.slack import elements as el
from integrations.slack import identity, places, seeking
from integrations.slack.blocks import TEXT_LIMIT, Drawn
from integrations.slack.calls import Caller
from integrations.slack.seeking import Sought
from integrations.slack.shortening import cut, escape

METADATA = "expired_list"
WHY = (
    "Once a day, to who leads the people that were asked. Nothing ran, and nothing can be decided now; "
    "the agents can ask again."
)
PLAIN = {
    "parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False, "mrkdwn": False,
}  # fmt: skip
LOOK_BACK = timedelta(days=1)


class DirectMessages:
    """Leads whose Slack account is linked have the list in their own conversation with our bot."""

    name = "slack"

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def addresses(self, people: Mapping[int, Person]) -> Mapping[int, str]:
        """One account of each; the one linked last where there are several."""
        linked = Identity.objects.filter(kind=identity.KIND, person__in=people)
        return dict(linked.order_by("created_at").values_list("person_id", "external_id"))

    def write(self, one: Owed, *, again: bool) -> None:
        address = places.of_account(one.to)
        if not address:
            raise DeliveryError(f"{one.to[:80]!r} is no Slack account.", permanent=True)
        channel = self._caller.channel(address)
        sought = Sought(METADATA, "list", one.key)
        since = one.until - LOOK_BACK
        if again:
            there = seeking.find(self._caller, address, sought, channel=channel, since=since)
            if there.found:
                return
        drawn = draw(one, expired_lists.lines(one, address=address))
        marked = {"event_type": METADATA, "event_payload": {sought.name: sought.value}}
        body = {"channel": channel, **PLAIN, "blocks": drawn.blocks, "metadata": marked}
        text = cut(drawn.text, TEXT_LIMIT)
        self._caller.call(address, "chat.postMessage", {**body, "text": text})


def draw(one: Owed, listed: Sequence[Line]) -> Drawn:
    """Count, list and links."""
    title = f"⌛ NOT DECIDED IN TIME · {one.count}"
    about = f"Low and medium risk, {one.span}. Your teams were asked and no decision came in time."
    body: list[dict[str, Any]] = [
        {"type": "rich_text_list", "style": "bullet", "elements": [_line(each) for each in listed]}
    ]
    if one.left_out:
        body.append(el.line(el.text(f"and {one.left_out:,} more, in history")))
    name = "Open them in history" if one.names_teams else "Open those of all teams"
    button = el.button("open", name, label=f"{name} on the web dashboard", url=one.url)
    blocks = [
        el.header(title),
        el.words(about),
        el.rich(*body),
        {"type": "actions", "elements": [button]},
        el.small(WHY),
    ]
    refs = ", ".join(each.ref for each in listed)
    return Drawn(escape(f"{title}: {refs}{' and more' if one.left_out else ''}."), blocks)


def _line(each: Line) -> dict[str, Any]:
    return el.line(el.link(each.url, each.ref), el.text(f" · {cut(each.words, 400)}"))
