"""Bring up the servers of a test run before Django reads its settings, and take them down after.

`TEST_ENGINE` is `postgres` (the default) or `sqlite`. Servers are those named by `DATABASE_URL`
and `REDIS_URL`, else ones started from this machine's programs; a run that can have neither fails.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.servers import NoServer, Postgres, Redis, Server

ENGINES = ("postgres", "sqlite")
LOOKING_ONLY = {"--help", "-h", "--version", "-V", "--collect-only", "--co", "--markers"}
# A developer's own settings must not leak into a run: every test says what it is about.
OWN_SETTINGS = (
    "SECRET_KEY", "PUBLIC_URL", "PORT", "DATA_DIR", "EMAIL_URL",
    "SLACK_", "PAGERDUTY_", "SERVICENOW_", "TEAMS_", "OIDC_", "GITHUB_APP_", "GITHUB_WEBHOOK_",
)  # fmt: skip

# What a test asks for when what it does may differ from engine to engine.
ON_AN_ENGINE = frozenset({"db", "transactional_db", "start_service"})
LONGEST_NAME = 50

header: list[str] = []
_started: list[Server] = []
_scratch: list[Path] = []
_under_way: list[pytest.Item] = []
at_the_end = ExitStack()  # of the run, while its servers still answer


def engine() -> str:
    return os.environ.get("TEST_ENGINE", "postgres")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    if engine() not in ENGINES:
        raise pytest.UsageError(f"TEST_ENGINE is {engine()!r}: choose one of {', '.join(ENGINES)}.")
    early_config.add_cleanup(_take_down)
    _forget_own_settings()
    os.environ["DATA_DIR"] = str(_new_folder())
    if not LOOKING_ONLY.intersection(args):
        try:
            _bring_up()
        except NoServer as reason:
            raise pytest.UsageError(str(reason)) from reason


def pytest_report_header() -> list[str]:
    return [f"engine: {engine()}", *header]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if depends_on_engine(item):
            item.add_marker("engine")
    if engine() == "postgres":
        return
    needing = [item for item in items if item.get_closest_marker("postgres")]
    if needing:
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


def depends_on_engine(item: pytest.Item) -> bool:
    """Whether both engines must run it. What touches no database is run once: on SQLite."""
    marked = any(item.get_closest_marker(name) for name in ("django_db", "postgres", "engine"))
    return marked or not ON_AN_ENGINE.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _under_way[:] = [item]


def must_run_on_both() -> None:
    """Called where a process meets an engine: raises for a test that only one of them would run."""
    kinds = ("engine", "browser", "faults")
    if _under_way and not any(_under_way[0].get_closest_marker(kind) for kind in kinds):
        raise pytest.UsageError(f"{_under_way[0].nodeid} starts a service: mark it engine.")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values name a test badly, and signed ones differently in each process of a run."""
    return argname if isinstance(val, str) and len(val) > LONGEST_NAME else None


def _forget_own_settings() -> None:
    for name in [name for name in os.environ if name.startswith(OWN_SETTINGS)]:
        del os.environ[name]


def _bring_up() -> None:
    if engine() == "sqlite":
        os.environ.pop("DATABASE_URL", None)
        header.append("SQLite in a private folder")
    else:
        _use("DATABASE_URL", Postgres)
    _use("REDIS_URL", Redis)


def _use(variable: str, start: Callable[[Path], Server]) -> None:
    """The server the environment names, or one of our own named to the processes to come."""
    if os.environ.get(variable):
        header.append(f"{start.__name__} named by {variable}")
        return
    server = start(_new_folder())
    _started.append(server)
    server.start()
    os.environ[variable] = server.url
    header.append(server.describe())


def _new_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="countersign-tests-"))
    _scratch.append(folder)
    return folder


def _take_down() -> None:
    at_the_end.close()
    while _started:
        _started.pop().stop()
    while _scratch:
        shutil.rmtree(_scratch.pop(), ignore_errors=True)
