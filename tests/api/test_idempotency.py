"""A retry is always safe."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connections

from approvals.models import ApprovalRequest
from tests.api.conftest import Caller
from tests.support import cast

Answer = TypeVar("Answer")


def at_once(times: int, call: Callable[[int], Answer]) -> list[Answer]:
    """Call from so many threads at the same time."""

    def one(number: int) -> Answer:
        try:
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_the_same_key_and_body_are_the_same_request(robo: Caller) -> None:
    first = robo.post("/requests", cast.submission(), Idempotency_Key="k1")
    again = robo.post("/requests", cast.submission(), Idempotency_Key="k1")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]


def test_the_order_of_keys_does_not_make_another_body(robo: Caller) -> None:
    body = cast.submission()
    robo.post("/requests", body, Idempotency_Key="k1")

    turned = dict(reversed(body.items()))
    assert robo.post("/requests", turned, Idempotency_Key="k1").status_code == 200


def test_the_same_key_with_another_body_is_refused(robo: Caller) -> None:
    robo.post("/requests", cast.submission(), Idempotency_Key="k1")

    answer = robo.post("/requests", cast.submission(target="staging"), Idempotency_Key="k1")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert ApprovalRequest.objects.count() == 1


def test_another_agent_may_use_the_same_key(robo: Caller, other: Caller) -> None:
    mine = robo.post("/requests", cast.submission(), Idempotency_Key="k1")
    theirs = other.post("/requests", cast.submission(target="x"), Idempotency_Key="k1")

    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine.json()["id"]


def test_without_a_key_every_submission_is_a_new_request(robo: Caller) -> None:
    for _ in range(2):
        assert robo.post("/requests", cast.submission()).status_code == 201
    assert ApprovalRequest.objects.count() == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\tinside", "é"])
def test_a_key_that_cannot_be_one_is_refused(robo: Caller, key: str) -> None:
    answer = robo.post("/requests", cast.submission(), Idempotency_Key=key)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_are_one_request() -> None:
    key = cast.agent()[1]

    def submit(_: int) -> Any:
        return Caller(key).post("/requests", cast.submission(), Idempotency_Key="k1")

    answers = at_once(20, submit)

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert ApprovalRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_different_bodies_at_once_are_one_request_and_nineteen_refusals() -> None:
    key = cast.agent()[1]

    def submit(number: int) -> Any:
        body = cast.submission(target=f"target-{number}")
        return Caller(key).post("/requests", body, Idempotency_Key="k1")

    answers = at_once(20, submit)

    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 19
    assert ApprovalRequest.objects.count() == 1
