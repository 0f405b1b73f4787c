"""A long past, made in bulk: requests of every ending, their decisions, and two events of each."""

from __future__ import annotations

import os

from bench.ground import Connection, Ground

PAST = int(os.environ.get("BENCH_PAST", "1000000"))
AGENTS, PEOPLE = 40, 12
TARGETS = 5_000
CHUNK = 50_000
EVERY = 10  # seconds from one request to the next
WITH_EVALUATION = 20_000  # the newest; a search reads no older one's
MARK = "7000001"  # the amount in a kind's parameters, which each copy replaces
REQUESTS, DECISIONS, EVENTS = (
    f"approvals_{name}" for name in ("approvalrequest", "decision", "auditevent")
)
_FROM = f"""
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) i
    JOIN bench_kinds k ON k.slot = i * 37 %% 100
    JOIN bench_agents a ON a.slot = CASE WHEN i <= 5 THEN {AGENTS}
        ELSE floor(sqrt(i * 7919 %% {AGENTS * AGENTS})) END
"""
SPAN = (
    PAST * EVERY + 1_200
)  # seconds; the kinds stand before all of it, and numbers follow the clock
_LATER = f"+ i * interval '{EVERY} seconds'"


def make(ground: Ground) -> None:
    """So many requests over some months, copied from a few that the service made itself."""
    if ground.engine != "postgres":
        raise SystemExit("A long past is made in PostgreSQL only: leave --engine out.")
    made = ground.inside("kinds", AGENTS, PEOPLE, MARK, SPAN)
    line = ground.connect()
    line.execute("SET synchronous_commit = off")
    _list(line, "bench_kinds", "number bigint", [(number,) for number in made["kinds"]])
    _list(line, "bench_agents", "id uuid, name text", made["agents"])
    _list(line, "bench_people", "id bigint", [(key,) for key in made["people"]])
    (base,) = line.execute(f"SELECT max(number) FROM {REQUESTS}").fetchone()
    statements = [_requests(line, base), _decisions(line, base), _events(line, base)]
    for first in range(1, PAST + 1, CHUNK):
        span = {"first": first, "last": min(first + CHUNK - 1, PAST)}
        for statement in statements:
            line.execute(statement, span)  # type: ignore[arg-type]  # names for values
    line.execute(f"SELECT setval(pg_get_serial_sequence('{REQUESTS}', 'number'), {base + PAST})")
    for table in (REQUESTS, DECISIONS, EVENTS):
        line.execute(f"VACUUM ANALYZE {table}")
    line.close()


def _list(line: Connection, table: str, columns: str, rows: list[tuple[object, ...]]) -> None:
    """A table of this connection's own, its rows numbered from 0."""
    line.execute(f"CREATE TEMP TABLE {table} (slot int PRIMARY KEY, {columns})")
    for slot, row in enumerate(rows):
        places = ", ".join(["%s"] * (len(row) + 1))
        line.execute(f"INSERT INTO {table} VALUES ({places})", [slot, *row])


def _copy(line: Connection, table: str, other: dict[str, str], *, rest: str) -> str:
    """INSERT of the table's rows named `t`, each column as it was but for `other` and moments."""
    told = line.execute(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = %s ORDER BY ordinal_position",
        [table],
    ).fetchall()
    drawn = {
        name: f"t.{name} {_LATER}" if kind.startswith("timestamp") else f"t.{name}"
        for name, kind in told
    } | other
    drawn.pop("id", None)
    return f"INSERT INTO {table} ({', '.join(drawn)}) SELECT {', '.join(drawn.values())} {_FROM} {rest}"


def _requests(line: Connection, base: int) -> str:
    newest = PAST - WITH_EVALUATION
    other = {
        "number": f"{base} + i",
        "public_id": "gen_random_uuid()",
        "agent_id": "a.id",
        "target": f"'service-' || (i %% {TARGETS})",
        "session": "'sess_' || (i / 20)",
        "submission": f"replace(t.submission, '{MARK}', (i * 31 %% 1000)::text)",
        "action_sha256": "encode(sha256((i %% 50000)::text::bytea), 'hex')",
        "closed_at": f"t.closed_at {_LATER} + (i * 17 %% 600) * interval '1 second'",
        "evaluation": f"CASE WHEN i > {newest} THEN t.evaluation ELSE '[]' END",
        "because": "'[]'",
        "idempotency_key": "NULL",
    }
    return _copy(line, REQUESTS, other, rest=f"JOIN {REQUESTS} t ON t.number = k.number ORDER BY i")


def _decisions(line: Connection, base: int) -> str:
    other = {"request_id": f"{base} + i", "person_id": "p.id"}
    rest = (
        f"JOIN {DECISIONS} t ON t.request_id = k.number "
        f"JOIN bench_people p ON p.slot = CASE WHEN i <= 500 THEN {PEOPLE} ELSE i * 13 %% {PEOPLE} END "
        "ORDER BY i"
    )
    return _copy(line, DECISIONS, other, rest=rest)


def _events(line: Connection, base: int) -> str:
    """How it began and how it ended."""
    other = {
        "chain": f"'REQ-' || ({base} + i)",
        "request_id": f"{base} + i",
        "agent": "a.name",
        "target": f"'service-' || (i %% {TARGETS})",
        "session": "'sess_' || (i / 20)",
        "hash": "encode(sha256((i || t.hash)::bytea), 'hex')",
    }
    ends = (
        f"SELECT request_id, min(seq) AS low, max(seq) AS top FROM {EVENTS} "
        "WHERE request_id IS NOT NULL GROUP BY request_id"
    )
    rest = (
        f"JOIN bench_ends e ON e.request_id = k.number "
        f"JOIN {EVENTS} t ON t.request_id = k.number AND t.seq IN (e.low, e.top) ORDER BY i"
    )
    line.execute(f"CREATE TEMP TABLE bench_ends AS {ends}")
    return _copy(line, EVENTS, other, rest=rest)
