"""Run the whole service on this machine under one supervisor."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import time
from threading import Thread
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from approvals.management.processes import Part, Supervisor, forget_pid
from approvals.models import Person
from approvals.services import clock, first_run
from approvals.services.first_run import FirstRun

START_WITHIN = 60.0


class Command(BaseCommand):
    help = "Prepare the database, then run web, worker and timers until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workers", type=int, default=1, help="how many Celery workers (default 1)"
        )

    def handle(self, *_: object, **options: Any) -> None:
        host, port = os.environ.get("HOST", "127.0.0.1"), settings.PORT
        _refuse_busy(host, port)
        for directory in (settings.DATA_DIR, settings.STATIC_ROOT):
            directory.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        email, password = _ask_manager()
        made = first_run.prepare(
            policy_dir=settings.POLICY_DIR,
            data_dir=settings.DATA_DIR,
            at=clock.now(),
            email=email,
            password=password,
        )
        run_dir = settings.DATA_DIR / "run"
        supervisor = Supervisor(_parts(options["workers"]), run_dir, _environment(), out=sys.stdout)
        supervisor.start()
        (run_dir / "up.pid").write_text(f"{os.getpid()}\n")
        (run_dir / "url").write_text(f"{settings.PUBLIC_URL}\n")
        # Beside the watch, not before it: a part that falls while starting must come back too.
        url = f"http://{_reachable(host)}:{port}/healthz"
        Thread(target=_greet, args=(url, supervisor, made), daemon=True).start()
        try:
            supervisor.watch()
        finally:
            supervisor.say("up", "stopping; nothing that was recorded is lost")
            supervisor.stop()
            forget_pid(run_dir / "up.pid", os.getpid())


def _parts(workers: int) -> list[Part]:
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    names = ["worker"] if workers == 1 else [f"worker-{number + 1}" for number in range(workers)]
    parts = [Part("web", [*manage, "web"]), *(Part(name, [*manage, "worker"]) for name in names)]
    parts.append(Part("timers", [*manage, "timers"]))
    if settings.SLACK_SOCKET_MODE:
        parts.append(Part("slack", [*manage, "slack_socket"]))
    return parts


def _environment() -> dict[str, str]:
    """The parts speak readable text here, unless somebody asked for JSON."""
    given = {**os.environ, "PYTHONUNBUFFERED": "1", "DATA_DIR": str(settings.DATA_DIR)}
    given.setdefault("LOG_FORMAT", "text")
    return given


def _ask_manager() -> tuple[str, str]:
    """The first manager's address and password: from the environment, or asked for, or neither."""
    email = os.environ.get("FIRST_MANAGER_EMAIL", "")
    password = os.environ.get("FIRST_MANAGER_PASSWORD", "")
    if email or Person.objects.exists() or not sys.stdin.isatty():
        return email, password
    print("Who is the first manager? Press Enter twice to have one made up.")
    email = input("E-mail address: ").strip()
    return (email, getpass.getpass("Password (empty: one is made up): ")) if email else ("", "")


def _refuse_busy(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}). Nothing was started. "
                f"Try: PORT={port + 1} make run"
            ) from None


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound


def _greet(url: str, supervisor: Supervisor, made: FirstRun) -> None:
    if _answers(url, supervisor):
        for line in _welcome(made):
            supervisor.say("up", line)


def _answers(url: str, supervisor: Supervisor) -> bool:
    """Wait until the web part answers; False when stopped or late."""
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and not supervisor.stopping.is_set():
        try:
            with urlopen(url, timeout=2):  # noqa: S310  # our own address
                return True
        except (URLError, OSError):
            supervisor.stopping.wait(0.1)
    return False


def _welcome(made: FirstRun) -> list[str]:
    url = settings.PUBLIC_URL
    lines = ["", f"Countersign runs.  Dashboard: {url}/queue"]
    if made.manager:
        secret = (
            f"password {made.password} (shown once)" if made.password else "the password you gave"
        )
        lines.append(f"Sign in as {made.manager} with {secret}")
    if made.agent_key:
        lines.append(f"Key of the agent {first_run.DEMO_AGENT} (shown once): {made.agent_key}")
    key = made.agent_key or "$AGENT_KEY"
    lines += [
        "Ask for something:",
        f'  curl -s {url}/api/v1/requests -H "Authorization: Bearer {key}" \\',
        "    -H 'Content-Type: application/json' \\",
        """    -d '{"action": "restart_service", "target": "checkout", "parameters": {"replicas": 2}}'""",
        "Beside it, in another terminal: make demo.  To stop: Ctrl-C",
        "",
    ]
    return lines
