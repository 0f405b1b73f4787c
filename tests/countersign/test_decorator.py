"""A guarded function runs only after this very call was approved and redeemed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from approvals import queries
from countersign import Countersign, NotApproved, Refused, Unreachable, require_approval
from tests.fakes import nonsense as ns
from tests.fakes.nonsense import Nonsense, approved
from tests.support import cast


def outcome_of(ref: str = "REQ-1") -> Any:
    return newest().outcome


def newest() -> Any:
    return queries.requests().first()


def test_what_policy_allows_runs_with_its_arguments_as_parameters(robo: Countersign) -> None:
    @require_approval(
        action="create_ticket", target="ops", client=robo, reasoning="Disk is filling"
    )
    def create_ticket(title: str, *, labels: list[str], urgent: bool = False) -> str:
        return f"made {title}"

    assert create_ticket("Disk", labels=["disk"]) == "made Disk"
    row = newest()
    assert row.submission["parameters"] == {"title": "Disk", "labels": ["disk"], "urgent": False}
    assert row.submission["reasoning"] == "Disk is filling"
    assert row.outcome["status"] == "success"


def test_it_waits_for_a_person(robo: Countersign, lin: Countersign) -> None:
    ran: list[int] = []

    @require_approval(
        action="scale_deployment",
        target=lambda deployment, **_: deployment,
        client=robo,
        risk="medium",
        wait=30.0,
    )
    def scale(deployment: str, replicas: int) -> int:
        ran.append(replicas)
        return replicas

    with ThreadPoolExecutor(1) as pool:
        scaling = pool.submit(scale, "production-api", replicas=8)
        ref = _first_ref()
        assert ran == []
        lin.decide(lin.read(ref), "approve")
        assert scaling.result(timeout=20) == 8
    assert ran == [8]


def test_a_denied_call_does_not_run(robo: Countersign, lin: Countersign) -> None:
    ran: list[str] = []

    @require_approval(action="restart_service", target="checkout", client=robo, wait=30.0)
    def restart(why: str) -> None:
        ran.append(why)

    with ThreadPoolExecutor(1) as pool:
        restarting = pool.submit(restart, "memory")
        lin.decide(lin.read(_first_ref()), "deny", "Not now.")
        with pytest.raises(NotApproved, match="denied"):
            restarting.result(timeout=20)
    assert ran == []


def test_a_forbidden_action_does_not_run(robo: Countersign) -> None:
    @require_approval(action="drop_database", target="orders", client=robo)
    def drop() -> None:
        raise AssertionError("it ran")

    with pytest.raises(NotApproved):
        drop()


def test_nobody_in_time_is_no(robo: Countersign) -> None:
    @require_approval(action="restart_service", target="checkout", client=robo, wait=0.2)
    def restart() -> None:
        raise AssertionError("it ran")

    with pytest.raises(NotApproved):
        restart()


@pytest.mark.parametrize("answer", [ns.status(500), ns.hangs_up, ns.silent, ns.says(b"approved")])
def test_a_service_that_cannot_answer_is_no(nonsense: Nonsense, answer: ns.Answer) -> None:
    nonsense.always = answer
    client = Countersign(nonsense.url, "cs_agent_x_y", timeout=0.2, attempts=1)

    @require_approval(action="restart_service", target="checkout", client=client)
    def restart(replicas: int) -> None:
        raise AssertionError("it ran")

    with client, pytest.raises(Unreachable):
        restart(2)


def test_arguments_changed_while_waiting_are_refused(robo: Countersign) -> None:
    hosts = ["a"]

    class Meanwhile(Countersign):
        """Somebody else changes the list between the approval and the run."""

        def require(self, *args: Any, **kwargs: Any) -> Any:
            seen = super().require(*args, **kwargs)
            hosts.append("b")
            return seen

    with Meanwhile(robo.url, cast.agent()[1]) as client:

        @require_approval(action="create_ticket", target="ops", client=client)
        def touch(hosts: list[str]) -> None:
            raise AssertionError("it ran")

        with pytest.raises(Refused) as refused:
            touch(hosts)
    assert refused.value.code == "parameters_changed"


def test_a_failure_is_reported_and_raised(robo: Countersign) -> None:
    @require_approval(action="create_ticket", target="ops", client=robo)
    def fails() -> None:
        raise RuntimeError("no such queue")

    with pytest.raises(RuntimeError, match="no such queue"):
        fails()
    assert outcome_of()["status"] == "failure"
    assert "RuntimeError: no such queue" in outcome_of()["detail"]


def test_a_lost_report_does_not_hide_the_result(
    nonsense: Nonsense, caplog: pytest.LogCaptureFixture
) -> None:
    same = {"action": "create_ticket", "target": "ops", "parameters": {}}
    nonsense.first.extend([ns.status(201, approved(**same))] * 3)
    nonsense.always = ns.status(500)
    client = Countersign(nonsense.url, "cs_agent_x_y", attempts=1)

    @require_approval(action="create_ticket", target="ops", client=client)
    def made() -> str:
        return "OPS-1"

    with client, caplog.at_level(logging.WARNING, logger="countersign"):
        assert made() == "OPS-1"
    assert "could not be reported" in caplog.text


def test_a_coroutine_function_waits_without_holding_up_the_others(
    robo: Countersign, lin: Countersign
) -> None:
    @require_approval(action="restart_service", target="checkout", client=robo, wait=30.0)
    async def restart(service: str) -> str:
        await asyncio.sleep(0)
        return f"{service} restarted"

    async def approve_meanwhile() -> None:
        ref = await asyncio.to_thread(_seen_elsewhere)
        await asyncio.to_thread(lambda: lin.decide(lin.read(ref), "approve"))

    async def both() -> str:
        result, _ = await asyncio.gather(restart("checkout"), approve_meanwhile())
        return result

    assert asyncio.run(both()) == "checkout restarted"
    assert outcome_of()["status"] == "success"


def test_a_failing_coroutine_is_reported(robo: Countersign) -> None:
    @require_approval(action="create_ticket", target="ops", client=robo)
    async def fails() -> None:
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        asyncio.run(fails())
    assert outcome_of()["status"] == "failure"


def test_a_methods_own_object_is_no_parameter_but_any_other_argument_is(robo: Countersign) -> None:
    class Desk:
        @require_approval(action="create_ticket", target="ops", client=robo)
        def ticket(self, title: str, *notes: str, **more: int) -> str:
            return title

    @require_approval(action="create_ticket", target="ops", client=robo)
    def classify(cls: str) -> str:
        return cls

    assert Desk().ticket("Disk", "one", "two", size=3) == "Disk"
    assert newest().submission["parameters"] == {
        "title": "Disk",
        "notes": ["one", "two"],
        "size": 3,
    }
    assert classify("secret") == "secret"
    assert newest().submission["parameters"] == {"cls": "secret"}


@pytest.mark.parametrize(
    "value", [object(), {1: "a"}, {"a": {1, 2}}, b"bytes", float("nan"), 2**60]
)
def test_what_json_cannot_carry_is_refused_before_anything_is_asked(
    nonsense: Nonsense, value: Any
) -> None:
    client = Countersign(nonsense.url, "cs_agent_x_y")

    @require_approval(action="create_ticket", target="ops", client=client)
    def takes(value: Any) -> None:
        raise AssertionError("it ran")

    with client, pytest.raises((TypeError, ValueError), match="Nothing was asked"):
        takes(value)
    assert nonsense.asked == []


def test_a_generator_cannot_be_guarded() -> None:
    def stream() -> Iterator[int]:
        yield 1

    async def astream() -> AsyncIterator[int]:
        yield 1

    for function in (stream, astream):
        with pytest.raises(TypeError, match="generator"):
            require_approval(action="read_rows", target="orders")(function)


def _first_ref() -> str:
    """The reference of the only request, once it is there."""
    for _ in range(200):
        row = newest()
        if row is not None:
            return str(row.ref)
        time.sleep(0.02)
    raise AssertionError("nothing was asked")


def _seen_elsewhere() -> str:
    """The same in another thread, which has a database connection of its own to give back."""
    try:
        return _first_ref()
    finally:
        connection.close()
