"""Pages by position: stable while rows are added, and as quick on the last page as on the first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from rest_framework.request import Request

from approvals.api.problems import Fault, InvalidBody
from approvals.queries.bounded import within

Row = TypeVar("Row", bound=Model)
LIMIT, MOST = 50, 200


def page(
    rows: QuerySet[Row],
    request: Request,
    *,
    limit: int,
    cursor: str,
    show: Callable[[Row], dict[str, Any]],
) -> dict[str, Any]:
    """The newest `limit` rows before the cursor, and the address of the page after them.

    Raises LooksAtTooMuch where no index finds them within some seconds.
    """
    below = rows.filter(pk__lt=position(cursor)) if cursor else rows
    with within():
        found = list(below.order_by("-pk")[: limit + 1])
    following = _address(request, int(found[limit - 1].pk)) if len(found) > limit else None
    return {"items": [show(row) for row in found[:limit]], "next": following}


def position(cursor: str) -> int:
    """What a cursor stands for. Raises InvalidBody for one we did not make."""
    try:
        digits = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        digits = ""
    if not digits.isdigit() or len(digits) > 18:
        raise InvalidBody(
            Fault("cursor", "invalid_cursor", "This is no cursor of ours. Take it from `next`.")
        )
    return int(digits)


def _address(request: Request, last: int) -> str:
    query = request.query_params.copy()
    query["cursor"] = base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")
    return f"{settings.PUBLIC_URL}{request.path}?{query.urlencode()}"
