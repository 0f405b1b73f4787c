"""What was typed into a form is kept where a session ends, and only there is it said."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.test import Client

ROOT = Path(__file__).parents[2]
FORM = re.compile(r'<form[^>]*method="post"[^>]*>.*?</form>', re.DOTALL)
TYPED = re.compile(r"<textarea(?![^>]*\shidden)")


def test_every_form_with_room_for_words_is_kept() -> None:
    forms = [
        (path.name, form.split(">", 1)[0])
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for form in FORM.findall(path.read_text(encoding="utf-8"))
        if TYPED.search(form)
    ]

    assert len(forms) >= 12
    assert [name for name, tag in forms if "data-keep=" not in tag] == []


def test_no_secret_is_kept() -> None:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for form in FORM.findall(path.read_text(encoding="utf-8")):
            if 'name="token"' in form or 'autocomplete="one-time-code"' in form:
                assert "data-keep=" not in form.split(">", 1)[0], path.name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "fields", "page"),
    [
        ("/queue/deny", {"seen": ["REQ-1~1~a", "REQ-2~1~b"]}, "/queue/several?do=deny&ref=REQ-1&ref=REQ-2"),
        ("/agents/stop", {"agent": "robo"}, "/agents/stop?agent=robo"),
        ("/agents/robo/stage", {"class": "pay"}, "/agents/robo?class=pay"),
        ("/agents/robo/start", {}, "/agents/robo?class="),
        ("/agents/stop-several", {"agent": ["a", "b"]}, "/agents/stop-several?agent=a&agent=b"),
        ("/agents/new", {"name": "robo"}, "/agents/new"),
        ("/oncall/away", {}, "/oncall"),
        ("/policies/draft", {"reason": "x"}, "/policies/draft"),
        ("/guardrails/alerts/7/scope", {"reason": "x"}, "/guardrails/alerts/7/scope"),
        ("/guardrails/alerts/7/close", {"reason": "x"}, "/guardrails"),
        ("/guardrails/blocks/REQ-1/judge", {"reason": "x"}, "/guardrails"),
        ("/settings/you/tokens", {}, "/settings/you"),
        ("/settings/webhooks/rotate", {}, "/settings/webhooks"),
        ("/settings/messages/7/resend", {}, "/settings/messages"),
        ("/settings/tests", {}, "/settings"),
        ("/history/exports", {"q": "risk:low"}, "/history/exports?q=risk%3Alow"),
        ("/queue/mute", {}, "/queue"),
        ("/r/REQ-1/decide", {}, "/r/REQ-1"),
    ],
)  # fmt: skip
def test_a_form_sent_too_late_leads_back_to_its_page(
    address: str, fields: dict[str, object], page: str
) -> None:
    answer = Client().post(address, fields)

    assert unquote(answer["Location"]) == f"/sign-in?next={page}"
