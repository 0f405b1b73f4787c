"""What the fault harness asks of the service from within: run as `python -m bench.within VERB`.

`seed` makes people, `verify` reads the whole database and says what does not hold, `break_audit`
and `mend_audit` make history unwritable and writable again.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.project.settings")
django.setup()

from django.db import connection  # noqa: E402  # apps must be ready first
from django.db.models import Count, F, Q  # noqa: E402  # likewise

from approvals import queries  # noqa: E402  # likewise
from approvals.domain import chain  # noqa: E402  # likewise
from approvals.models import ApprovalRequest, AuditEvent, Decision, Delivery, Timer  # noqa: E402
from approvals.models.people import Role  # noqa: E402  # likewise
from approvals.services import actors, agents, clock, people  # noqa: E402  # likewise

OPERATOR = actors.operator("chaos")
DECIDING = ("request.approved", "request.denied", "request.expired", "request.cancelled")
FIRING = {
    "remind": ("request.reminded",),
    "deadline": ("request.escalated", "request.expired"),
    "grant_expiry": ("grant.expired",),
}


def seed() -> dict[str, Any]:
    """Twenty leads with tokens and Slack accounts, a manager, somebody of security, an agent."""
    found: dict[str, Any] = {"leads": []}
    for number in range(20):
        found["leads"].append(_person(f"lead{number}", "team-leads", slack=f"U{number}"))
    found["manager"] = _person("ada", "managers", slack="UADA")
    found["security"] = _person("grace", "security", slack="UGRACE", role=Role.AUDITOR)
    owner = people.add(email="sam@example.com", name="Sam", actor=OPERATOR, at=clock.now())
    agent, found["agent"] = agents.add(name="robo", owner=owner, actor=OPERATOR, at=clock.now())
    found["owner"] = people.issue_token(
        person=owner, scopes=people.SCOPES, actor=OPERATOR, at=clock.now()
    )
    found["webhook_secret"] = agent.webhook_secret
    return found


def _person(name: str, team: str, *, slack: str, role: Role = Role.MEMBER) -> dict[str, str]:
    at = clock.now()
    person = people.add(
        email=f"{name}@example.com",
        name=name.capitalize(),
        teams=[team],
        role=role,
        actor=OPERATOR,
        at=at,
    )
    people.link(
        person=person, kind="slack", external_id=slack, verified_by="chaos", actor=OPERATOR, at=at
    )
    token = people.issue_token(person=person, scopes=people.SCOPES, actor=OPERATOR, at=at)
    return {"name": person.name, "token": token, "slack": slack}


def verify() -> dict[str, Any]:
    """Every invariant, read from the tables and the chain alone; `broken` is empty when all hold."""
    broken = [
        *_one_row_per_key(), *_one_ending_each(), *_history_gives_the_present(), *_decisions(),
        *_timers(), *_grants(), *_chains(),
    ]  # fmt: skip
    return {
        "broken": broken[:50],
        "requests": ApprovalRequest.objects.count(),
        "ids": [
            str(public_id)
            for public_id in ApprovalRequest.objects.values_list("public_id", flat=True)
        ],
        "statuses": Counter(ApprovalRequest.objects.values_list("status", flat=True)),
        "events": Counter(AuditEvent.objects.values_list("type", flat=True)),
        "timers_fired": Counter(
            Timer.objects.exclude(fired_at=None).values_list("kind", flat=True)
        ),
        "lateness": _lateness(),
        "deliveries": Counter(Delivery.objects.values_list("state", flat=True)),
    }


def _one_row_per_key() -> list[str]:
    keys = Counter(ApprovalRequest.objects.values_list("agent", "idempotency_key"))
    return [
        f"{count} requests of one key {key}" for key, count in keys.items() if count > 1 and key[1]
    ]


def _one_ending_each() -> list[str]:
    """A closed request has exactly one ending, an open one none; at most one decision was final."""
    ended = Counter(AuditEvent.objects.filter(type__in=DECIDING).values_list("chain", flat=True))
    finals = Counter(Decision.objects.filter(is_final=True).values_list("request_id", flat=True))
    broken = [f"{pk} has {count} final decisions" for pk, count in finals.items() if count > 1]
    for row in ApprovalRequest.objects.all():
        wanted = 0 if row.status in {"pending", "investigating"} else 1
        if ended[row.ref] != wanted:
            broken.append(f"{row.ref} is {row.status} and has {ended[row.ref]} endings")
        by_person = row.basis == "person" and row.status in {"approved", "denied", "revoked"}
        if by_person and finals[row.pk] != 1:
            broken.append(f"{row.ref} was decided by people with {finals[row.pk]} final decisions")
    return broken


def _history_gives_the_present() -> list[str]:
    """The last thing history says of each request is what its row says."""
    broken = []
    for row in ApprovalRequest.objects.all():
        last = queries.events_of(row).order_by("-seq").first()
        if last is None or (last.entry["status"], last.entry["basis"]) != (row.status, row.basis):
            broken.append(f"{row.ref} is {row.status}, its history says otherwise")
    return broken


def _decisions() -> list[str]:
    late = Decision.objects.filter(at__gt=F("request__expires_at"))
    own = Decision.objects.filter(person_id=F("request__owner_at_submission_id"))
    twice = (
        Decision.objects.values("request", "person", "verdict")
        .annotate(n=Count("id"))
        .filter(n__gt=1)
    )
    return [
        *(f"decision {d.pk} after the hard end" for d in late),
        *(f"decision {d.pk} by the owner" for d in own),
        *(f"decided twice: {d}" for d in twice),
    ]


def _timers() -> list[str]:
    """What fired is what history tells, one for one, and nothing due is left."""
    broken = []
    for kind, types in FIRING.items():
        fired = Counter(
            Timer.objects.filter(kind=kind)
            .exclude(fired_at=None)
            .values_list("request_id", flat=True)
        )
        told = Counter(
            AuditEvent.objects.filter(type__in=types).values_list("request_id", flat=True)
        )
        if fired != told:
            broken.append(
                f"{kind}: {sum(fired.values())} fired, history tells {sum(told.values())}"
            )
    resumed = AuditEvent.objects.filter(type="request.resumed")
    by_itself = sum(event.entry["detail"]["why"] == "pause_used_up" for event in resumed)
    fired_resumes = Timer.objects.filter(kind="resume").exclude(fired_at=None).count()
    if by_itself != fired_resumes:
        broken.append(f"resume: {fired_resumes} fired, history tells {by_itself}")
    both = Timer.objects.exclude(fired_at=None).exclude(dropped_at=None).count()
    left = Timer.objects.filter(fired_at=None, dropped_at=None, due_at__lt=clock.now()).count()
    early = Timer.objects.filter(fired_at__lt=F("due_at")).count()
    found = {"fired and dropped": both, "due and left": left, "fired early": early}
    return broken + [f"{count} timers {words}" for words, count in found.items() if count]


def _lateness() -> list[float]:
    fired = Timer.objects.exclude(fired_at=None).values_list("fired_at", "due_at")
    return sorted(round((at - due).total_seconds(), 3) for at, due in fired if at)


def _grants() -> list[str]:
    used = Counter(AuditEvent.objects.filter(type="grant.consumed").values_list("chain", flat=True))
    broken = [f"{ref} was consumed {count} times" for ref, count in used.items() if count > 1]
    wrong = ApprovalRequest.objects.exclude(consumed_at=None).exclude(Q(status="approved"))
    return broken + [f"{row.ref} was consumed and is {row.status}" for row in wrong]


def _chains() -> list[str]:
    found = []
    for name, head, length, events in queries.chains():
        entries = ({**event.entry, "hash": event.hash} for event in events)
        broken = chain.first_break(name, entries, head=head, length=length)
        if broken is not None:
            found.append(f"{broken.chain} at {broken.seq}: {broken.why}")
    return found


def break_audit() -> None:
    """From now on no event can be written, as on a full disk."""
    _run(
        "CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full'; END $$;"
        "CREATE TRIGGER no_audit BEFORE INSERT ON approvals_auditevent"
        " FOR EACH ROW EXECUTE FUNCTION no_audit()"
    )


def mend_audit() -> None:
    _run("DROP TRIGGER no_audit ON approvals_auditevent; DROP FUNCTION no_audit()")


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


VERBS: dict[str, Any] = {
    "seed": seed, "verify": verify, "break_audit": break_audit, "mend_audit": mend_audit,
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(VERBS[sys.argv[1]](), default=str))
