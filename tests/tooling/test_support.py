"""The tests' own footing: servers that come back, and no way out of this machine."""

import signal
import socket
from pathlib import Path

import psycopg
import pytest

from tests.support.loopback import OutsideWorld, is_local
from tests.support.processes import is_alive
from tests.support.servers import Server


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.com", "10.0.0.1"])
def test_a_test_cannot_leave_this_machine(host: str) -> None:
    with pytest.raises(OutsideWorld):
        socket.create_connection((host, 443), timeout=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", b"localhost", None])
def test_this_machine_is_near(host: str | bytes | None) -> None:
    assert is_local(host)


@pytest.mark.faults
@pytest.mark.postgres
def test_postgresql_keeps_a_commit_over_a_power_cut(own_postgres: Server) -> None:
    with psycopg.connect(own_postgres.url) as connection:
        connection.execute("CREATE TABLE promises (kept boolean)")
        connection.execute("INSERT INTO promises VALUES (true)")
    own_postgres.kill()
    own_postgres.start()
    with psycopg.connect(own_postgres.url) as connection:
        assert connection.execute("SELECT kept FROM promises").fetchall() == [(True,)]


@pytest.mark.faults
@pytest.mark.redis
def test_redis_can_be_away_for_a_while(own_redis: Server) -> None:
    pid = own_redis.pid
    own_redis.kill()
    assert not is_alive(pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", own_redis.port), timeout=1)
    own_redis.start()
    assert own_redis.pid != pid


@pytest.mark.faults
def test_a_stopped_server_leaves_no_process(own_redis: Server) -> None:
    pid = own_redis.pid
    own_redis.stop()
    assert not is_alive(pid)
    assert signal.SIGTERM is own_redis.stop_signal
    assert Path(own_redis.directory).exists()
