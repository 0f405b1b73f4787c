"""Read what somebody outside sent, as the bytes they sent: signatures cover those alone."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError


def raw(request: HttpRequest, *, most: int) -> bytes | None:
    """The raw bytes, before anything has parsed them; None when there are more than `most`.

    A body that broke off, or that somebody else has read, is empty: no signature is valid for it.
    """
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > most:
        return None
    try:
        body = request.body
    except RequestDataTooBig:
        return None
    except (RawPostDataException, UnreadablePostError):
        return b""
    return body if len(body) <= most else None
