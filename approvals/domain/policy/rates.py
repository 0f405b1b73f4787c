"""Rate controls: how often per hour, day and recipient, how much at once, and the rest after a failure.

What is counted are the agent's requests that were let through or still wait, by the moment they were
asked, in windows that slide: a request asked exactly an hour ago no longer counts by the hour. Over a
rate -> denied `rate_limited`; within the rest after a reported failure (or roll-back) -> denied
`cooling_down`; growing by more than a rate allows -> a person is asked. Everything that is exactly as
large as its limit passes. Where a limit needs what the agent did not say (whom a message is for, how
many replicas there were), a person is asked.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from approvals.domain.policy import checks, magnitudes
from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.circumstances import Circumstances, Count
from approvals.domain.policy.classes import counts_as, matches
from approvals.domain.policy.rate_sections import Rate, read
from approvals.domain.policy.subject import Subject

__all__ = ["Rate", "address", "check", "covering", "read"]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def covering(found: Sequence[Rate], action: str) -> list[Rate]:
    """The rates that count an action."""
    return [rate for rate in found if covers(rate, action)]


def covers(rate: Rate, action: str) -> bool:
    """Whether a rate counts an action: by its class, its name, or the globs the rate lists."""
    if not rate.name:
        return True
    if rate.actions:
        return matches(action, rate.actions)
    return counts_as(action, rate.name)


def address(recipient: str) -> str:
    """A recipient as it is counted, so that one person is one recipient however they are written:
    the address within `Name <address>`, in small letters, Unicode's compatible forms made one."""
    text = unicodedata.normalize("NFKC", recipient).strip()
    if text.endswith(">") and "<" in text:
        text = text[text.rindex("<") + 1 : -1]
    folded = unicodedata.normalize("NFKC", text.strip().casefold())
    return folded.removeprefix("mailto:").strip()


def check(found: Sequence[Rate], subject: Subject, now: Circumstances) -> list[Check]:
    """The steps of this layer, one for each limit that counts the action."""
    return [
        made for rate in covering(found, subject.action) for made in _limits(rate, subject, now)
    ]


def _limits(rate: Rate, subject: Subject, now: Circumstances) -> Iterator[Check]:
    if rate.per_hour is not None:
        yield _window(rate, rate.per_hour, "hour", now)
    if rate.per_day is not None:
        yield _window(rate, rate.per_day, "day", now)
    if rate.per_recipient is not None:
        yield _recipients(rate, rate.per_recipient, subject, now)
    if rate.cooldown is not None:
        yield _cooldown(rate, rate.cooldown, now)
    if rate.increase is not None:
        yield _increase(rate, rate.increase, subject)


def _window(rate: Rate, limit: int, window: str, now: Circumstances) -> Check:
    counts = [count for action, count in now.passed.items() if covers(rate, action)]
    used = sum(_used(count, window) for count in counts)
    length = HOUR if window == "hour" else DAY
    since = min((at for count in counts if (at := _since(count, window))), default=None)
    noun = _noun(rate, limit)
    said = f"{limit} {noun} {'an' if window == 'hour' else 'a'} {window}"
    values = {"limit": limit, "used": used, "window": window, "counts": rate.counts}
    if used < limit:
        return checks.passed(
            Layer.RATE, f"{said}: {used} so far.", rule=rate.rule(f"per_{window}"),
            place=rate.place, **values,
        )  # fmt: skip
    room_at = since + length if since else None
    return checks.refuses(
        Layer.RATE, f"{said}: {used} {_were(used)} let through{_until(since, room_at, now, used > limit)}",
        reason="rate_limited", rule=rate.rule(f"per_{window}"), place=rate.place,
        room_at=_json(room_at), **values,
    )  # fmt: skip


def _recipients(rate: Rate, limit: int, subject: Subject, now: Circumstances) -> Check:
    rule, noun = rate.rule("per_recipient"), _noun(rate, limit)
    said = f"{limit} {noun} a day for each recipient"
    wanted = sorted({address(name) for name in subject.recipients})
    if not wanted:
        words = f"{said}: the request names no recipient, so a person is asked."
        return checks.unsure(Layer.RATE, words, rule=rule, place=rate.place, limit=limit)
    heard: dict[str, Count] = dict.fromkeys(wanted, Count())
    for sent in now.sent:
        name = address(sent.recipient)
        if name in heard and covers(rate, sent.action):
            heard[name] = _more(heard[name], sent.day, sent.since)
    busiest = max(wanted, key=lambda name: heard[name].day)
    count = heard[busiest]
    values = {"limit": limit, "used": count.day, "recipient": busiest, "counts": rate.counts}
    if count.day < limit:
        words = f"{said}: {busiest} had {count.day} so far."
        return checks.passed(Layer.RATE, words, rule=rule, place=rate.place, **values)
    room_at = count.day_since + DAY if count.day_since else None
    words = f"{said}: {busiest} had {count.day}"
    return checks.refuses(
        Layer.RATE, words + _until(count.day_since, room_at, now, count.day > limit),
        reason="rate_limited", rule=rule, place=rate.place, room_at=_json(room_at), **values,
    )  # fmt: skip


def _cooldown(rate: Rate, rest: timedelta, now: Circumstances) -> Check:
    failed = [each for each in now.reported if covers(rate, each.action)]
    last = max(failed, key=lambda each: (each.at, each.action), default=None)
    rule, minutes = rate.rule("cooldown"), f"{rest.total_seconds() / 60:g} min"
    if last is None or now.now >= last.at + rest:
        words = f"{minutes} of rest after a failure: none was reported within them."
        return checks.passed(Layer.RATE, words, rule=rule, place=rate.place, counts=rate.counts)
    room_at = last.at + rest
    words = (
        f"{minutes} of rest after a failure: {last.action} was reported as "
        f"{last.status.value.replace('_', ' ')} at {_clock(last.at, now)}; "
        f"it may be asked again at {_clock(room_at, now, up=True)}."
    )
    return checks.refuses(
        Layer.RATE, words, reason="cooling_down", rule=rule, place=rate.place, counts=rate.counts,
        failed_at=_json(last.at), room_at=_json(room_at), action=last.action,
    )  # fmt: skip


def _increase(rate: Rate, limit: Fraction, subject: Subject) -> Check:
    """By the parameters alone: what `impact` states is how much is touched, not how much is added."""
    rule, most = rate.rule("increase"), f"At most {float(limit):g} % more at once"
    said = magnitudes.of(replace(subject, impact={}))
    if said.percent.unclear or not said.percent.amounts:
        words = f"{most}: the parameters do not say from what to what, so a person is asked."
        return checks.unsure(Layer.RATE, words, rule=rule, place=rate.place, limit=float(limit))
    percent = max(said.percent.amounts)
    ends = said.before.amounts, said.after.amounts
    step = (
        "from {} to {}".format(*(magnitudes.shown(end[0]) for end in ends)) if all(ends) else "it"
    )
    words = f"{most}: {step} is {'+' if percent >= 0 else ''}{magnitudes.shown(percent)} %."
    make = checks.asks if percent > limit else checks.passed
    return make(
        Layer.RATE, words, rule=rule, place=rate.place, limit=float(limit), percent=percent,
    )  # fmt: skip


def _used(count: Count, window: str) -> int:
    return count.hour if window == "hour" else count.day


def _since(count: Count, window: str) -> datetime | None:
    return count.hour_since if window == "hour" else count.day_since


def _more(count: Count, number: int, since: datetime | None) -> Count:
    known = [at for at in (count.day_since, since) if at is not None]
    return Count(day=count.day + number, day_since=min(known, default=None))


def _until(
    since: datetime | None, room_at: datetime | None, now: Circumstances, is_over: bool
) -> str:
    """Since when, and when there is room again; with more than the limit let through before the
    limit was lowered, that is the earliest it can be."""
    if since is None or room_at is None:
        return "."
    again = "there is no room before" if is_over else "there is room again at"
    return f" since {_clock(since, now)}; {again} {_clock(room_at, now, up=True)}."


def _clock(at: datetime, now: Circumstances, *, up: bool = False) -> str:
    """Hours and minutes in UTC, with the day where it is another; `up` never says too early."""
    if up and (at.second or at.microsecond):
        at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    at, today = at.astimezone(UTC), now.now.astimezone(UTC).date()
    return f"{at:%H:%M} UTC" + ("" if at.date() == today else f" on {at.day} {at:%b}")


def _json(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _noun(rate: Rate, limit: int) -> str:
    if not rate.name:
        return "action" if limit == 1 else "actions"
    if "*" in rate.name or "?" in rate.name:
        return f"{'action' if limit == 1 else 'actions'} named {rate.name}"
    plain = rate.name.replace("_", " ")
    return plain.removesuffix("s") if limit == 1 else plain


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
