"""Of whom a question is asked: who is written to, and whose answer lets the clock run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from approvals import queries
from approvals.domain import errors
from approvals.domain.terms import AskedOf, EventKind, Verdict
from approvals.models import (
    Agent,
    AgentKey,
    ApprovalRequest,
    AuditEvent,
    Delivery,
    Identity,
    Person,
)
from approvals.ports import Message, MessageKind, Notice
from approvals.services import answers, chatter, lifecycle
from tests.domain.scene import NOON, SECOND, minutes
from tests.support import cast


class Talking:
    """A channel that writes to people themselves beside the card."""

    name = "talking"
    accounts = "talking"

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        return [(MessageKind.CARD, "#room")] if notice.opened else []

    def privately(self, account: str) -> str:
        return f"@{account}"

    def deliver(self, message: Message) -> Mapping[str, Any]:
        return {}


def ask(row: ApprovalRequest, asked_of: AskedOf, *, name: str = "lin") -> ApprovalRequest:
    return lifecycle.decide(
        ref=row.ref,
        person=cast.person(name),
        verdict=Verdict.INVESTIGATE,
        comment="Why 8?",
        asked_of=asked_of,
        at=minutes(1),
    )


def by_agent(row: ApprovalRequest, **more: Any) -> ApprovalRequest:
    return lifecycle.add_message(ref=row.ref, agent=row.agent, text="Load.", at=minutes(2), **more)


def detail(row: ApprovalRequest) -> dict[str, Any]:
    event = AuditEvent.objects.get(request=row, type=EventKind.INVESTIGATING.value)
    found: dict[str, Any] = event.entry["detail"]
    return found


def test_a_question_says_of_whom_it_was_asked_and_as_ever_of_both() -> None:
    row = cast.request(at=NOON)
    ask(row, AskedOf.OWNER)
    assert detail(row)["asked_of"] == "owner"

    other = cast.request(at=NOON, target="staging-api")
    ask(other, AskedOf.BOTH)
    assert "asked_of" not in detail(other)
    assert by_agent(other).status == "pending"


@pytest.mark.parametrize("go_on", [False, True])
def test_what_the_agent_says_to_a_question_for_its_owner_is_kept_and_ends_no_pause(
    go_on: bool,
) -> None:
    row = cast.request(at=NOON)
    ask(row, AskedOf.OWNER)

    said = by_agent(row, go_on=go_on)

    assert (said.status, said.messages.count()) == ("investigating", 1)
    assert (
        answers.answer(
            ref=row.ref, person=cast.person("sam"), text="It is me.", at=minutes(3)
        ).status
        == "pending"
    )


def test_an_agent_that_was_not_asked_cannot_make_the_request_new_without_end() -> None:
    row = cast.request(at=NOON)
    ask(row, AskedOf.OWNER)
    for _ in range(chatter.MOST_UNASKED):
        by_agent(row)

    with pytest.raises(errors.NotInvestigating, match="for the agent's owner"):
        by_agent(row)
    assert queries.request(row.ref).status == "investigating"


def test_a_question_for_the_agent_is_not_ended_by_its_owner() -> None:
    row = cast.request(at=NOON)
    ask(row, AskedOf.AGENT)
    sam = cast.person("sam")

    kept = answers.answer(ref=row.ref, person=sam, text="Never mind.", at=minutes(2))
    assert (kept.status, kept.messages.count()) == ("investigating", 1)
    with pytest.raises(errors.NotAnApprover):
        lifecycle.add_message(ref=row.ref, person=sam, text="Go.", go_on=True, at=minutes(2))

    assert by_agent(row).status == "pending"


@pytest.mark.parametrize("asked_of", list(AskedOf))
def test_whoever_may_decide_ends_any_question(asked_of: AskedOf) -> None:
    row = cast.request(at=NOON)
    ask(row, asked_of)
    cast.person("ada")
    dan = cast.person("dan", teams=["team-leads"])
    assert answers.answer(ref=row.ref, person=dan, text="Clear.", at=minutes(2)).status == "pending"


@pytest.mark.parametrize("asked_of", [AskedOf.BOTH, AskedOf.OWNER])
def test_an_owner_who_was_asked_lets_the_clock_run_again_on_the_page(asked_of: AskedOf) -> None:
    row = cast.request(at=NOON)
    ask(row, asked_of)
    on = lifecycle.add_message(
        ref=row.ref, person=cast.person("sam"), text="Me.", go_on=True, at=minutes(2)
    )
    assert on.status == "pending"


def test_who_only_made_the_key_answers_for_no_owner() -> None:
    agent, _ = cast.agent()
    row, mallory = cast.request(agent), cast.person("mallory")
    AgentKey.objects.filter(agent=agent).update(created_by=mallory)
    ask(row, AskedOf.OWNER)

    said = answers.answer(ref=row.ref, person=mallory, text="Go on.", at=minutes(2))

    assert said.status == "investigating"
    with pytest.raises(errors.NotAnApprover):
        lifecycle.add_message(ref=row.ref, person=mallory, text="Go.", go_on=True, at=minutes(3))
    said = answers.answer(ref=row.ref, person=cast.person("sam"), text="Load.", at=minutes(4))
    assert said.status == "pending"


def test_without_an_owner_nobody_is_asked_for_nothing() -> None:
    row = cast.request(at=NOON)
    Person.objects.filter(pk=cast.person("sam").pk).update(is_active=False)

    with pytest.raises(errors.Invalid, match="no owner who could answer"):
        ask(row, AskedOf.OWNER)

    assert queries.request(row.ref).status == "pending"
    assert not AuditEvent.objects.filter(type=EventKind.INVESTIGATING.value).exists()


@pytest.mark.parametrize(
    ("asked_of", "written_to"),
    [(AskedOf.BOTH, ["@sam"]), (AskedOf.OWNER, ["@sam"]), (AskedOf.AGENT, [])],
)
def test_the_owner_is_written_to_where_they_were_asked(
    settings: Any, asked_of: AskedOf, written_to: list[str]
) -> None:
    settings.ADAPTERS = [f"{__name__}.Talking"]
    row = cast.request(at=NOON)
    sam = cast.person("sam")
    Identity.objects.create(kind="talking", external_id="sam", person=sam, created_at=NOON)

    ask(row, asked_of)

    private = Delivery.objects.filter(request=row, address__startswith="@").order_by("id")
    assert list(private.values_list("address", flat=True)) == written_to


def test_a_request_asked_about_alone_waits_for_its_own_answer() -> None:
    robo: Agent = cast.agent()[0]
    first, second = (cast.request(robo, at=NOON + n * SECOND) for n in range(2))
    assert second.joined_id == first.pk
    ask(second, AskedOf.OWNER)
    ask(first, AskedOf.AGENT)

    by_agent(queries.request(first.ref))

    assert [queries.request(row.ref).status for row in (first, second)] == [
        "pending",
        "investigating",
    ]
