"""The five questions auditors ask, as views of history, and the views people keep."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from approvals.models import Person
from approvals.queries import views

PAGE = "history"
RAN = "ran:yes ran:failed ran:rolled-back"
QUESTIONS = (
    ("What did the agents do in the last hour?", "after:1h", ""),
    ("Who approved this change?", "outcome:approved is:asked", ""),
    ("Why did the agent decide so?", "after:7d", "why"),
    ("What was the state before the change?", RAN, "before"),
    ("How do I undo this?", RAN, "undo"),
)


@dataclass(frozen=True, slots=True)
class View:
    """A name and where it leads; `key` is set for those the reader may delete."""

    name: str
    address: str
    is_current: bool
    key: int = 0
    by: str = ""
    is_shared: bool = False


def address(text: str, shows: str = "") -> str:
    """Where a search stands."""
    named = {"q": text, "show": shows}
    query = urlencode({name: value for name, value in named.items() if value})
    return f"/history?{query}" if query else "/history"


def built_in(text: str, shows: str) -> list[View]:
    return [
        View(title, address(asked, show), (asked, show) == (text, shows))
        for title, asked, show in QUESTIONS
    ]


def kept(person: Person, text: str, shows: str) -> tuple[list[View], bool]:
    """One's own, and those that others share; and whether more are shared than are listed."""
    here = address(text, shows)
    found, is_cut = views.views_of(person, PAGE)
    drawn = [
        View(
            name=view.name,
            address=f"/history?{view.query}",
            is_current=f"/history?{view.query}" == here,
            key=view.pk if view.person_id == person.pk else 0,
            by="" if view.person_id == person.pk else str(view.person),
            is_shared=view.is_shared,
        )
        for view in found
    ]
    return drawn, is_cut
