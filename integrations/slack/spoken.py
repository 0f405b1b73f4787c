"""What was asked and answered about a request, and how it reads in Slack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from approvals.domain import display
from approvals.domain.cards_words import headline
from approvals.domain.display import Shown
from approvals.domain.showing import HEADLINE
from approvals.domain.terms import AskedOf, EventKind, Status, Verdict
from approvals.models import ApprovalRequest, Identity, Person
from approvals.models.workspaces import Shows
from approvals.queries import questions
from integrations.slack import elements as el
from integrations.slack import places
from integrations.slack.elements import Block
from integrations.slack.shortening import fold

CARDS = "slack"
WORDS_LENGTH = 1_500
QUESTION, ANSWER = "question", "answer"


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said in the thread: `key` names it for good, `person` is None for the agent."""

    key: str
    kind: str
    shown: Shown
    person: Person | None
    at: datetime
    asked_of: AskedOf = AskedOf.BOTH


def turns(row: ApprovalRequest) -> list[Turn]:
    """Everything said since the first question, oldest first."""
    found = [one for one in row.decisions.all() if one.verdict == Verdict.INVESTIGATE.value]
    if not found:
        return []
    told = questions.told_by(row.events.filter(type=EventKind.INVESTIGATING.value))
    asked = [
        Turn(
            f"q{one.pk}",
            QUESTION,
            display.show(one.comment),
            one.person,
            one.at,
            told.get((one.person.email, one.at), AskedOf.BOTH),
        )
        for one in found
    ]
    first = min(turn.at for turn in asked)
    said = [
        Turn(f"m{one.pk}", ANSWER, display.show(one.text), one.person, one.at)
        for one in row.messages.all()
        if one.at >= first
    ]
    return sorted([*asked, *said], key=lambda turn: (turn.at, turn.key))


def told_at(row: ApprovalRequest, address: str) -> list[Turn]:
    """What is said at an address: all of it in a thread, and to somebody alone what others asked not of
    the agent alone, and answered after they asked themselves; nothing more once the request is closed."""
    said = turns(row)
    if not places.is_person(address):
        return said
    askers = {turn.person for turn in said if turn.kind == QUESTION}
    linked = Identity.objects.filter(kind=CARDS, person__in=askers)
    accounts = linked.values_list("person_id", "external_id")
    here = {number for number, account in accounts if places.of_account(account) == address}
    own = [turn.at for turn in said if turn.person is not None and turn.person.pk in here]
    asked = min(own, default=None)
    return [
        turn
        for turn in said
        if turn.person is None or turn.person.pk not in here
        if (turn.kind == QUESTION and turn.asked_of.takes_owner)
        or (asked is not None and turn.at >= asked)
        if is_open(row)
    ]


def draw(
    row: ApprovalRequest, turn: Turn, *, value: str, shows: Shows, address: str
) -> list[Block]:
    """One message of the thread; without the words where the channel may not see them."""
    said = (
        el.quote(fold(turn.shown.text, WORDS_LENGTH))
        if shows is Shows.VALUES
        else el.line(
            el.text("Not shown in this channel. Open the request to read it.", italic=True)
        )
    )
    about = _about(row, shows) if places.is_person(address) else []
    if turn.kind == ANSWER:
        title = el.line(*_signature(row, turn))
        return [*about, el.rich(title, said, *_told(row, turn, address)), *_opening(row, about)]
    title = el.line(el.text(f"Question from {turn.person}{_TO[turn.asked_of]}:", bold=True))
    label = f"Answer the question about {row.ref}"
    button = el.button("answer", "Answer…", label=label, value=value)
    blocks = [*about, el.rich(title, said, el.line(*_called(row, turn, address)))]
    if not is_open(row):
        return [*blocks, *_opening(row, about)]
    more = [each for block in _opening(row, about) for each in block["elements"]]
    return [*blocks, {"type": "actions", "elements": [button, *more]}]


def _about(row: ApprovalRequest, shows: Shows) -> list[Block]:
    """Which request it is, where no message of it stands above."""
    what = headline(row.submission) if shows is Shows.VALUES else HEADLINE
    return [el.words(f"{row.ref} · {what}")]


def _opening(row: ApprovalRequest, about: Sequence[Block]) -> list[Block]:
    """The way to the request, where no message of it stands above."""
    if not about:
        return []
    label = f"Open {row.ref} in the web dashboard"
    url = f"{settings.PUBLIC_URL}/r/{row.ref}"
    button = el.button("open", "Open full request", label=label, url=url)
    return [{"type": "actions", "elements": [button]}]


def _signature(row: ApprovalRequest, turn: Turn) -> list[Block]:
    if turn.person is None:
        return [
            el.text("Answer", bold=True),
            el.text(" · from the agent, not checked", italic=True),
        ]
    is_owner = turn.person.pk == row.agent.owner_id
    role = " (agent owner)" if is_owner else ""
    return [el.text("Answer", bold=True), el.text(f" · from {turn.person}{role}")]


_TO = {
    AskedOf.BOTH: "",
    AskedOf.OWNER: " to the agent's owner",
    AskedOf.AGENT: " to the agent",
}


def _called(row: ApprovalRequest, turn: Turn, address: str) -> list[Block]:
    owner = row.agent.owner
    if not turn.asked_of.takes_owner:
        return [el.text("This waits for the agent's answer. Whoever may decide can answer, too.")]
    if owner is None:
        return [el.text("Whoever may decide can answer, and so can the agent.")]
    return [_mention(owner, address), el.text(", you own this agent. Please answer.")]


def _told(row: ApprovalRequest, turn: Turn, address: str) -> list[Block]:
    """Call whoever asked last, since an edit of the card calls nobody."""
    asked = [one for one in turns(row) if one.kind == QUESTION and one.at <= turn.at]
    asker = asked[-1].person if asked else None
    if asker is None or asker == turn.person or not is_open(row):
        return []
    return [el.line(_mention(asker, address), el.text(", this answers your question."))]


def _mention(person: Person, address: str) -> Block:
    """Their Slack account at this address, which Slack notifies; their name where we know none there."""
    linked = Identity.objects.filter(person=person, kind=CARDS).order_by("-pk")
    accounts = linked.values_list("external_id", flat=True)
    users = (places.user_in(account, address) for account in accounts)
    found = next((user for user in users if user), "")
    return el.user(found) if found else el.text(str(person), bold=True)


def is_open(row: ApprovalRequest) -> bool:
    return not Status(row.status).is_final
