"""The one Django application of the service."""

from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"
    verbose_name = "Countersign"
    default_auto_field = "django.db.models.BigAutoField"
