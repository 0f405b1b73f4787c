"""How much waits for whoever reads, for the title and the icon of any page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from approvals.models import Person
from approvals.services import clock
from approvals.web import boards
from approvals.web.access import signed_in

OLDEST_SECONDS = 10.0


@require_safe
@signed_in
def waiting(request: HttpRequest, person: Person) -> HttpResponse:
    """What the tab "For you" counts, and when it was read, as open pages are told over their socket.

    Pages ask once they stand, so that none of them is kept waiting for it; `heard` is when the page was
    drawn, and a board that somebody read since then will do, if it is not old.
    """
    heard = boards.heard(request.GET.get("heard", ""), oldest=OLDEST_SECONDS)
    reader = boards.reader(person, now=clock.now(), heard=heard)
    needed = [card for card in reader.board.cards if reader.is_needed(card)]
    mine = sum(not reader.is_hidden(card) for card in needed)
    return JsonResponse({"mine": str(mine), "read": round(reader.board.began, 3)})
