"""Read a body: one media type, one size limit, JSON that everybody reads alike, an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from approvals.api.problems import TooLarge, WrongMediaType
from approvals.domain import canonical


class StrictJSON(BaseParser):
    """`application/json`, read by `domain.canonical`."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Raises TooLarge without reading past the limit, or canonical.Malformed."""
        del media_type, parser_context
        return _an_object(_bounded(stream))


def read(request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    """The body of a request as an object; with `may_be_empty`, no body reads as {}.

    REST framework takes a body without Content-Length for no body at all, so this reads for itself.
    Raises WrongMediaType, TooLarge or canonical.Malformed.
    """
    plain = request._request  # the unread stream; REST framework has no other name for it
    length = plain.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > settings.BODY_LIMIT:
        raise _too_large()
    raw = _bounded(plain)
    if not raw and may_be_empty:
        return {}
    if not raw:
        raise canonical.Malformed("The body is empty. Nothing was recorded.")
    if plain.content_type != StrictJSON.media_type:
        raise WrongMediaType(
            f"The body is {plain.content_type or 'of no named type'}; only application/json is "
            "read. Nothing was recorded. Set the Content-Type header."
        )
    return _an_object(raw)


def _bounded(stream: Any) -> bytes:
    raw: bytes = stream.read(settings.BODY_LIMIT + 1)
    if len(raw) > settings.BODY_LIMIT:
        raise _too_large()
    return raw


def _an_object(raw: bytes) -> dict[str, Any]:
    value = canonical.loads(raw)
    if not isinstance(value, dict):
        raise canonical.Malformed("The body must be a JSON object: {…}. Nothing was recorded.")
    return value


def _too_large() -> TooLarge:
    return TooLarge(
        f"The body is larger than {settings.BODY_LIMIT // 1024} KiB. Nothing was recorded. "
        "Send a summary and link to the rest."
    )
