"""Keep the home tabs that people opened true after they decide, undo, leave or come back.

Slack shows a tab as it was drawn last. Whoever opened theirs within a week has it drawn anew when something
they did is not on it yet: looked for once a minute, and soon after a click of theirs, all of it at once.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Max
from slack_sdk.errors import SlackApiError

from approvals.models import (
    Absence,
    Decision,
    HeldDecision,
    Identity,
    Person,
    Place,
    absences,
)
from approvals.ports import DeliveryError
from approvals.services import clock, looking
from approvals.services import places as rooms
from integrations.slack import configuration, home, identity, payloads, places, wire, workspaces
from integrations.slack.payloads import Account

logger = logging.getLogger(__name__)

ADAPTER = "slack_home"
LOOKER = "slack"
KEPT = timedelta(days=7)
MOST_AT_ONCE = 50  # what Slack takes within a minute, with room for what people open themselves


def remember(account: Account, person: Person | str, *, at: datetime) -> None:
    """Somebody's tab was just drawn for them."""
    if not isinstance(person, Person):
        return
    handle = {"user": account.user, "team": account.team, "enterprise": account.enterprise}
    handle |= {"shows": _done_by([person], at=at)[person.pk]}
    rooms.remember(adapter=ADAPTER, external_id=account.external_id, handle=handle, at=at)


def stir(payload: Mapping[str, Any]) -> None:
    """Whoever clicked may have done what their tab shows; that it cannot be looked up fails nothing."""
    try:
        who = payloads.account(payload).external_id
        if Place.objects.filter(adapter=ADAPTER, external_id=who).exists():
            looking.soon(LOOKER, at=clock.now())
    except DatabaseError:
        logger.warning("slack home was not stirred")


def draw_due(*, at: datetime) -> int:
    """Draw the tabs that do not show what their owners did; returns how many. Raises DeliveryError."""
    opened = list(Place.objects.filter(adapter=ADAPTER, seen_at__gt=at - KEPT).order_by("seen_at"))
    owners = _owners(opened)
    done = _done_by(list(owners.values()), at=at)
    stale = [
        (tab, owners.get(tab.external_id))
        for tab in opened
        if tab.handle.get("shows") != _shown(owners.get(tab.external_id), done)
    ]
    for tab, person in stale[:MOST_AT_ONCE]:
        _draw(tab, person, _shown(person, done), at=at)
    return len(stale[:MOST_AT_ONCE])


def _shown(person: Person | None, done: Mapping[int, str]) -> str:
    return "" if person is None else done[person.pk]


def _owners(tabs: Sequence[Place]) -> dict[str, Person]:
    """Whose they are, where that is known; as `identity` finds them, an account with its workspace first."""
    names = {name for tab in tabs for name in _names(tab)}
    linked = Identity.objects.filter(
        kind=identity.KIND, external_id__in=names, person__is_active=True
    )
    known = {each.external_id: each.person for each in linked.select_related("person")}
    found = {
        tab.external_id: [known[name] for name in _names(tab) if name in known] for tab in tabs
    }
    return {account: people[0] for account, people in found.items() if people}


def _names(tab: Place) -> tuple[str, str]:
    return tab.external_id, str(tab.handle["user"])


def _done_by(people: Sequence[Person], *, at: datetime) -> dict[int, str]:
    """What each of these last did that a tab shows, as a mark to compare; in four statements for all."""
    marks: dict[int, list[str]] = defaultdict(list)
    decided = Decision.objects.filter(person__in=people).values_list("person")
    held = HeldDecision.objects.filter(person__in=people).values_list("person")
    away = Absence.objects.filter(person__in=people).values_list("person")
    now = absences.in_force(at).filter(person__in=people).values_list("person", "pk")
    found = (
        decided.annotate(Max("pk")),
        held.annotate(Max("pk"), Max("undone_at"), Max("released_at")),
        away.annotate(Max("pk"), Max("ended_at")),
        now.order_by("pk"),
    )
    for name, rows in zip("dhan", found, strict=True):
        for person, *last in rows:
            marks[person].append(f"{name}{'/'.join(map(str, last))}")
    return {person.pk: " ".join((f"p{person.pk}", *marks[person.pk])) for person in people}


def _draw(tab: Place, person: Person | None, shows: str, *, at: datetime) -> None:
    """Publish it, and remember that; a tab that cannot be drawn is left until it is opened again."""
    handle = tab.handle
    account = Account(handle["user"], handle["team"], "", handle.get("enterprise", ""))
    view = home.draw(account, person or home.STRANGER, at=at)
    try:
        token = workspaces.token_for(places.of_account(tab.external_id))
        client = wire.client(configuration.current(), seconds=wire.DELIVERY_SECONDS, token=token)
        client.views_publish(user_id=account.user, view=view)
    except (SlackApiError, *wire.BROKEN) as error:
        failure = wire.failure(error)
        if not failure.permanent:
            raise failure from error
        logger.warning("slack home was not drawn", extra={"error": failure.words})
    except DeliveryError as error:
        logger.warning("slack home was not drawn", extra={"error": error.words})
    Place.objects.filter(pk=tab.pk, seen_at=tab.seen_at).update(handle=handle | {"shows": shows})
