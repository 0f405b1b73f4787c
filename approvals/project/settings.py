"""Every setting, read once and loudly. docs/settings.md has one line for each."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from approvals.api.configuration import REST_FRAMEWORK, SPECTACULAR_SETTINGS
from approvals.project import environment as env
from approvals.project import logs

BASE_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "data"))).resolve()
PORT = env.whole("PORT", 8000)
PUBLIC_URL = env.text("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
REDIS_URL = env.text("REDIS_URL")
DEBUG = env.flag("DEBUG")


def _secret_key() -> str:
    """SECRET_KEY, or one made once and kept in DATA_DIR, readable by its owner only."""
    given = env.text("SECRET_KEY")
    if given:
        return given
    path = DATA_DIR / "secret_key"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        _write_once(path, secrets.token_urlsafe(50))
    return path.read_text(encoding="utf-8").strip()


def _write_once(path: Path, content: str) -> None:
    """Whole or not at all, and only by the first of several processes."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")

ALLOWED_HOSTS = [
    *env.words("ALLOWED_HOSTS", "*" if DEBUG else "127.0.0.1,localhost,[::1]"),
    urlsplit(PUBLIC_URL).hostname or "localhost",
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE = PUBLIC_URL.startswith("https://")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "csp",
    "approvals",
    "approvals.project",
    *env.words("EXTRA_APPS"),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "approvals.project.middleware.RequestLog",
    "approvals.project.middleware.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "approvals.project.urls"
ASGI_APPLICATION = "approvals.project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "approvals.web.shell.shell",
            ]
        },
    }
]

DATABASES = {"default": env.database(env.text("DATABASE_URL"), DATA_DIR)}
if "pool" in DATABASES["default"]["OPTIONS"]:
    # A click is written down by these, however busy the others are.
    DATABASES["knocks"] = env.beside(DATABASES["default"], connections=8)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "approvals.Person"
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/queue"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(DATA_DIR / "static")))
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would sign people out when they follow a link from chat
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "approvals.web.problems.untrusted"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = SECURE and env.flag("SSL_REDIRECT", default=False)
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
if env.flag("BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

_SELF = ["'self'"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": _SELF,
        "style-src": _SELF,
        "img-src": ["'self'", "data:"],
        "font-src": _SELF,
        "connect-src": ["'self'", PUBLIC_URL.replace("http", "ws", 1)],
        "form-action": _SELF,
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# --- the service's own -----------------------------------------------------------------------
POLICY_DIR = Path(env.text("POLICY_DIR", str(BASE_DIR / "policies")))
BODY_LIMIT = 256 * 1024
AGENT_KEY_DAYS = env.whole("AGENT_KEY_DAYS", 90)
PERSON_TOKEN_DAYS = env.whole("PERSON_TOKEN_DAYS", 30)
BELL = "approvals.services.bell.RedisBell" if REDIS_URL else "approvals.services.bell.LocalBell"
BELL_DIR = env.text("BELL_DIR")
WAITER = "approvals.realtime.hub.changed"
CALLBACK_URL_CHECK = "integrations.webhook.check_callback_url"
WEBHOOK_ALLOW_PRIVATE = env.flag("WEBHOOK_ALLOW_PRIVATE")
WEBHOOK_CLOUDEVENTS = env.words("WEBHOOK_CLOUDEVENTS")
WEBHOOK_SIGNING_KEY = env.signing_keys("WEBHOOK_SIGNING_KEY")
UNDO_SECONDS = env.seconds_or_default("UNDO_SECONDS", most=60)
GRANT_AUDIENCE = env.text("GRANT_AUDIENCE", "countersign-executor")
DEAD_MAN_URL = env.text("DEAD_MAN_URL")

OIDC_ISSUER = env.text("OIDC_ISSUER")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
OIDC_NAME = env.text("OIDC_NAME") or "single sign-on"
OIDC_CREATE = env.flag("OIDC_CREATE")
OIDC_ONLY = env.flag("OIDC_ONLY")
OIDC_BREAK_GLASS = env.words("OIDC_BREAK_GLASS")
REQUIRE_SECOND_FACTOR = env.text("REQUIRE_SECOND_FACTOR", "off").lower()
SUPPORT_CONTACT = env.text("SUPPORT_CONTACT")
OUTBOUND_CLIENT = "integrations.http.client"

EXPIRED_LIST_AT = env.time_of_day("EXPIRED_LIST_AT", "09:00")
# Whoever set the zone of Slack's lists before there was one for all meant this one, too.
DIGEST_ZONE = env.zone("DIGEST_ZONE", env.zone("SLACK_DIGEST_ZONE", "UTC"))

EMAIL_SERVER = env.mail(env.text("EMAIL_URL"))
EMAIL_FROM = env.text("EMAIL_FROM")
EMAIL_TO = env.words("EMAIL_TO")

SLACK_BOT_TOKEN = env.text("SLACK_BOT_TOKEN")
SLACK_SIGNING_SECRET = env.text("SLACK_SIGNING_SECRET")
SLACK_APP_TOKEN = env.text("SLACK_APP_TOKEN")
SLACK_API_URL = env.text("SLACK_API_URL", "https://slack.com/api/")
SLACK_CHANNEL = env.text("SLACK_CHANNEL")
SLACK_TEAM_ID = env.text("SLACK_TEAM_ID")
SLACK_APP_ID = env.text("SLACK_APP_ID")
SLACK_CLIENT_ID = env.text("SLACK_CLIENT_ID")
SLACK_CLIENT_SECRET = env.text("SLACK_CLIENT_SECRET")
SLACK_LINK_BY_EMAIL = env.flag("SLACK_LINK_BY_EMAIL", default=True)
SLACK_STRICT_BUTTONS = env.flag("SLACK_STRICT_BUTTONS", default=True)
SLACK_CHECK_WORDS = env.flag("SLACK_CHECK_WORDS", default=True)
SLACK_CRITICAL_ON_WEB = env.flag("SLACK_CRITICAL_ON_WEB", default=True)
SLACK_TEAM_GROUPS = env.text("SLACK_TEAM_GROUPS")
SLACK_DIGEST = env.text("SLACK_DIGEST")
SLACK_DIGEST_ZONE = env.zone("SLACK_DIGEST_ZONE", DIGEST_ZONE)
SLACK_ANSWER_SECONDS = 1.5  # a click is answered by then, decided or not; Slack waits for three
SLACK_SOCKET_MODE = env.flag("SLACK_SOCKET_MODE", default=bool(SLACK_APP_TOKEN))

PAGERDUTY_ROUTING_KEY = env.text("PAGERDUTY_ROUTING_KEY")
PAGERDUTY_ROUTING_KEYS = env.text("PAGERDUTY_ROUTING_KEYS")
PAGERDUTY_REGION = env.text("PAGERDUTY_REGION", "us")
PAGERDUTY_API_TOKEN = env.text("PAGERDUTY_API_TOKEN")
PAGERDUTY_FROM = env.text("PAGERDUTY_FROM")
PAGERDUTY_API_URL = env.text("PAGERDUTY_API_URL")
PAGERDUTY_EVENTS_URL = env.text("PAGERDUTY_EVENTS_URL")
PAGERDUTY_ACTION_SECRET = env.text("PAGERDUTY_ACTION_SECRET")
PAGERDUTY_WEBHOOK_SECRET = env.text("PAGERDUTY_WEBHOOK_SECRET")
PAGERDUTY_DECISION_FIELD = env.text("PAGERDUTY_DECISION_FIELD")
PAGERDUTY_CRITICAL_ON_WEB = env.flag("PAGERDUTY_CRITICAL_ON_WEB", default=True)
PAGERDUTY_LINK_BY_EMAIL = env.flag("PAGERDUTY_LINK_BY_EMAIL")

SERVICENOW_URL = env.text("SERVICENOW_URL")
SERVICENOW_USER = env.text("SERVICENOW_USER")
SERVICENOW_PASSWORD = env.text("SERVICENOW_PASSWORD")
SERVICENOW_CLIENT_ID = env.text("SERVICENOW_CLIENT_ID")
SERVICENOW_CLIENT_SECRET = env.text("SERVICENOW_CLIENT_SECRET")
SERVICENOW_WEBHOOK_SECRET = env.text("SERVICENOW_WEBHOOK_SECRET")
SERVICENOW_CHANGE_TYPE = env.text("SERVICENOW_CHANGE_TYPE", "normal")
SERVICENOW_TEMPLATE = env.text("SERVICENOW_TEMPLATE")
SERVICENOW_ASSIGNMENT_GROUP = env.text("SERVICENOW_ASSIGNMENT_GROUP")
SERVICENOW_LINK_BY_EMAIL = env.flag("SERVICENOW_LINK_BY_EMAIL")

TEAMS_APP_ID = env.text("TEAMS_APP_ID")
TEAMS_APP_PASSWORD = env.text("TEAMS_APP_PASSWORD")
TEAMS_TENANT_ID = env.text("TEAMS_TENANT_ID")
TEAMS_CHANNEL = env.text("TEAMS_CHANNEL")
TEAMS_TOKEN_URL = env.text("TEAMS_TOKEN_URL")
TEAMS_KEYS_URL = env.text("TEAMS_KEYS_URL")
TEAMS_ISSUER = env.text("TEAMS_ISSUER")
TEAMS_CRITICAL_ON_WEB = env.flag("TEAMS_CRITICAL_ON_WEB", default=True)
TEAMS_WORKFLOW_URL = env.text("TEAMS_WORKFLOW_URL")

GITHUB_APP_ID = env.text("GITHUB_APP_ID")
GITHUB_PRIVATE_KEY = env.text("GITHUB_PRIVATE_KEY")
GITHUB_WEBHOOK_SECRET = env.text("GITHUB_WEBHOOK_SECRET")
GITHUB_AGENT = env.text("GITHUB_AGENT")
GITHUB_INSTALLATIONS = env.text("GITHUB_INSTALLATIONS")
GITHUB_API_URL = env.text("GITHUB_API_URL", "https://api.github.com")
GITHUB_POLICY_REPOSITORY = env.text("GITHUB_POLICY_REPOSITORY")
GITHUB_POLICY_PATH = env.text("GITHUB_POLICY_PATH", "policies/")
GITHUB_CRITICAL_ON_WEB = env.flag("GITHUB_CRITICAL_ON_WEB", default=True)

ADAPTERS = ["integrations.webhook.WebhookAdapter"]
if SLACK_BOT_TOKEN or SLACK_SIGNING_SECRET or SLACK_APP_TOKEN or SLACK_CLIENT_ID:
    ADAPTERS.append("integrations.slack.adapter.SlackAdapter")
    ADAPTERS.append("integrations.slack.questions.QuestionsAdapter")
if PAGERDUTY_ROUTING_KEY or PAGERDUTY_ROUTING_KEYS:
    ADAPTERS.append("integrations.pagerduty.adapter.PagerDutyAdapter")
if SERVICENOW_URL or SERVICENOW_USER or SERVICENOW_CLIENT_ID:
    ADAPTERS.append("integrations.servicenow.adapter.ServiceNowAdapter")
if EMAIL_SERVER and EMAIL_FROM:
    ADAPTERS.append("integrations.email.EmailAdapter")
if TEAMS_APP_ID or TEAMS_APP_PASSWORD or TEAMS_CHANNEL:
    ADAPTERS.append("integrations.teams.adapter.TeamsAdapter")
if TEAMS_WORKFLOW_URL:
    ADAPTERS.append("integrations.teams.workflow.WorkflowAdapter")
if GITHUB_APP_ID or GITHUB_PRIVATE_KEY or GITHUB_WEBHOOK_SECRET:
    ADAPTERS.append("integrations.github.adapter.GitHubAdapter")
if env.flag("CONSOLE_CARDS"):
    ADAPTERS.append("integrations.console.ConsoleAdapter")

# Who goes on with callbacks that were written down and left behind, by provider.
KNOCKS = {"slack": "integrations.slack.knocks.Clicks", "teams": "integrations.teams.kept.Clicks"}

CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"

LOG_FORMAT = env.text("LOG_FORMAT", "json")
LOGGING_CONFIG = None
logs.configure(level=env.text("LOG_LEVEL", "INFO"), style=LOG_FORMAT)
SILENCED_SYSTEM_CHECKS: list[str] = []

__all__ = ["REST_FRAMEWORK", "SPECTACULAR_SETTINGS"]
