"""The composition root as an application, so that its checks run at every start."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.core.checks import register

from approvals.project import (
    checks,
    github_checks,
    pagerduty_checks,
    servicenow_checks,
    sign_in_checks,
    slack_checks,
    teams_checks,
)


class ProjectConfig(AppConfig):
    name = "approvals.project"
    label = "countersign_project"

    def ready(self) -> None:
        import_module("approvals.web.fresh")  # hears every sign-in from the first one on
        register(slack_checks.slack)
        register(checks.addresses)
        register(checks.mail)
        register(sign_in_checks.sign_in)
        register(pagerduty_checks.pagerduty)
        register(servicenow_checks.servicenow)
        register(teams_checks.teams)
        register(github_checks.github)
