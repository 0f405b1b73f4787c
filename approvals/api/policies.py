"""Policies as programs change them: versions, validating, simulating and applying, for GitOps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api import filters, permissions, problems, resources
from approvals.api.fields import checked
from approvals.api.paging import page
from approvals.api.parsers import read
from approvals.api.policy_shapes import (
    ApplyPolicy,
    Policy,
    PolicyAnswer,
    PolicyFiles,
    PolicyPage,
    PolicySimulated,
    PolicyValidated,
    SimulatePolicy,
)
from approvals.api.problems import Fault, InvalidBody
from approvals.api.schema import documented
from approvals.domain import errors
from approvals.domain.policy import documents, lint
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid
from approvals.models import Person, PolicyVersion
from approvals.models.people import Role
from approvals.services import actors, clock, people, policies, policy_changes, replay
from approvals.services.policy_changes import Answer, Proposal

READS, WRITES = "requests:read", people.POLICY_SCOPE
MAY_CHANGE = frozenset({Role.MANAGER, Role.OPERATOR})
MOST_REPLAYED = 2_000
STATUSES = {"applied": 201, "unchanged": 200, "proposed": 202}


class Policies(APIView):
    """`/policies`"""

    family = "policies"

    @documented(
        "list_policies",
        "Every version that was ever in force",
        parameters=[filters.Paged],
        answers={200: PolicyPage},
        refusals=(422,),
    )
    def get(self, request: Request) -> Response:
        """Newest first, for people."""
        permissions.person(request, scope=READS)
        wanted = filters.asked(request, filters.Paged)
        newest = policies.newest()
        rows = PolicyVersion.objects.all()
        cursor = wanted.get("cursor", "")
        return Response(
            page(
                rows, request, limit=wanted["limit"], cursor=cursor,
                show=lambda row: _head(row, newest),
            )
        )  # fmt: skip

    @documented(
        "apply_policy",
        "Put policy files in force, or propose them",
        request=ApplyPolicy,
        answers={200: PolicyAnswer, 201: PolicyAnswer, 202: PolicyAnswer},
        refusals=(400, 409, 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """201: applied. 200: these files are in force already. 202: they weaken something, so the request
        named in `request` waits for somebody else's approval. All files or none; the same files again have
        no second effect. For managers and operators, or a token with the scope `policies:write`."""
        person = _author(request)
        permissions.refuse_stale_session(request)
        body = checked(ApplyPolicy, read(request))
        policy = _loaded(body["files"])
        proposal = Proposal(
            files=body["files"],
            author=person.email,
            commit=body.get("commit", ""),
            reason=body.get("reason", ""),
            asked_by=person,
        )
        answer = policy_changes.offer(proposal, actor=actors.person(person), at=clock.now())
        return Response(_answer(answer, proposal, policy), status=STATUSES[answer.status])


class OnePolicy(APIView):
    """`/policies/{version}`"""

    family = "policies"

    @documented("read_policy", "One version with its files", answers={200: Policy}, refusals=(404,))
    def get(self, request: Request, version: str) -> Response:
        """As it was applied; a version never changes."""
        permissions.person(request, scope=READS)
        known = version.isascii() and version.isdigit() and len(version) < 10
        row = PolicyVersion.objects.filter(number=int(version)).first() if known else None
        if row is None:
            raise errors.NotFound(f"There is no policy version {version[:20]!r}.")
        return Response({**_head(row, policies.newest()), "files": row.files})


class Validate(APIView):
    """`/policies/validate`"""

    family = "policies"

    @documented(
        "validate_policy",
        "Say whether policy files could be applied",
        request=PolicyFiles,
        answers={200: PolicyValidated},
        refusals=(400, 409, 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """With warnings, and what they would weaken and strengthen. Nothing is recorded."""
        permissions.person(request, scope=READS)
        files = checked(PolicyFiles, read(request))["files"]
        policy = _loaded(files)
        _, found = policy_changes.compared(files)
        return Response(
            {
                "valid": True,
                "rules": len(policy.rules),
                "teams": len(policy.teams),
                "warnings": [str(each) for each in lint.warnings(policy)],
                "weakens": [str(each) for each in found.weaker],
                "strengthens": [str(each) for each in found.stricter],
            }
        )


class Simulate(APIView):
    """`/policies/simulate`"""

    family = "policies"

    @documented(
        "simulate_policy",
        "Replay past requests against policy files",
        request=SimulatePolicy,
        answers={200: PolicySimulated},
        refusals=(400, 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """The newest 2,000 requests of the last days (default 30). What would stop being asked stands
        first. Nothing is recorded and nobody is told. For whoever may apply policies."""
        _author(request)
        body = checked(SimulatePolicy, read(request))
        found = replay.simulate(
            before=policies.current(),
            after=_loaded(body["files"]),
            days=body.get("days") or 30,
            at=clock.now(),
            most=MOST_REPLAYED,
        )
        return Response(found.to_json())


def _author(request: Request) -> Person:
    """Whoever may change policies: by role in a browser, by scope with a token. Raises MissingScope."""
    known = permissions.caller(request)
    if known.person is not None and known.how == "session":
        if Role(known.person.role) not in MAY_CHANGE:
            raise problems.MissingScope(
                "Policies are changed by managers and operators, or with a token that has the scope "
                f"{WRITES}. Nothing was done."
            )
        return known.person
    return permissions.person(request, scope=WRITES)


def _loaded(files: Mapping[str, str]) -> PolicySet:
    """Raises InvalidBody with each problem's file, line and column."""
    try:
        return documents.load(files)
    except PolicyInvalid as error:
        raise InvalidBody(
            *(
                Fault(f"files.{each.place.file}", "invalid_policy", str(each))
                for each in error.problems[:50]
            )
        ) from None


def _head(row: PolicyVersion, newest: PolicyVersion | None) -> dict[str, Any]:
    return {
        "version": row.number,
        "sha256": row.sha256,
        "author": row.author,
        "commit": row.commit,
        "applied_at": resources.moment(row.applied_at),
        "in_force": newest is not None and newest.number == row.number,
    }


def _answer(answer: Answer, proposal: Proposal, policy: PolicySet) -> dict[str, Any]:
    return {
        "status": answer.status,
        "version": answer.version.number if answer.version else None,
        "sha256": proposal.sha256,
        "request": answer.request.ref if answer.request else None,
        "warnings": [str(each) for each in lint.warnings(policy)],
        "weakens": [str(each) for each in answer.found.weaker],
        "strengthens": [str(each) for each in answer.found.stricter],
    }
