"""What an agent's record says about trusting it more, or less: figures per stage, without a database.

A figure is None where nothing was there to count, and 0 where something was and none of it fits.
Shares are between 0 and 1, times are seconds, costs are as agents reported them.

| stage      | figures that count                                                       |
|------------|--------------------------------------------------------------------------|
| shadow     | agreement (marks right), false_positives, incident_coverage              |
| supervised | success_rate, turnaround_p50 and _p90, escalation_rate                   |
| autonomous | seconds_to_outcome, intervention_rate, cost_per_incident                 |
| full       | automation_rate, exception_rate, customer_impact                         |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from approvals.domain.policy.autonomy import Demotion
from approvals.domain.terms import OutcomeStatus, Stage

TOO_QUICK = timedelta(seconds=5)
MOST_DENIALS = 20
EVIDENCE_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's final yes or no."""

    agreed: bool
    by: str
    reason: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class Record:
    """One request as its figures are counted. `mark` is what people said of it in shadow mode:
    wrong as soon as one of them says so. `users` is the impact the agent had stated. `questioned` says
    that somebody asked about it first, and `withdrawn` that its agent or owner took it back."""

    ref: str
    at: datetime
    asked: bool = False
    shadow: bool = False
    mark: bool | None = None
    answer: Answer | None = None
    escalated: bool = False
    questioned: bool = False
    withdrawn: bool = False
    by_itself: bool = False
    revoked: bool = False
    open: bool = False
    outcome: OutcomeStatus | None = None
    outcome_after: timedelta | None = None
    cost: float | None = None
    incidents: tuple[str, ...] = ()
    users: float | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """A denial with its reason, as those read it who decide about a promotion."""

    ref: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The figures of one agent, one class of action and one stage, since that stage began.

    `requests` are all, `asked` those put to people (in shadow mode: those marked), of which
    `agreement` is the share they approved (called right). `taken_back` counts what was withdrawn after a
    question, None where nobody asked: a request never changes, so an agent that means something else
    takes it back and asks anew.
    """

    stage: Stage | None
    since: datetime | None
    until: datetime
    requests: int
    asked: int
    decided: int
    agreement: float | None
    denials: tuple[Denied, ...] = ()
    decision_seconds: float | None = None
    success_rate: float | None = None
    escalation_rate: float | None = None
    taken_back: int | None = None
    turnaround_p50: float | None = None
    turnaround_p90: float | None = None
    false_positives: int | None = None
    incident_coverage: float | None = None
    intervention_rate: float | None = None
    cost_per_incident: float | None = None
    seconds_to_outcome: float | None = None
    automation_rate: float | None = None
    exception_rate: float | None = None
    customer_impact: float | None = None
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """As stored in a promotion's context and shown to people; moments are ISO 8601."""
        plain = asdict(self)
        return plain | {
            "stage": self.stage.value if self.stage else None,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat(),
            "denials": [asdict(denial) for denial in self.denials],
            "warnings": list(self.warnings),
        }


def weigh(
    records: Sequence[Record], *, stage: Stage | None, since: datetime | None, until: datetime
) -> Evidence:
    """All figures of these records. Those a stage does not produce are None."""
    suggested = [record for record in records if record.shadow]
    marked = [record for record in suggested if record.mark is not None]
    answers = [record.answer for record in records if record.answer]
    ended = [record for record in records if record.outcome]
    spans = sorted(answer.after.total_seconds() for answer in answers)
    agreed = [answer.agreed for answer in answers] or [record.mark is True for record in marked]
    quick = nearest_rank(spans, 50)
    return Evidence(
        stage=stage,
        since=since,
        until=until,
        requests=len(records),
        asked=sum(record.asked for record in records),
        decided=len(agreed),
        agreement=share(agreed),
        denials=_denials(records),
        decision_seconds=quick,
        success_rate=share(record.outcome is OutcomeStatus.SUCCESS for record in ended),
        escalation_rate=share(record.escalated for record in records if record.asked),
        taken_back=_taken_back(records),
        turnaround_p50=quick,
        turnaround_p90=nearest_rank(spans, 90),
        false_positives=sum(record.mark is False for record in marked) if marked else None,
        incident_coverage=share(bool(record.incidents) for record in records),
        intervention_rate=share(record.asked or record.revoked for record in records),
        cost_per_incident=_cost_per_incident(records),
        seconds_to_outcome=_mean(_seconds_to_success(ended)),
        automation_rate=share(
            record.by_itself and record.outcome is OutcomeStatus.SUCCESS for record in records
        ),
        exception_rate=share(_is_exception(record) for record in records if not record.open),
        customer_impact=_customer_impact(ended),
        warnings=tuple(_warnings(agreed, quick)),
    )


def fallen_below(answers: Sequence[bool], rule: Demotion) -> float | None:
    """The agreement over these answers where it is under the rule's threshold, else None."""
    if len(answers) < rule.minimum:
        return None
    agreement = share(answers)
    return agreement if agreement is not None and agreement < rule.agreement_below else None


def one_down(stage: Stage) -> Stage:
    """The stage below; below shadow there is none."""
    return list(Stage)[max(stage.rank - 1, 0)]


def rank(stage: Stage | None) -> int:
    """How much a stage allows. Without one the rules decide alone, which is what autonomous means."""
    return (stage or Stage.AUTONOMOUS).rank


def share(answers: Iterable[bool]) -> float | None:
    """The part of the answers that is true; None without any."""
    given = list(answers)
    return round(sum(given) / len(given), 4) if given else None


def nearest_rank(spans: Sequence[float], percent: int) -> float | None:
    """The smallest value that at least `percent` of the sorted values do not exceed."""
    if not spans:
        return None
    return spans[max(-(-len(spans) * percent // 100), 1) - 1]


def _denials(records: Iterable[Record]) -> tuple[Denied, ...]:
    found = [
        Denied(record.ref, record.answer.by, record.answer.reason)
        for record in records
        if record.answer and not record.answer.agreed
    ]
    return tuple(found[:MOST_DENIALS])


def _warnings(agreed: Sequence[bool], median: float | None) -> Iterable[str]:
    if not agreed:
        yield "Nobody decided anything at this stage yet: there is no evidence."
    if median is not None and median < TOO_QUICK.total_seconds():
        seconds = int(TOO_QUICK.total_seconds())
        yield f"Half of the decisions took under {seconds} s; this is weak evidence."


def _is_exception(record: Record) -> bool:
    """It did not end as planned: refused by a person, taken back, failed or rolled back."""
    refused = record.answer is not None and not record.answer.agreed
    went_wrong = record.outcome in (OutcomeStatus.FAILURE, OutcomeStatus.ROLLED_BACK)
    return refused or record.revoked or went_wrong


def _seconds_to_success(ended: Iterable[Record]) -> list[float]:
    return [
        record.outcome_after.total_seconds()
        for record in ended
        if record.outcome is OutcomeStatus.SUCCESS and record.outcome_after is not None
    ]


def _taken_back(records: Iterable[Record]) -> int | None:
    questioned = [record for record in records if record.questioned]
    return sum(record.withdrawn for record in questioned) if questioned else None


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None


def _cost_per_incident(records: Iterable[Record]) -> float | None:
    about = [record for record in records if record.incidents]
    costs = [record.cost for record in about if record.cost is not None]
    if not costs:
        return None
    return round(sum(costs) / len({name for record in about for name in record.incidents}), 4)


def _customer_impact(ended: Sequence[Record]) -> float | None:
    """Users the agent had said it would touch, where it went wrong."""
    if not ended:
        return None
    wrong = [record for record in ended if _is_exception(record)]
    stated = [record.users for record in wrong if record.users is not None]
    return sum(stated) if stated or not wrong else None
