"""Let signed-in people in, and send everybody else to sign in first."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict

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


# Pages whose forms are sent to an address below theirs; the longer come first.
_WITH_FORMS = ("/policies/draft", "/settings/you", "/settings/webhooks", "/settings/showing",
               "/settings/messages", "/history/exports", "/history/integrity", "/agents/new", "/policies",
               "/settings", "/guardrails", "/agents", "/oncall")  # fmt: skip


def _way_back(request: HttpRequest) -> str:
    """Where to go after signing in; a form that was sent too late leads back to its page."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    parts = request.path.split("/")
    if parts[1] == "r":
        return "/".join(parts[:3])
    if request.path == "/queue/deny":
        refs = [seen.partition("~")[0] for seen in request.POST.getlist("seen")]
        return f"/queue/several?{urlencode({'do': 'deny', 'ref': refs}, doseq=True)}"
    if request.path == "/agents/stop":
        return f"/agents/stop?{urlencode({'agent': request.POST.get('agent', '')})}"
    if parts[1] == "agents" and request.resolver_match and "name" in request.resolver_match.kwargs:
        of_class = urlencode({"class": request.POST.get("class", "")})
        return f"/agents/{quote(request.resolver_match.kwargs['name'], safe='')}?{of_class}"
    if request.path == "/agents/stop-several":
        return f"{request.path}?{urlencode({'agent': request.POST.getlist('agent')}, doseq=True)}"
    if request.path.startswith("/guardrails/alerts/") and request.path.endswith("/scope"):
        return request.path
    return next((page for page in _WITH_FORMS if request.path.startswith(page)), "/queue")
