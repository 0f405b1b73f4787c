"""What is yours: how pages look to you, your accounts elsewhere, your tokens, and where you are signed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from approvals.domain import channels, display
from approvals.domain.errors import Refusal
from approvals.models import Identity, Person, PersonToken
from approvals.services import (
    adapters,
    clock,
    own_account,
    own_sessions,
    people,
    preferences,
    quiet,
    shortcuts,
)
from approvals.services.shortcuts import SHORTCUTS
from approvals.web import entering, passkeys, proving
from approvals.web.access import (
    BY_PASSKEY,
    BY_PASSWORD,
    BY_PASSWORD_AND_CODE,
    BY_SINGLE_SIGN_ON,
    SIGNED_IN_BY,
    signed_in,
)
from approvals.web.settings_frame import draw

HERE = "/settings/you"
CHOICES = (
    ("time_zone", "Times", "On every page; messages and exports stay in UTC.",
     {"utc": "UTC", "mine": "My time zone", "both": "Both",
      "agent": "On a request, the agent’s where it is known; else UTC"}),
    ("shortcuts", "Keyboard shortcuts", "No key ever decides anything by itself.",
     {"on": "On", "off": "Off"}),
    ("density", "Rows", "How much stands on one screen.", {"calm": "Roomy", "dense": "Dense"}),
    ("contrast", "Contrast", "Stronger lines and text.", {"usual": "Usual", "more": "More"}),
    ("motion", "Movement", "What your system asks for counts too.",
     {"usual": "Usual", "less": "Less"}),
)  # fmt: skip
SCOPES = {
    "requests:read": "Read requests",
    "requests:decide": "Decide in your name",
    "audit:read": "Read history",
    "policies:write": "Propose and apply policies",
}
TITLES = {"oidc": "Single sign-on"}
PROVEN = {
    BY_PASSWORD: "by password",
    BY_PASSWORD_AND_CODE: "by password and code",
    BY_PASSKEY: "by passkey",
    BY_SINGLE_SIGN_ON: "by single sign-on",
}
MOST = 50
LONGEST_KEY = 8  # of what was typed; more is no key, and is told back as far as this


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    return draw(request, person, "settings_you.html", _facts(request, person), tab="you")


@require_POST
@signed_in
def prefer(request: HttpRequest, person: Person) -> HttpResponse:
    chosen = {name: request.POST[name] for name in preferences.CHOICES if name in request.POST}
    try:
        preferences.change(person=person, at=clock.now(), chosen=chosen)
    except Refusal as refusal:
        return _again(request, person, refusal)
    return HttpResponseRedirect(f"{HERE}?done=preferences")


@require_POST
@signed_in
def keep_quiet(request: HttpRequest, person: Person) -> HttpResponse:
    """Quiet hours, or none where the times are left empty."""
    typed = {name: request.POST.get(name, "")[:60] for name in ("begins", "ends", "zone")}
    try:
        quiet.keep(person=person, at=clock.now(), **typed)
    except Refusal as refusal:
        return _again(request, person, refusal, typed=typed | {"field": refusal.facts.get("field")})
    return HttpResponseRedirect(f"{HERE}?done=quiet#told")


@require_POST
@signed_in
def keep_keys(request: HttpRequest, person: Person) -> HttpResponse:
    """One's own keys, or the usual ones again; nothing of a form that gives one key to two shortcuts."""
    if request.POST.get("reset") == "yes":
        shortcuts.reset(person=person, at=clock.now())
        return HttpResponseRedirect(f"{HERE}?done=keys#keys-of-yours")
    typed = {name: request.POST[name][:LONGEST_KEY] for name in SHORTCUTS if name in request.POST}
    try:
        shortcuts.change(person=person, at=clock.now(), keys=typed)
    except Refusal as refusal:
        keys = _keys(shortcuts.read(person) | typed, wrong=refusal.facts.get("field"))
        facts = _facts(request, person) | {"keys": keys}
        return draw(request, person, "settings_you.html", facts, tab="you", refusal=refusal)
    return HttpResponseRedirect(f"{HERE}?done=keys#keys-of-yours")


def _keys(own: Mapping[str, str], *, wrong: object = None) -> list[dict[str, Any]]:
    return [
        {"name": name, "usual": usual, "words": words, "own": own[name], "is_wrong": name == wrong}
        for name, (usual, words) in SHORTCUTS.items()
    ]


@require_POST
@signed_in
def unlink(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    try:
        own_account.unlink(person=person, number=number, at=clock.now())
    except Refusal as refusal:
        return _again(request, person, refusal)
    return HttpResponseRedirect(f"{HERE}?done=unlinked#accounts")


@require_POST
@signed_in
@proving.holds_back
@sensitive_variables("raw")
def make_token(request: HttpRequest, person: Person) -> HttpResponse:
    """A token of one's own, shown on this answer and never again; it outlives any session."""
    proving.wanted(request)
    days = request.POST.get("days", "")
    typed = {"name": request.POST.get("name", "")[:80]}
    try:
        raw = own_account.make_token(
            person=person,
            name=typed["name"],
            wanted=request.POST.getlist("scopes"),
            days=int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0,
            at=clock.now(),
        )
    except Refusal as refusal:
        return _again(request, person, refusal, typed=typed)
    facts = _facts(request, person) | {"raw": raw}
    return draw(request, person, "settings_you.html", facts, tab="you")


@require_POST
@signed_in
def revoke_token(request: HttpRequest, person: Person, prefix: str) -> HttpResponse:
    try:
        own_account.revoke_token(person=person, prefix=prefix, at=clock.now())
    except Refusal as refusal:
        return _again(request, person, refusal)
    return HttpResponseRedirect(f"{HERE}?done=revoked#tokens")


@require_POST
@signed_in
def sign_out_everywhere(request: HttpRequest, person: Person) -> HttpResponse:
    """End every other session; this one goes on."""
    here = request.session.session_key or ""
    own_account.sign_out_everywhere(person=person, but=here, at=clock.now())
    return HttpResponseRedirect(f"{HERE}?done=signed-out#sessions")


@require_POST
@signed_in
def sign_out_there(request: HttpRequest, person: Person, mark: str) -> HttpResponse:
    """End one session of one's own; ending this one leads to the sign-in page by itself."""
    try:
        own_sessions.end(person=person, mark=mark, at=clock.now())
    except Refusal as refusal:
        return _again(request, person, refusal)
    return HttpResponseRedirect(f"{HERE}?done=signed-out-there#sessions")


def _again(
    request: HttpRequest, person: Person, refusal: Refusal, *, typed: dict[str, Any] | None = None
) -> HttpResponse:
    facts = _facts(request, person) | {"typed": typed or {}}
    return draw(request, person, "settings_you.html", facts, tab="you", refusal=refusal)


def _facts(request: HttpRequest, person: Person) -> dict[str, Any]:
    now = clock.now()
    prefers = preferences.read(person)
    opens = Case(When(revoked_at=None, expires_at__gt=now, then=0), default=1)
    tokens = list(PersonToken.objects.filter(person=person).order_by(opens, "-pk")[: MOST + 1])
    linked = Identity.objects.filter(person=person).order_by("kind", "pk")[:MOST]
    return {
        "choices": [
            {"name": name, "title": title, "hint": hint, "words": words, "chosen": prefers[name]}
            for name, title, hint, words in CHOICES
        ],
        "accounts": [_account(account) for account in linked],
        "linkable": [
            channels.title(kind)
            for kind in people.KINDS
            if kind in adapters.enabled() and kind not in {each.kind for each in linked}
        ],
        "tokens": [
            {
                "of": token,
                "scopes": ", ".join(SCOPES.get(scope, scope) for scope in token.scopes),
                "is_over": bool(token.revoked_at) or token.expires_at <= now,
            }
            for token in tokens[:MOST]
        ],
        "tokens_cut": len(tokens) > MOST,
        "scopes": [(scope, SCOPES[scope]) for scope in own_account.scopes(person)],
        "days": own_account.DAYS,
        "typed": {},
        "keys": _keys(shortcuts.read(person)),
        "quiet": quiet.of(person),
        "digest": _digest(),
        "proofs": passkeys.proofs(person),
        **_sessions(request, person),
    }


def _account(account: Identity) -> dict[str, Any]:
    return {
        "number": account.pk,
        "title": TITLES.get(account.kind) or channels.title(account.kind),
        "id": display.show_identifier(account.external_id, limit=80).text,
        "how": account.verified_by.replace("_", " "),
        "at": account.created_at,
    }


def _digest() -> str:
    """When Slack lists low risk, as an operator set it; empty where each is posted by itself."""
    is_on = "slack" in adapters.enabled() and bool(settings.SLACK_DIGEST)
    times = str(settings.SLACK_DIGEST).replace(",", " and ")
    return f"{times} ({settings.SLACK_DIGEST_ZONE})" if is_on else ""


def _sessions(request: HttpRequest, person: Person) -> dict[str, Any]:
    """Where they are signed in, as their browsers named themselves."""
    here = request.session.session_key or ""
    found = own_sessions.of(person=person, here=here, at=clock.now())
    return {"sessions": [_session(one) for one in found.sessions], "all_sessions": found.is_whole}


def _session(one: own_sessions.Kept) -> dict[str, Any]:
    began = one.facts.get(entering.BEGAN_AT)
    return {
        "mark": one.mark,
        "is_here": one.is_here,
        "browser": one.facts.get(entering.BROWSER) or "A browser that did not say which",
        "address": display.show_identifier(str(one.facts.get(entering.ADDRESS, "")), limit=60).text,
        "how": PROVEN.get(str(one.facts.get(SIGNED_IN_BY, "")), ""),
        "began_at": datetime.fromisoformat(began) if began else None,
        "ends_at": one.ends_at,
    }
