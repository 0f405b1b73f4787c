"""`@require_approval`: a function that runs only after somebody, or policy, allowed this very call."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import math
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast
from uuid import uuid4

from countersign.answers import ApprovalRequest
from countersign.client import Countersign
from countersign.errors import CountersignError

logger = logging.getLogger("countersign")

P = ParamSpec("P")
R = TypeVar("R")
Words = str | Callable[..., str]
DETAIL_LIMIT = 2_000


def require_approval(
    *,
    action: str,
    target: Words,
    client: Countersign | None = None,
    wait: float = 3600.0,
    reasoning: Words | None = None,
    **more: Any,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Ask before every call of the function, with its bound arguments as the parameters.

    The function runs only after the request was approved and redeemed for exactly these arguments;
    afterwards its success or failure is reported. `target` and `reasoning` are text, or are made
    from the arguments by a function that takes them by name. `more` are further fields of the
    request, such as risk and impact. Without a client, COUNTERSIGN_URL and COUNTERSIGN_KEY name the
    service. Works on plain functions and on coroutine functions.

    Raises CountersignError when the call may not go ahead, and TypeError or ValueError for arguments
    that JSON cannot carry; the function has not run then.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                "A generator runs after it has returned, so it cannot be guarded. Guard what it calls."
            )
        asking = _Asking(function, action, target, reasoning, more, client, wait)
        if inspect.iscoroutinefunction(function):
            return cast(Callable[P, R], _around_coroutine(asking))
        return cast(Callable[P, R], _around(asking))

    return decorate


class _Asking:
    """What one decorated function asks for."""

    def __init__(
        self,
        function: Callable[..., Any],
        action: str,
        target: Words,
        reasoning: Words | None,
        more: Mapping[str, Any],
        client: Countersign | None,
        wait: float,
    ) -> None:
        self.function = function
        self.action = action
        self.target = target
        self.reasoning = reasoning
        self.more = more
        self.wait = wait
        self._client = client
        self._signature = inspect.signature(function)
        self._receiver = _receiver(function, self._signature)

    @property
    def client(self) -> Countersign:
        if self._client is None:
            self._client = Countersign.from_environment()
            weakref.finalize(self, self._client.close)  # ours alone: nobody else will
        return self._client

    def permission(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ApprovalRequest:
        """Ask, wait, redeem. Raises CountersignError."""
        bound = self._bound(args, kwargs)
        fields = {**self.more, "reasoning": _words(self.reasoning, bound)}
        target = _words(self.target, bound) or ""
        asked = self.client.submit(
            self.action, target, _parameters(bound), idempotency_key=str(uuid4()), **fields
        )
        self.client.require(asked, self.wait)
        # Read anew: a list may have been changed since it was asked about.
        return self.client.consume(asked, _parameters(self._bound(args, kwargs)))

    def report(
        self, approved: ApprovalRequest, error: BaseException | None, started: float
    ) -> None:
        """Tell the service how it went. What ran has run: a lost report must not hide its result."""
        status = "success" if error is None else "failure"
        detail = "" if error is None else f"{type(error).__name__}: {error}"[:DETAIL_LIMIT]
        duration = int((time.monotonic() - started) * 1000)
        try:
            self.client.outcome(approved, status, detail=detail, duration_ms=duration)
        except CountersignError as lost:
            logger.warning("The outcome of %s could not be reported: %s", approved.ref, lost)

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, defaults included; the object of a method is not one of them."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        named = dict(bound.arguments)
        for parameter in self._signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                named |= named.pop(parameter.name)
        named.pop(self._receiver, None)
        return named


def _around(asking: _Asking) -> Callable[..., Any]:
    @functools.wraps(asking.function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        approved = asking.permission(args, kwargs)
        started = time.monotonic()
        try:
            result = asking.function(*args, **kwargs)
        except BaseException as error:
            asking.report(approved, error, started)
            raise
        asking.report(approved, None, started)
        return result

    return guarded


def _around_coroutine(asking: _Asking) -> Callable[..., Any]:
    @functools.wraps(asking.function)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        approved = await asyncio.to_thread(asking.permission, args, kwargs)
        started = time.monotonic()
        try:
            result = await asking.function(*args, **kwargs)
        except BaseException as error:
            # In this very thread: a cancelled task would not be given another.
            asking.report(approved, error, started)
            raise
        await asyncio.to_thread(asking.report, approved, None, started)
        return result

    return guarded


def _receiver(function: Callable[..., Any], signature: inspect.Signature) -> str:
    """The name of a method's own object, which is no argument; empty for a plain function."""
    first = next(iter(signature.parameters), "")
    is_in_class = "." in function.__qualname__ and not function.__qualname__.endswith(
        f"<locals>.{function.__name__}"
    )
    return first if is_in_class and first in {"self", "cls"} else ""


def _words(words: Words | None, bound: Mapping[str, Any]) -> str | None:
    return words(**bound) if callable(words) else words


def _parameters(bound: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value, name) for name, value in bound.items()}


def _plain(value: Any, path: str) -> Any:
    """The argument as JSON, without guessing. Raises TypeError or ValueError naming it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return _number(value, path)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {name: _plain(item, f"{path}.{name}") for name, item in value.items()}
    raise TypeError(
        f"The argument {path} is a {type(value).__name__}, which JSON cannot carry. Nothing was asked."
    )


def _number(value: float, path: str) -> float:
    if not math.isfinite(value) or (isinstance(value, int) and abs(value) > 2**53 - 1):
        raise ValueError(
            f"The argument {path}, {value}, has no exact form in JSON. Nothing was asked."
        )
    return value
