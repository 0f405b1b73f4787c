"""History, Changes: what was changed reads as words, before beside after, and never as brackets."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain.terms import EventKind
from approvals.models import Agent, AuditEvent
from approvals.models.people import Role
from approvals.services import actors, audit, clock, people
from approvals.web.change_words import facts
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

HOSTILE = "<b>x</b>\u202e,{}"


def told(detail: dict[str, Any], **more: Any) -> list[str]:
    return [
        f"{f.name}: {f.before} -> {f.value}" if f.before is not None else f"{f.name}: {f.value}"
        for f in facts(detail, limit=200, **more)
    ]


@pytest.mark.parametrize(
    ("detail", "wanted"),
    [
        ({"from": "shadow", "to": "supervised"}, ["stage: shadow -> supervised"]),
        ({"from": "", "to": "full"}, ["stage: nothing -> full"]),
        (
            {"shows": "nothing", "instead_of": "values"},
            ["may see: Everything -> Only that something waits"],
        ),
        ({"ends_at": "2026-11-28T13:11:02.204734Z"}, ["until: 28 Nov 2026, 13:11:02 UTC"]),
        ({"ends_at": "2026-13-28T13:11:02Z"}, ["until: 2026-13-28T13:11:02Z"]),
        (
            {"filters": {"sha256": "ab", "search": "agent:x", "requests": "9"}, "format": "csv"},
            ["requests: 9", "format: CSV", "SHA-256: ab", "search: agent:x"],
        ),
        ({"joined": ["security", "managers"]}, ["joined: security, managers"]),
        ({"limit": {"from": 3, "to": 5}}, ["limit: 3 -> 5"]),
        (
            {"values": {"usual": 2, "now": 30, "names": [{"a": 1, "b": True}, {"a": 2}]}},
            ["usual: 2", "now: 30", "names: a: 1, b: yes; a: 2"],
        ),
        ({"weakens": True, "note": "", "left": [], "no": None}, ["weakens: yes"]),
        ({"person": "a@example.com", "role": "auditor"}, ["role: auditor"]),
    ],
)
def test_what_an_event_carries_is_told_in_words(detail: dict[str, Any], wanted: list[str]) -> None:
    assert sorted(told(detail, but="a@example.com")) == sorted(wanted)


def test_what_held_before_stands_beside_what_holds_now() -> None:
    said = told({"role": "auditor", "manager": "ada"}, known={"role": "member", "manager": "ada"})
    assert said == ["role: member -> auditor", "manager: ada"]


@pytest.mark.parametrize("name", ["reason", "note", "name", "words", "person", "because"])
@pytest.mark.parametrize(
    "typed", ["nothing", "values", "names", "none", "csv", "scope_violation_attempts"]
)
def test_what_people_typed_is_never_put_in_other_words(name: str, typed: str) -> None:
    assert told({name: typed})[0].endswith(f": {typed}")
    assert told({name: {"from": typed, "to": "x"}})[0].endswith(f": {typed} -> x")
    assert told({"values": {name: typed}})[0].endswith(f": {typed}")


@pytest.mark.parametrize(
    ("detail", "wanted"),
    [
        ({"kind": "scope_violation_attempts"}, ["kind: Asked for more than allowed"]),
        ({"format": "pdf"}, ["format: PDF evidence pack"]),
        ({"agent": "robo", "is_right": False}, ["agent: robo", "is right: no"]),
    ],
)
def test_but_our_own_values_are(detail: dict[str, Any], wanted: list[str]) -> None:
    assert sorted(told(detail)) == sorted(wanted)


@pytest.mark.parametrize("deep", [{"a": {"b": {"c": {"d": {}}}}}, {"a": [[[["x"]]]]}, {"": 3}])
def test_however_deep_it_is_it_can_be_told(deep: dict[str, Any]) -> None:
    assert told(deep) is not None


def one(lin: Browser, kind: EventKind) -> Page:
    seq = AuditEvent.objects.filter(chain="service", type=kind).order_by("-seq")[0].seq
    return lin.get(f"/history/changes/{seq}")


def test_a_change_of_role_shows_the_one_before(lin: Browser) -> None:
    olga = cast.person("olga")
    people.add(email=olga.email, name="", role=Role.AUDITOR, at=clock.now(), actor=actors.SYSTEM)
    page = one(lin, EventKind.PERSON_CHANGED)
    shown = [
        (old.text, new.text) for old, new in zip(page.every("del"), page.every("ins"), strict=True)
    ]
    assert ("before member", "after auditor") in shown


def test_no_list_shows_brackets_and_hostile_words_are_marked(lin: Browser, robo: Agent) -> None:
    detail = {"agent": robo.name, "reason": HOSTILE, "values": {"a": {"b": [1, {"c": "d"}]}}}
    audit.append_service(EventKind.ALERT_RAISED, actor=actors.POLICY, at=clock.now(), detail=detail)
    lin.post("/history/exports", form="csv", q="agent:robo")
    page = lin.get("/history/changes")
    rows = [row.text for row in page.every("tr")]
    assert any("agent:robo" in text and "CSV" in text for text in rows)
    assert not any('{"' in text for text in rows)
    assert any("⟦U+202E⟧" in text for text in rows)
    assert page.every("b") == []
