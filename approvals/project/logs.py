"""Structured logs: one line an event, the request's id on each, secrets on none."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from approvals.domain import display

CHATTY = (
    "httpx", "httpx2", "httpcore", "pagerduty", "slack_bolt", "slack_sdk", "uvicorn.access", "kombu",
    "celery.redirected",
)  # fmt: skip


def configure(*, level: str, style: str) -> None:
    """Send everything, ours and the libraries', to standard error as JSON or as readable text."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_colours,
        without_secrets,
    ]
    last: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if style == "text"
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _without_colours(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Uvicorn says its lines twice, once in colour."""
    event.pop("color_message", None)
    return event


def without_secrets(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Mask whatever looks like a key or a token, wherever in the line it stands."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = display.redact(value)[0]
    return event
