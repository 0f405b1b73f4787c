"""Keep a page of each shape the tests draw, for `make axe` to look at.

Two pages have one shape where they are made of the same tags with the same classes, roles and states; their
words differ. What only a rare case draws is a shape of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

_TAG = re.compile(r"<([a-z0-9]+)((?:\s[^<>]*)?)>")
_TELLING = re.compile(r'\b(?:class|role|type)="[^"]*"|\b(?:hidden|open|disabled)\b')
Answer = Callable[[HttpRequest], HttpResponseBase]


def keep_pages(following: Answer) -> Answer:
    """A middleware that writes each new shape into the folder `KEEP_PAGES_IN`."""
    folder = Path(os.environ["KEEP_PAGES_IN"])

    def answered(request: HttpRequest) -> HttpResponseBase:
        answer = following(request)
        kind, packed = (answer.get(name, "") for name in ("Content-Type", "Content-Encoding"))
        if isinstance(answer, HttpResponse) and kind.startswith("text/html") and not packed:
            _keep(answer.text, folder, f"{request.get_full_path()} {answer.status_code}")
        return answer

    return answered


def _keep(html: str, folder: Path, address: str) -> None:
    if "<html" not in html:
        return
    place = folder / f"{_shape(html)}.html"
    if place.exists():
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    passing = place.with_suffix(f".{os.getpid()}")  # several processes may draw the same at once
    passing.write_text(html, encoding="utf-8")
    place.with_suffix(".from").write_text(f"{address} in {test}", encoding="utf-8")
    passing.replace(place)


def _shape(html: str) -> str:
    parts = {f"{tag} {sorted(_TELLING.findall(rest))}" for tag, rest in _TAG.findall(html)}
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16]
