"""Let signed-in people in, and send everybody else to sign in first."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import Resolver404, resolve

from approvals.models import Person

if TYPE_CHECKING:
    from django.http.request import _ImmutableQueryDict

View = Callable[..., HttpResponse]
# How somebody signed in, as decisions remember it.
BY_PASSWORD = "password_session"
BY_PASSWORD_AND_CODE = "password_and_code_session"
BY_PASSKEY = "passkey_session"
BY_SINGLE_SIGN_ON = "oidc_session"
SIGNED_IN_BY = "signed_in_by"
NUL = "\x00"


def proven_by(request: HttpRequest) -> str:
    """How the person behind this session proved who they are."""
    return str(request.session.get(SIGNED_IN_BY, BY_PASSWORD))


def signed_in(view: View) -> View:
    """Call the view with the person behind the session; pages come back after signing in.

    What was typed reaches it without null characters: no database keeps them, and no keyboard makes them.
    """

    @wraps(view)
    def guarded(request: HttpRequest, **named: Any) -> HttpResponse:
        if isinstance(request.user, Person) and request.user.is_active:
            request.GET = _kept(request.GET)
            if request.method == "POST":
                request.POST = _kept(request.POST)
            response = view(request, request.user, **named)
            response.headers.setdefault("Cache-Control", "no-store")
            return response
        if request.headers.get("X-Live"):
            return HttpResponse("You are signed out.", status=401, content_type="text/plain")
        return HttpResponseRedirect(f"/sign-in?{urlencode({'next': _way_back(request)})}")

    return guarded


def _kept(sent: _ImmutableQueryDict) -> _ImmutableQueryDict:
    """The same fields without null characters."""
    pairs = [(name, text) for name, texts in sent.lists() for text in texts]
    if not any(NUL in name or NUL in text for name, text in pairs):
        return sent
    plain = [(name.replace(NUL, ""), text.replace(NUL, "")) for name, text in pairs]
    return QueryDict(urlencode(plain))


# Pages with forms, as the list of addresses writes them, and the fields that their own address takes.
_PAGES: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("agents/new", "guardrails", "guardrails/alerts/<int:number>/scope", "guardrails/breakers", "history",
     "history/exports/<uuid:key>", "history/integrity", "oncall", "policies/simulate", "queue",
     "r/<str:ref>", "r/<str:ref>/evidence", "settings", "settings/channels/<slug:name>",
     "settings/messages", "settings/showing", "settings/tests/<int:number>", "settings/webhooks",
     "settings/you", "settings/you/codes"), ()
) | {
    "agents/stop": ("agent",), "agents/stop-several": ("agent",), "history/exports": ("q",),
    "link/<slug:kind>": ("token",), "policies/draft": ("file",),
}  # fmt: skip
# There only with what their address asks for, so that no form below them leads there by itself.
_ASKED_FOR = frozenset({"guardrails/alerts", "queue/several"})


def _way_back(request: HttpRequest) -> str:
    """Where to go after signing in; a form that was sent too late leads back to its page."""
    if request.path == "/sign-in/again":  # whoever signs in now has nothing to prove again
        return request.POST.get("next") or request.GET.get("next") or "/queue"
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    return _left(request) or _page(request)


def _left(request: HttpRequest) -> str:
    """The page the browser says it came from; empty unless it is another than the form was sent to, and
    one that can be opened: a form that was refused is drawn where nothing but forms is answered."""
    try:
        said = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    path = unquote(said.path)
    if path == request.path or _route(path) not in _PAGES.keys() | _ASKED_FOR:
        return ""
    return f"{said.path}?{said.query}" if said.query else said.path


def _page(request: HttpRequest) -> str:
    """The page a form belongs to by its address and fields: its own, or the nearest above it."""
    sent, found = request.POST, request.resolver_match
    refs = [seen.partition("~")[0] for seen in sent.getlist("seen")]
    if request.path == "/queue/deny" and refs:
        return f"/queue/several?{urlencode({'do': 'deny', 'ref': refs}, doseq=True)}"
    if found and found.route.startswith("agents/") and "name" in found.kwargs:
        of_class = urlencode({"class": sent.get("class", "")})
        return f"/agents/{quote(found.kwargs['name'], safe='')}?{of_class}"
    page = request.path
    while page and _route(page) not in _PAGES:
        page = page.rpartition("/")[0]
    kept = {name: sent.getlist(name) for name in _PAGES.get(_route(page), ()) if name in sent}
    return f"{page}?{urlencode(kept, doseq=True)}" if kept else page or "/queue"


def _route(path: str) -> str:
    try:
        return resolve(path).route
    except Resolver404:
        return ""
