"""The ceiling of the database: the rows one submission leaves, written by bare statements."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bench.ground import Connection, Ground
from bench.wire import Slice

REQUESTS, EVENTS = "approvals_approvalrequest", "approvals_auditevent"


@dataclass(slots=True)
class Row:
    """A row that was written by the service, to be written again under new keys."""

    table: str
    columns: list[str]
    values: list[object]
    mark: str

    def statement(self, tail: str = "") -> str:
        marks = ", ".join([self.mark] * len(self.columns))
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES ({marks}) {tail}"

    def with_keys(self, **keys: object) -> list[object]:
        pairs = zip(self.columns, self.values, strict=True)
        return [keys.get(column, value) for column, value in pairs]


class Writer:
    """Three inserts in one durable transaction: a request and the two lines of its history."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        connection = ground.connect()
        newest = f"SELECT * FROM {REQUESTS} ORDER BY number DESC LIMIT 1"
        number = connection.execute(f"SELECT max(number) FROM {REQUESTS}").fetchone()[0]
        history = f"SELECT * FROM {EVENTS} WHERE request_id = {number} ORDER BY seq"
        self._request = self._copies(connection, REQUESTS, newest, "number")[0]
        self._events = self._copies(connection, EVENTS, history, "id")
        connection.close()

    def hammer(self, *, connections: int, seconds: float) -> Slice:
        """Write over so many connections, each as fast as it can, for so long."""
        opened = [self._ground.connect() for _ in range(connections)]
        started = time.perf_counter()
        with ThreadPoolExecutor(connections) as threads:
            done = list(threads.map(lambda one: self._keep_writing(one, started + seconds), opened))
        taken = time.perf_counter() - started
        for connection in opened:
            connection.close()
        times = [one for each in done for one in each]
        return Slice(len(times) / taken, times, 0)

    def _keep_writing(self, connection: Connection, until: float) -> list[float]:
        times = []
        while (started := time.perf_counter()) < until:
            self._write(connection)
            times.append(time.perf_counter() - started)
        return times

    def _write(self, connection: Connection) -> None:
        key = uuid4().hex
        connection.execute(self._ground.begin)
        fresh = self._request.with_keys(public_id=key, idempotency_key=key)
        number = connection.execute(self._request.statement("RETURNING number"), fresh).fetchone()[
            0
        ]
        for event in self._events:
            connection.execute(event.statement(), event.with_keys(chain=key, request_id=number))
        connection.execute("COMMIT")

    def _copies(self, connection: Connection, table: str, query: str, key: str) -> list[Row]:
        """The rows of a query without their primary key, JSON as the text that is sent."""
        found = connection.execute(query)
        names = [column[0] for column in found.description]
        kept = [place for place, name in enumerate(names) if name != key]
        return [
            Row(table, [names[i] for i in kept], [_sent(row[i]) for i in kept], self._ground.mark)
            for row in found.fetchall()
        ]


def _sent(value: Any) -> object:
    return json.dumps(value) if isinstance(value, dict | list) else value


class Sweep:
    """Bare rows that fall due, marked in batches by one statement each."""

    BATCH = 500

    def __init__(self, ground: Ground, *, rows: int) -> None:
        self._connection = ground.connect()
        for statement in (
            "DROP TABLE IF EXISTS bench_timer",
            "CREATE TABLE bench_timer (id integer PRIMARY KEY, fired integer)",
            "CREATE INDEX bench_timer_due ON bench_timer (id) WHERE fired IS NULL",
            ground.begin,
            *(f"INSERT INTO bench_timer (id) VALUES ({number})" for number in range(rows)),
            "COMMIT",
        ):
            self._connection.execute(statement)
        skip = "FOR UPDATE SKIP LOCKED" if ground.engine == "postgres" else ""
        due = f"SELECT id FROM bench_timer WHERE fired IS NULL LIMIT {self.BATCH} {skip}"
        self._mark = f"UPDATE bench_timer SET fired = 1 WHERE id IN ({due}) RETURNING id"

    def fire(self) -> list[float]:
        """How late each row was, in seconds, had all of them been due when this began."""
        due_at = time.perf_counter()
        late: list[float] = []
        while fired := len(self._connection.execute(self._mark).fetchall()):
            late += [time.perf_counter() - due_at] * fired
        self._connection.close()
        return late
