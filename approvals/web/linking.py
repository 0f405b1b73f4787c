"""Link somebody's account elsewhere to the person who is signed in here, if they say so."""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from approvals.domain import display
from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.services import actors, clock, people
from approvals.web.access import signed_in

SALT = "link-account"
LIFE_SECONDS = 15 * 60
VENDORS = {
    "slack": "Slack",
    "teams": "Teams",
    "pagerduty": "PagerDuty",
    "servicenow": "ServiceNow",
    "github": "GitHub",
}


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a vendor, as the vendor's own signed click named it."""

    kind: str
    external_id: str
    label: str


class BadLink(Exception):
    """The link was not made by us, is too old, or is for something else."""


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def link(request: HttpRequest, person: Person, kind: str) -> HttpResponse:
    """Ask, and link on a yes."""
    token = request.POST.get("token") or request.GET.get("token") or ""
    facts: dict[str, object] = {"vendor": VENDORS.get(kind, kind), "token": token}
    try:
        account = _account(token, kind)
    except BadLink as problem:
        return render(request, "link.html", facts | {"problem": str(problem)}, status=410)
    facts["label"] = display.show_identifier(account.label, limit=80).text
    owner = people.by_identity(kind=account.kind, external_id=account.external_id)
    if owner is not None and owner.pk != person.pk:
        return render(request, "link.html", facts | {"owner": owner}, status=409)
    if request.method != "POST":
        return render(request, "link.html", facts)
    try:
        people.link(
            person=person,
            kind=account.kind,
            external_id=account.external_id,
            verified_by="linking_page",
            actor=actors.person(person),
            at=clock.now(),
        )
    except Refusal as refusal:
        return render(
            request, "link.html", facts | {"problem": refusal.words}, status=refusal.status
        )
    return render(request, "link.html", facts | {"linked": True})


def _account(token: str, kind: str) -> Account:
    try:
        said = signing.loads(token, salt=SALT, max_age=LIFE_SECONDS)
        account = Account(str(said["kind"]), str(said["external_id"]), str(said["label"]))
    except (signing.BadSignature, KeyError, TypeError):
        raise BadLink(
            "This link is too old or damaged. Nothing was linked. Click the button in the chat again."
        ) from None
    if account.kind != kind:
        raise BadLink("This link is for another kind of account. Nothing was linked.")
    return account
