"""The service started as an operator starts it, and what its processes leave behind."""

import os
import signal

import httpx
import pytest

from tests.support.databases import new_database
from tests.support.processes import is_alive
from tests.support.service import Service, StartService

pytestmark = pytest.mark.faults


def test_it_answers_and_stops_within_seconds(service: Service) -> None:
    assert httpx.get(f"{service.url}/healthz").status_code == 200
    parts = service.pids()
    assert len(parts) >= 3
    assert service.stop(seconds=10) == 0
    assert not any(is_alive(pid) for pid in parts)


def test_it_continues_where_it_was(service: Service) -> None:
    service.kill()
    service.start()
    assert httpx.get(f"{service.url}/readyz").status_code == 200


def test_a_killed_part_comes_back(service: Service) -> None:
    pid = service.kill_part("web")
    service.wait_until_ready()
    assert service.pid_of("web") != pid


def test_a_part_killed_while_it_starts_comes_back(service: Service) -> None:
    service.stop()
    service.launch()
    service.wait_for_part("web")
    service.kill_part("web")
    service.wait_until_ready()


def test_a_chosen_setting_reaches_it(start_service: StartService) -> None:
    service = start_service(FIRST_MANAGER_EMAIL="ada@example.com")
    assert "Sign in as ada@example.com" in service.wait_for("ada@example.com")


@pytest.mark.postgres
def test_it_has_a_database_of_its_own(service: Service) -> None:
    assert service.env["DATABASE_URL"] != os.environ["DATABASE_URL"]


@pytest.mark.postgres
def test_an_empty_database_is_all_it_needs(start_service: StartService) -> None:
    with new_database(os.environ["DATABASE_URL"]) as url:
        service = start_service(DATABASE_URL=url)
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        service.stop()


def test_termination_is_as_good_as_ctrl_c(service: Service) -> None:
    assert service.stop(how=signal.SIGTERM, seconds=10) == 0
