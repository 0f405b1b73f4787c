"""How REST framework and drf-spectacular are set up, for the project's settings to take."""

from __future__ import annotations

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "approvals.api.authentication.Bearer",
        "approvals.api.authentication.Session",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["approvals.api.permissions.Somebody"],
    "DEFAULT_PARSER_CLASSES": ["approvals.api.parsers.StrictJSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "approvals.api.schema.Described",
    "EXCEPTION_HANDLER": "approvals.api.problems.answer",
    "URL_FORMAT_OVERRIDE": None,
    "COERCE_DECIMAL_TO_STRING": False,
    "STRICT_JSON": True,
    "UNICODE_JSON": True,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Countersign",
    "DESCRIPTION": (
        "Human approval for what AI agents are about to do. An agent submits an action, people "
        "decide, the agent redeems the approval once, and everything is on record. Times are "
        "RFC 3339 in UTC; "
        "errors are `application/problem+json` with a stable `code`."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SCHEMA_COERCE_PATH_PK": False,
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "PREPROCESSING_HOOKS": ["approvals.api.schema.only_this_door"],
    "POSTPROCESSING_HOOKS": ["approvals.api.schema.closed_bodies", "approvals.api.schema.tidy"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False},
}
