"""Do what people agreed to when they agreed to more trust: now, or on the day they named.

A stage that begins later is a row until a worker's tick begins it; the tick asks once more why it could
not, but for the age of the evidence: people saw how old that would be, and agreed. A stage that has ended
counts as ended by itself; the tick only writes it down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Case, Prefetch, When

from approvals.domain import errors, stage_dates
from approvals.domain.autonomy import EVIDENCE_LIFE
from approvals.domain.terms import EventKind, Stage, Status, Verdict
from approvals.models import Agent, AgentStage, ApprovalRequest, Decision, StageStart
from approvals.services import actors, agents, audit, record, stage_rows
from approvals.services.actors import Actor
from approvals.services.stage_rows import OPEN, End, Held

logger = structlog.get_logger(__name__)
MOST_SHOWN = 20


def take_effect(row: ApprovalRequest, *, at: datetime) -> None:
    """Raise the stage that people have just agreed to, or plan it for the day they named.

    Raises Conflict when the request no longer says how it is: the agent is stopped, the stage has changed
    since, what went wrong since is not in its evidence, that is old, or its end has come.
    """
    asked = row.submission["parameters"]
    agent, dates = agents.by_name(asked["agent"]), stage_dates.kept(asked)
    held = stage_rows.hold(agent, asked["class"], at=at)
    if why := _stopped(held) or lapsed(row, held):
        raise errors.Conflict(
            f"{why}. Nothing was decided and nothing was raised. Deny this request; "
            "a new one can be asked with today's evidence."
        )
    if dates.starts is not None and dates.starts > at:
        _plan(row, held, dates.starts, dates.ends)
    else:
        _raise(row, held, Stage(asked["to"]), dates.ends)


def lapsed(row: ApprovalRequest, held: Held) -> str:
    """Why a raise that waits can take effect no more, whatever happens yet; empty when it can."""
    return _too_old(row, held.at) or _no_ground(row, held)


def settle(*, at: datetime, limit: int = 200) -> int:
    """Begin what is due and write down what has ended; two statements while nothing is.

    Several processes may do this at once: rows are locked, and each is written once. Returns how many
    were done; one that fails is logged, stays due, and counts against no limit, so it holds up no other.
    """
    over = AgentStage.objects.filter(until=None, ends_at__lte=at).order_by("ends_at", "pk")
    ended = list(over.values_list("pk", flat=True))
    due = StageStart.objects.filter(**OPEN, starts_at__lte=at).order_by("starts_at", "pk")
    starting = list(due.values_list("pk", flat=True))
    done = _each(ended, stage_rows.end_now, limit=limit, at=at)
    return done + _each(starting, begin, limit=limit, at=at)


def begin(pk: int, *, at: datetime) -> None:
    """Begin one planned stage, or drop it when it can no longer begin; nothing when it was either."""
    with transaction.atomic():
        found = StageStart.objects.select_related("agent").filter(pk=pk, **OPEN).first()
        if found is None:
            return
        held = stage_rows.hold(found.agent, found.action_class, at=at)
        start = next((each for each in held.planned if each.pk == pk), None)
        if start is None or at < start.starts_at:
            return
        if why := _no_longer(start, held):
            stage_rows.drop([start], why=f"{why}.", actor=actors.SYSTEM, at=at)
            return
        start.began_at = at
        start.save(update_fields=["began_at"])
        _raise(start.request, held, Stage(start.stage), start.ends_at)


def call_off(
    *, agent: Agent, actor: Actor, at: datetime, pk: int | None = None, kind: str = ""
) -> int:
    """What is planned begins no more: one by its number, or all of a class; returns how many.

    Raises Conflict when none of that is planned any more.
    """
    with transaction.atomic():
        planned = stage_rows.hold_planned(agent)
        chosen = [start for start in planned if start.pk == pk or start.action_class == kind]
        if not chosen:
            words = f"Nothing like that is planned for {agent} any more. Nothing was changed."
            raise errors.Conflict(words)
        words = f"Called off by {actor.title}."
        stage_rows.drop(chosen, why=words, actor=actor, at=at)
    return len(chosen)


def planned(agent: Agent) -> tuple[list[StageStart], bool]:
    """Stages that people agreed to for later and that did not begin; and whether more are left out.

    What is still to begin comes before what was dropped, each the newest first.
    """
    rows = StageStart.objects.filter(agent=agent, began_at=None).select_related("request")
    given = Prefetch("request__decisions", Decision.objects.select_related("person").order_by("pk"))
    still_first = Case(When(dropped_at=None, then=0), default=1)
    found = list(rows.prefetch_related(given).order_by(still_first, "-pk")[: MOST_SHOWN + 1])
    return found[:MOST_SHOWN], len(found) > MOST_SHOWN


def upcoming(agent: Agent) -> list[StageStart]:
    """What is still to begin; the next first."""
    rows = StageStart.objects.filter(agent=agent, **OPEN).select_related("request")
    return list(rows.order_by("starts_at", "pk")[:MOST_SHOWN])


def agreed_by(given: Iterable[Decision]) -> str:
    """The names of those who approved a request, of its decisions."""
    approvals = (decision for decision in given if decision.verdict == Verdict.APPROVE)
    return " and ".join(str(decision.person) for decision in approvals)


def _plan(row: ApprovalRequest, held: Held, starts: datetime, ends: datetime | None) -> None:
    start = StageStart.objects.create(
        request=row,
        agent=held.agent,
        action_class=held.action_class,
        stage=row.submission["parameters"]["to"],
        starts_at=starts,
        ends_at=ends,
    )
    actor = _approvers(row)
    detail = {**stage_rows.facts(start), "by": actor.title[:240]}
    audit.append_service(EventKind.STAGE_PLANNED, actor=actor, at=held.at, detail=detail)


def _raise(row: ApprovalRequest, held: Held, stage: Stage, ends: datetime | None) -> None:
    then = stage_rows.bottom(held.standing)
    if agreed := row.submission["parameters"].get(stage_dates.THEN):
        then = stage_dates.lower(then, Stage(agreed))
    end = End(ends, then) if ends else None
    reason = str(row.submission.get("reasoning", ""))
    stage_rows.change(held, stage, reason=reason, actor=_approvers(row), end=end)


def _approvers(row: ApprovalRequest) -> Actor:
    given = row.decisions.select_related("person").order_by("pk")
    return Actor(actors.POLICY.kind, row.ref, f"{agreed_by(given)} ({row.ref})")


def _no_longer(start: StageStart, held: Held) -> str:
    """Why a planned stage cannot begin now; empty when it can."""
    row = start.request
    if row.status != Status.APPROVED:
        return f"{row.ref} is {row.status}"
    return _stopped(held) or _no_ground(row, held)


def _no_ground(row: ApprovalRequest, held: Held) -> str:
    """What people agree to, or agreed to, is not how it is any more."""
    return _over(row, held) or _changed(row, held) or _wrong(row, held)


def _stopped(held: Held) -> str:
    return "" if held.agent.is_enabled else f"{held.agent} is stopped"


def _over(row: ApprovalRequest, held: Held) -> str:
    ends = stage_dates.kept(row.submission["parameters"]).ends
    is_over = ends is not None and ends <= held.at
    return f"It would have ended at {stage_dates.moment(ends)}" if ends and is_over else ""


def _changed(row: ApprovalRequest, held: Held) -> str:
    before = held.standing
    stands = before.stage if before else stage_rows.NONE
    is_same = stands == row.submission["parameters"]["from"]
    if is_same and not (before and before.since > row.created_at):
        return ""
    return f"The stage of {held.agent} has changed since {row.ref} was asked"


def _too_old(row: ApprovalRequest, at: datetime) -> str:
    is_old = at - row.created_at > EVIDENCE_LIFE
    return f"The evidence of {row.ref} is older than {EVIDENCE_LIFE.days} days" if is_old else ""


def _wrong(row: ApprovalRequest, held: Held) -> str:
    worse = record.went_wrong_since(held.agent, held.action_class, since=row.created_at)
    return f"Since {row.ref} was asked, {worse}" if worse else ""


def _each(numbers: Iterable[int], step: Callable[..., None], *, limit: int, at: datetime) -> int:
    done = 0
    for number in numbers:
        if done == limit:
            break
        try:
            step(number, at=at)
            done += 1
        except Exception as error:
            # It stays due and is tried again; trust is not above what it was meanwhile.
            logger.error("stage failed", step=step.__name__, row=number, error=str(error))
    return done
