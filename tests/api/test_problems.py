"""Every error has one shape, a documented code, and words."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import Http404

from approvals import domain, services
from approvals.api import problems
from approvals.domain.errors import Refusal
from approvals.models import Agent, PolicyVersion
from tests.api.conftest import Caller
from tests.support import cast

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \|", re.MULTILINE)


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    yield kind
    for below in kind.__subclasses__():
        yield from refusals(below)


def test_every_code_is_documented_with_its_status() -> None:
    for package in (domain, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    documented = {code: int(status) for code, status in ROW.findall(DOCUMENT.read_text())}
    ours = {
        kind.code: kind.status for kind in refusals() if kind.__module__.startswith("approvals.")
    }

    assert {code: documented.get(code) for code in ours} == ours
    assert set(problems.WORDS) <= set(documented)


def test_the_table_names_nothing_that_does_not_exist() -> None:
    documented = {code for code, _ in ROW.findall(DOCUMENT.read_text())}

    assert documented <= {kind.code for kind in refusals()} | set(problems.WORDS)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/requests", b"{"),
        ("post", "/requests", {}),
        ("get", "/requests/REQ-0", None),
        ("put", "/requests", None),
        ("post", "/requests/{ref}/consume", None),
        ("post", "/requests/{ref}/decisions", {"verdict": "approve"}),
        ("get", "/requestz", None),
    ],
)
def test_every_problem_has_the_same_shape(
    robo: Caller, agent: Agent, method: str, path: str, body: Any
) -> None:
    address = path.format(ref=cast.request(agent).ref)
    call = {"get": robo.get, "put": robo.put}.get(method)

    answer = call(address) if call else robo.post(address, body)

    problem = answer.json()
    assert answer.headers["Content-Type"] == problems.MEDIA_TYPE
    assert problem["status"] == answer.status_code
    assert set(problem) - {"errors", "facts"} == {
        "type", "title", "status", "detail", "code", "instance",
    }  # fmt: skip
    assert problem["instance"].startswith("/api/v1/")
    assert problem["detail"].endswith((".", "?"))


def test_an_answer_in_another_form_than_json_is_not_to_be_had(robo: Caller) -> None:
    answer = robo.client.get(
        "/api/v1/requests", headers=robo.headers() | {"Accept": "application/xml"}
    )

    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def test_without_a_policy_nothing_is_judged_and_nothing_breaks(robo: Caller) -> None:
    PolicyVersion.objects.all().delete()

    answer = robo.post("/requests", cast.submission())

    assert (answer.status_code, answer.json()["code"]) == (503, "no_policy")
    assert answer.headers["Retry-After"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_database_in_trouble_is_503_and_nothing_is_written() -> None:
    row, token = cast.request(), cast.token(cast.person("lin"))
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        answer = Caller(token).post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    row.refresh_from_db()
    assert row.status == "pending"


def test_a_fault_of_ours_stays_a_fault_of_ours() -> None:
    request = SimpleNamespace(path="/api/v1/requests")

    assert problems.answer(ZeroDivisionError(), {"request": request}) is None
    with pytest.raises(ZeroDivisionError):
        problems.plain(ZeroDivisionError(), instance="/")
    assert problems.plain(Http404(), instance="/").status_code == 404
    assert problems.plain(OperationalError(), instance="/").headers["Retry-After"] == "1"
