"""What the OpenAPI document says beyond what the views' types tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from approvals.api import shapes
from approvals.api.problems import MEDIA_TYPE

Method = TypeVar("Method", bound=Callable[..., Any])
PREFIX = "/api/v1/"
ALWAYS = (401, 403, 406, 503)
MEANINGS = {
    400: "The body is not JSON that everybody reads alike.",
    401: "Nobody we know: no key or token, a wrong one, or one that has expired.",
    403: "Known, but not allowed to do this.",
    404: "There is nothing here that you may see.",
    406: "Only application/json is answered.",
    409: "It stands differently than the caller thought; `code` and `detail` say how.",
    410: "Too late.",
    413: "The body is larger than 256 KiB.",
    415: "Only application/json is read.",
    422: "Fields that break a rule, each named in `errors`.",
    429: "Too many questions or messages for people's attention; `Retry-After` says when there is room.",
    503: "The database cannot be reached just now. Nothing was recorded.",
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters. The same key and body have no second effect.",
)


LOCATION = OpenApiParameter(
    "Location",
    str,
    OpenApiParameter.HEADER,
    response=[200, 201],
    description="The address of the request.",
)


class Described(AutoSchema):
    """REST framework's view schema, grouped and named for this API."""

    def get_tags(self) -> list[str]:
        return [str(getattr(self.view, "family", "service"))]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "approvals.api.authentication.Bearer"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An agent's key or a person's token.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "approvals.api.authentication.Session"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return {"type": "apiKey", "in": "cookie", "name": "session"}


def documented(
    operation: str,
    summary: str,
    *,
    answers: Mapping[int | tuple[int, str], Any],
    refusals: Iterable[int] = (),
    **more: Any,
) -> Callable[[Method], Method]:
    """Describe one operation: its answers, and every problem it can give."""
    problems = {
        (status, MEDIA_TYPE): OpenApiResponse(shapes.Problem, MEANINGS[status])
        for status in sorted({*ALWAYS, *refusals})
    }
    described: Callable[[Method], Method] = extend_schema(
        operation_id=operation, summary=summary, responses={**answers, **problems}, **more
    )
    return described


def only_this_door(endpoints: Sequence[Any], **_: object) -> list[Any]:
    """Leave out what other doors serve."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)]


def closed_bodies(
    result: dict[str, Any], generator: object, request: object, public: bool
) -> dict[str, Any]:
    """Say of every request body that it has no other fields, as the parser insists."""
    del generator, request, public
    components: dict[str, Any] = result.get("components", {}).get("schemas", {})
    for path in result["paths"].values():
        for operation in path.values():
            _close(operation.get("requestBody", {}), components, set())
    return result


def _close(node: Any, components: dict[str, Any], seen: set[str]) -> None:
    if isinstance(node, list):
        for below in node:
            _close(below, components, seen)
    if not isinstance(node, dict):
        return
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen:
        seen.add(name)
        components[name].setdefault("additionalProperties", False)
        _close(components[name], components, seen)
    for below in node.values():
        _close(below, components, seen)


def tidy(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Drop the generator's own marks."""
    _drop(result, "x-spec-enum-id")
    return result


def _drop(node: Any, mark: str) -> None:
    if isinstance(node, dict):
        node.pop(mark, None)
    for below in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        _drop(below, mark)
