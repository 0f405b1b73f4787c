"""The OpenAPI document is valid and true: whatever it allows is answered as it says."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi import checks

from approvals.api import examples
from approvals.models import ApprovalRequest
from approvals.services import clock
from tests.api.conftest import Caller
from tests.support import cast

TRUE_TO_THE_DOCUMENT: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def test_the_schema_is_valid_openapi_3_1(nobody: Caller) -> None:
    document = nobody.get("/api/schema").json()

    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1")


def test_every_operation_names_its_refusals_as_problems(nobody: Caller) -> None:
    document = nobody.get("/api/schema").json()

    for path in document["paths"].values():
        for operation in path.values():
            refusals = {status for status in operation["responses"] if status >= "400"}
            assert {"401", "403", "503"} <= refusals
            assert all(
                list(operation["responses"][status]["content"]) == ["application/problem+json"]
                for status in refusals
            )


def test_the_page_about_the_document_is_only_read(nobody: Caller) -> None:
    assert nobody.get("/api/docs").status_code == 200
    assert nobody.client.options("/api/docs").status_code == 405


def test_request_bodies_are_closed(nobody: Caller) -> None:
    schemas = nobody.get("/api/schema").json()["components"]["schemas"]

    for name in ("Submission", "Impact", "Rollback", "Decide", "Message", "Consume", "Outcome"):
        assert schemas[name]["additionalProperties"] is False


def test_the_documentation_page_needs_nobody_elses_server(nobody: Caller) -> None:
    page = nobody.get("/api/docs")

    assert page.status_code == 200
    text = page.content.decode()
    assert "swagger-ui" in text
    assert "//cdn" not in text
    assert (
        "unsafe-inline"
        not in page.headers["Content-Security-Policy"].split("script-src")[1].split(";")[0]
    )
    script = nobody.get("/api/docs?script=")
    assert "/api/schema" in script.content.decode()


def test_the_examples_of_the_documentation_work(robo: Caller, lin: Caller) -> None:
    ref = robo.post("/requests", examples.SCALING.value).json()["ref"]

    assert lin.post(f"/requests/{ref}/decisions", examples.APPROVING.value).status_code == 200
    assert robo.post(f"/requests/{ref}/consume", examples.CONSUMING.value).status_code == 200
    assert robo.post(f"/requests/{ref}/outcome", examples.REPORTING.value).status_code == 200
    other = robo.post("/requests", examples.SCALING.value).json()["ref"]
    assert lin.post(f"/requests/{other}/decisions", examples.DENYING.value).status_code == 200


schema = schemathesis.openapi.from_wsgi("/api/schema", get_wsgi_application())
Case = schemathesis.Case[Any]
quickly = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Keep the test's own connection over the end of a request, as Django's test client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def refs(robo: Caller) -> list[str]:
    """Requests in every state there is."""
    agent = cast.agent()[0]
    used = cast.approved(agent)
    robo.post(f"/requests/{used.ref}/consume")
    rows: list[ApprovalRequest] = [
        cast.request(agent),
        cast.request(agent, **cast.HIGH),
        cast.approved(agent),
        used,
        cast.request(agent, **cast.LOW),
        cast.request(agent, **cast.FORBIDDEN),
        cast.request(agent, at=clock.now() - timedelta(hours=1)),
    ]
    return [row.ref for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("who", ["robo", "ada"])
@schema.parametrize()
@quickly
def test_every_answer_is_as_the_document_says(
    case: Case,
    who: str,
    refs: list[str],
    one_connection: None,
    request: pytest.FixtureRequest,
) -> None:
    caller: Caller = request.getfixturevalue(who)
    if case.path_parameters and request_number(case) % 4:
        case.path_parameters["ref"] = refs[request_number(case) % len(refs)]

    if str(case.query.get("wait", "")).isdecimal():
        case.query["wait"] = min(int(case.query["wait"]), 1)

    case.call_and_validate(headers=caller.headers(), checks=TRUE_TO_THE_DOCUMENT)


def request_number(case: Case) -> int:
    """A number that is the same in every run, and differs from case to case."""
    return zlib.crc32(repr((case.body, case.query, case.path_parameters)).encode())
