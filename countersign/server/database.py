"""The database, as the doctor sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from approvals import queries
from approvals.domain import chain
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.terms import EventKind
from approvals.models import AuditEvent, PolicyVersion, TeamMember
from approvals.services import clock, deliveries, policies, timers
from approvals.services.policies import NoPolicy
from countersign.server.findings import Finding, fail, unknown, warn, well

LATE = 60.0
SKEW_WARNS, SKEW_FAILS = 2.0, 30.0
PROBE = "doctor"
MIGRATE = "Start the service once, which brings the database up to date: countersign up"
TRIGGERS = (
    "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'approvals_auditevent'::regclass "
    "AND tgenabled = 'A' AND tgname LIKE 'approvals_auditevent%'"
)


def reachable() -> Finding:
    """Whether the database answers at all."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        return fail(
            "database", words[0], "Start it, or mend DATABASE_URL (or DATA_DIR for a local file)"
        )
    return well("database", f"{connection.display_name} answers")


def findings() -> Iterator[Finding]:
    """Everything that can be asked of a database that answers."""
    migrated = _migrations()
    yield migrated
    if migrated.level != "OK":
        return
    yield _append_only()
    yield _clock()
    yield from _policy()
    yield from _promises()


def _migrations() -> Finding:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{each.app_label}.{each.name}" for each, _ in missing[:3])
        return fail("migrations", f"{len(missing)} are not applied ({names})", MIGRATE)
    return well("migrations", "all applied")


def _append_only() -> Finding:
    """Try to change history, in a transaction that is rolled back whatever happens."""
    fix = "Apply the migration approvals.0002_append_only again, and find out who took its triggers away"
    try:
        changed = [verb for verb in ("update", "delete") if _history_yields(verb)]
        if connection.vendor == "postgresql" and _always_on() < 2:
            changed.append("truncate")
    except DatabaseError as error:
        return unknown("history", f"it could not be probed: {error}".splitlines()[0], fix)
    if changed:
        return fail("history", f"the database lets it be changed ({', '.join(changed)})", fix)
    return well("history", "the database refuses to change it")


def _history_yields(verb: str) -> bool:
    """Whether an event that is only there for this can be changed."""
    with transaction.atomic():
        probe = AuditEvent.objects.create(
            chain=PROBE,
            seq=2**31 - 1,
            type=EventKind.PERSON_CHANGED.value,
            at=clock.now(),
            actor="operator:doctor",
            entry={},
            hash=chain.GENESIS,
        )
        rows = AuditEvent.objects.filter(pk=probe.pk)
        try:
            with transaction.atomic():
                rows.update(actor="nobody") if verb == "update" else rows.delete()
        except DatabaseError:
            return False
        finally:
            transaction.set_rollback(True)
    return True


def _always_on() -> int:
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        return int(cursor.fetchone()[0])


def _clock() -> Finding:
    before = datetime.now(UTC)
    theirs = clock.now()
    after = datetime.now(UTC)
    apart = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    words = f"this machine and the database are {apart:.1f} s apart"
    fix = "Let both machines keep time by the same server (NTP)"
    if apart > SKEW_WARNS:
        return (fail if apart > SKEW_FAILS else warn)("clock", words, fix)
    return well("clock", words)


def _policy() -> Iterator[Finding]:
    try:
        policy = policies.current()
    except NoPolicy:
        yield fail("policy", "none was ever applied", "countersign policy apply policies/")
        return
    except PolicyInvalid as error:
        yield fail(
            "policy",
            f"the one in force cannot be read: {error}".splitlines()[0],
            "Apply a valid one",
        )
        return
    yield _files(policy)
    yield from _teams(policy)


def _files(policy: PolicySet) -> Finding:
    directory = Path(settings.POLICY_DIR)
    words = f"version {policy.version} is in force, {len(policy.rules)} action rules"
    if directory.is_dir():
        files = policies.read_directory(directory)
        newest = PolicyVersion.objects.get(pk=policy.version)
        if files and dict(newest.files) != files:
            return warn(
                "policy",
                f"{words}; the files in POLICY_DIR ({directory}) differ. That version came from "
                f"{newest.author or 'somebody unnamed'}{_commit(newest)}",
                "countersign policy diff. Where policies are applied from elsewhere (a repository), point "
                "POLICY_DIR at the same files; do not apply these over them unread",
            )
    return well("policy", words)


def _commit(version: PolicyVersion) -> str:
    return f", commit {version.commit[:40]}" if version.commit else ""


def _teams(policy: PolicySet) -> Iterator[Finding]:
    """A row of the matrix that nobody could satisfy."""
    members: dict[str, set[int]] = {}
    for team, person in TeamMember.objects.filter(person__is_active=True).values_list(
        "team__name", "person"
    ):
        members.setdefault(team, set()).add(person)
    lacking = False
    for level, row in policy.matrix.items():
        for stage in row.plan.stages:
            for needed in stage.requirements:
                there = len(members.get(needed.team, ()))
                if there < needed.quorum:
                    lacking = True
                    yield warn(
                        f"team {needed.team}",
                        f"nobody can approve {level}: it needs {needed.quorum}, the team has {there}",
                        f"countersign user add EMAIL --team {needed.team}",
                    )
    if not lacking:
        yield well("teams", "each has the people its rules need")


def _promises() -> Iterator[Finding]:
    at = clock.now()
    for name, age in (
        ("timers", timers.oldest_due(at=at)),
        ("deliveries", deliveries.oldest_due(at=at)),
    ):
        if age > LATE:
            yield fail(
                name,
                f"the oldest is {age:.0f} s late",
                "Start the service or its workers; none keeps up",
            )
        else:
            yield well(name, "none is late" if age == 0 else f"the oldest is {age:.1f} s late")
    dead = queries.dead_deliveries().count()
    if dead:
        yield warn(
            "dead deliveries", f"{dead} were given up", "Read why and send them again in /settings"
        )
