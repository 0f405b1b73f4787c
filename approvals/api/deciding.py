"""Decide, ask and answer, withdraw, revoke: one view a verb."""

from __future__ import annotations

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import bodies, permissions, shapes
from approvals.api.door import shown, visible
from approvals.api.examples import APPROVING, DENYING
from approvals.api.fields import checked
from approvals.api.parsers import read
from approvals.api.schema import documented
from approvals.domain import errors
from approvals.domain.terms import AskedOf, Verdict
from approvals.services import clock, lifecycle


class Decisions(APIView):
    """`/requests/{ref}/decisions`"""

    family = "decisions"

    @documented(
        "decide",
        "Approve, deny or investigate",
        request=bodies.Decide,
        answers={200: shapes.ApprovalRequest},
        refusals=(400, 404, 409, 410, 413, 415, 422),
        examples=[APPROVING, DENYING],
    )
    def post(self, request: Request, ref: str) -> Response:
        """For people alone: an agent's key can never decide. A denial needs a reason, an
        investigation a question. `version` is what was read; a stale one is refused with 409
        `changed`. With a browser's session a critical approval takes a sign-in of the last five
        minutes and a reason, as on the page."""
        person = permissions.person(request, scope="requests:decide", deciding=True)
        known = permissions.caller(request)
        body = checked(bodies.Decide, read(request))
        at, verdict = clock.now(), Verdict(body["verdict"])
        if "asked_of" in body and verdict is not Verdict.INVESTIGATE:
            words = "Only a question is asked of somebody. Nothing was decided."
            raise errors.Invalid(words, field="asked_of")
        try:
            row = lifecycle.decide(
                ref=ref,
                person=person,
                verdict=verdict,
                comment=body.get("comment", ""),
                version=body.get("version"),
                shown=body.get("shown_sha256"),
                channel="api",
                authenticated_by=known.how,
                asked_of=AskedOf(body.get("asked_of", AskedOf.BOTH)),
                is_fresh=permissions.is_fresh(request, at=at),
                by_session=permissions.by_session(request),
                at=at,
            )
        except errors.FreshSignInNeeded as no:
            page = f"{settings.PUBLIC_URL}/r/{ref}"
            raise errors.FreshSignInNeeded(f"{no.words} {page}", page=page) from None
        return Response(shown(row, known, at=at))


class Messages(APIView):
    """`/requests/{ref}/messages`"""

    family = "decisions"

    @documented(
        "add_message",
        "Ask or answer a question",
        request=bodies.Message,
        answers={200: shapes.ApprovalRequest},
        refusals=(400, 404, 409, 410, 413, 415, 422, 429),
    )
    def post(self, request: Request, ref: str) -> Response:
        """While a question is open the clock is paused; the agent's answer, where it was asked, or
        `resume` by a person lets it run again."""
        known = permissions.anybody(request, scope=_writing(request))
        body = checked(bodies.Message, read(request))
        visible(ref, known)
        at = clock.now()
        row = lifecycle.add_message(
            ref=ref,
            text=body["text"],
            person=known.person,
            agent=known.agent,
            go_on=body.get("resume", False),
            evidence=body.get("evidence"),
            at=at,
        )
        return Response(shown(row, known, at=at))


class Cancel(APIView):
    """`/requests/{ref}/cancel`"""

    family = "decisions"

    @documented(
        "cancel_request",
        "Withdraw a request that still waits",
        request=bodies.Nothing,
        answers={200: shapes.ApprovalRequest},
        refusals=(400, 404, 409, 410, 413, 415, 422),
    )
    def post(self, request: Request, ref: str) -> Response:
        """By its agent, or the agent's owner."""
        known = permissions.anybody(request, scope=_writing(request))
        checked(bodies.Nothing, read(request, may_be_empty=True))
        visible(ref, known)
        at = clock.now()
        row = lifecycle.cancel(ref=ref, agent=known.agent, person=known.person, at=at)
        return Response(shown(row, known, at=at))


class Revoke(APIView):
    """`/requests/{ref}/revoke`"""

    family = "decisions"

    @documented(
        "revoke_approval",
        "Take an approval back before it is used",
        request=bodies.Nothing,
        answers={200: shapes.ApprovalRequest},
        refusals=(400, 404, 409, 413, 415, 422),
    )
    def post(self, request: Request, ref: str) -> Response:
        """By somebody who could have given it, or the agent's owner."""
        person = permissions.person(request, scope="requests:decide", deciding=True)
        checked(bodies.Nothing, read(request, may_be_empty=True))
        at = clock.now()
        row = lifecycle.revoke(ref=ref, person=person, at=at)
        return Response(shown(row, permissions.caller(request), at=at))


def _writing(request: Request) -> str:
    """The scope that writing takes: agents and people have different ones."""
    return "requests:write" if permissions.caller(request).agent is not None else "requests:decide"
