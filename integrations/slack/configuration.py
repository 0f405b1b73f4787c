"""What the operator set for Slack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, time, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

API_URL = "https://slack.com/api/"
GROUP = re.compile(r"S[A-Z0-9]{2,20}")
TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one workspace; docs/settings.md explains each.

    `teams` are the workspaces whose members may click; empty admits whoever is linked. `groups` pairs
    a team of ours with the user group Slack knows it by. `digest_times`, in `zone`, are when what has
    low risk is listed; empty posts each by itself.
    """

    bot_token: str
    signing_secret: str
    app_token: str
    api_url: str
    channel: str
    teams: frozenset[str]
    app_id: str
    strict_buttons: bool
    critical_on_web: bool
    link_by_email: bool
    groups: tuple[tuple[str, str], ...] = ()
    digest_times: tuple[time, ...] = ()
    zone: tzinfo = UTC
    check_words: bool = True


def current() -> Configuration:
    """Read the settings as they are now."""
    return Configuration(
        bot_token=_text("SLACK_BOT_TOKEN"),
        signing_secret=_text("SLACK_SIGNING_SECRET"),
        app_token=_text("SLACK_APP_TOKEN"),
        api_url=_text("SLACK_API_URL") or API_URL,
        channel=_text("SLACK_CHANNEL"),
        teams=frozenset(team.strip() for team in _text("SLACK_TEAM_ID").split(",") if team.strip()),
        app_id=_text("SLACK_APP_ID"),
        strict_buttons=_flag("SLACK_STRICT_BUTTONS", default=True),
        critical_on_web=_flag("SLACK_CRITICAL_ON_WEB", default=True),
        link_by_email=_flag("SLACK_LINK_BY_EMAIL", default=True),
        groups=_groups(_words("SLACK_TEAM_GROUPS")),
        digest_times=_times(_words("SLACK_DIGEST")),
        check_words=_flag("SLACK_CHECK_WORDS", default=True),
        zone=_zone(_text("SLACK_DIGEST_ZONE") or "UTC"),
    )


def _groups(words: list[str]) -> tuple[tuple[str, str], ...]:
    """`managers:S0123ABC`, team by team."""
    found = []
    for word in words:
        team, _, group = word.rpartition(":")
        if not team.strip() or not GROUP.fullmatch(group.strip()):
            raise ImproperlyConfigured(
                f"SLACK_TEAM_GROUPS has {word!r}. Write TEAM:GROUP, such as managers:S0123ABC."
            )
        found.append((team.strip(), group.strip()))
    return tuple(found)


def _times(words: list[str]) -> tuple[time, ...]:
    times = [TIME.fullmatch(word) for word in words]
    if not all(times):
        raise ImproperlyConfigured("SLACK_DIGEST has no times of day. Write them as 09:00,14:00.")
    return tuple(sorted(time(int(each[1]), int(each[2])) for each in times if each))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ImproperlyConfigured(
            f"SLACK_DIGEST_ZONE names no time zone: {name}. Write one such as Europe/Berlin."
        ) from error


def _words(name: str) -> list[str]:
    return [word.strip() for word in _text(name).split(",") if word.strip()]


def _text(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()


def _flag(name: str, *, default: bool) -> bool:
    return bool(getattr(settings, name, default))
