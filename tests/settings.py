"""The service's settings as the tests run them: the same, but quick, and apart from each other."""

import os
from typing import Any

from approvals.project import environment
from approvals.project import settings as service
from tests.support.plugin import engine

globals().update({name: value for name, value in vars(service).items() if name.isupper()})


def _database() -> dict[str, Any]:
    """SQLite in a file, since threads cannot share one in memory; PostgreSQL without its pool."""
    url = "" if engine() == "sqlite" else os.environ.get("DATABASE_URL", "")
    settings = environment.database(url, service.DATA_DIR)
    settings["OPTIONS"].pop("pool", None)  # a pool would hold on to the database to be dropped
    if settings["ENGINE"].endswith("postgresql"):
        # Twenty threads at one row take turns: how long that takes says more of the machine.
        settings["OPTIONS"]["options"] = "-c lock_timeout=90s -c statement_timeout=120s"
    if settings["ENGINE"].endswith("sqlite3"):
        settings["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"  # no test pulls the plug
        settings["TEST"] = {"NAME": str(service.DATA_DIR / "test.sqlite3")}
    return settings


def _redis_url() -> str:
    """Each process of a parallel run has a numbered Redis database of its own."""
    server = os.environ.get("REDIS_URL", "redis://127.0.0.1:1/0").rpartition("/")[0]
    return f"{server}/{_worker() + 1}"


def _worker() -> int:
    """The number of this process in a parallel run; -1 where there is one process only."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw"))


SECRET_KEY = "a-key-that-only-tests-know-and-nothing-secret-rests-on"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [*service.INSTALLED_APPS, "tests.support.apps.TestSupport"]
DATABASES = {"default": _database()}
REDIS_URL = CELERY_BROKER_URL = _redis_url()
# One test must not hear another's ring.
BELL_DIR = str(service.DATA_DIR / "run" / f"bell-{_worker()}")
SLACK_ANSWER_SECONDS = 30  # and what was decided before the answer, not what comes after it
UNDO_SECONDS = 0  # most tests are about what a decision does, not about when
if os.environ.get("KEEP_PAGES_IN"):  # set by `make axe`
    MIDDLEWARE = [*service.MIDDLEWARE, "tests.support.drawn.keep_pages"]
STATIC_ROOT = service.BASE_DIR / "static"  # nothing is collected for a test run
