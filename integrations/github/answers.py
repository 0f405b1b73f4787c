"""What a waiting deployment is told: how it stands, and in the end yes or no, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from approvals.domain import display
from approvals.domain.cards import Card
from approvals.domain.terms import Basis, Status, Verdict
from approvals.models import ApprovalRequest
from integrations.github.markdown import span

COMMENT_LIMIT = 1_024
MOST_REPORTS = 10
REASON_LIMIT = 400
APPROVED, REJECTED = "approved", "rejected"
NOBODY = (
    "Nobody decided in time, so this deployment does not go on. No person said no; run the job "
    "again to ask again."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """GitHub's word for it, and ours."""

    state: str
    comment: str


def final(row: ApprovalRequest) -> Answer:
    """The answer to a request that is decided."""
    state = APPROVED if row.status == Status.APPROVED else REJECTED
    return Answer(state, within(_who(row), _link(row), reasons=_reasons(row)))


def too_late(row: ApprovalRequest, why: str) -> Answer:
    """Approved, but the approval could not be used any more."""
    words = f"It was approved, but the approval could not be used: {span(why, limit=REASON_LIMIT)}."
    return Answer(REJECTED, within(words, _link(row)))


def report(card: Card) -> str:
    """How a request stands that still waits."""
    return within(span(f"{card.badge}. {card.state_line}", limit=600), f"[{card.ref}]({card.url})")


def _who(row: ApprovalRequest) -> str:
    by = span(row.closed_by or "policy", limit=120)
    if row.status == Status.EXPIRED:
        return NOBODY
    if row.status == Status.APPROVED:
        return {
            Basis.POLICY.value: "Approved by policy; nobody had to be asked.",
            Basis.TIMEOUT.value: "Approved by silence, as its policy says.",
        }.get(row.basis, f"Approved by {by}.")
    if row.status == Status.CANCELLED:
        return f"Withdrawn by {by}. Nobody decided."
    if row.status == Status.REVOKED:
        return f"The approval was taken back by {by} before it was used."
    if row.basis == Basis.POLICY.value:
        return f"Denied by policy ({span(row.reason_code or 'policy', limit=80)})."
    return f"Denied by {by}."


def _reasons(row: ApprovalRequest) -> list[str]:
    """The words of whoever decided, and policy's where it decided."""
    wanted = Verdict.APPROVE if row.status == Status.APPROVED else Verdict.DENY
    said = [
        f"{span(str(each.person), limit=80)}: {span(display.show(each.comment).text, limit=REASON_LIMIT)}"
        for each in row.decisions.all()
        if each.verdict == wanted and each.comment
    ]
    if row.status == Status.DENIED and row.basis == Basis.POLICY.value:
        said += [span(str(why), limit=200) for why in row.because[:2]]
    return said[:3]


def _link(row: ApprovalRequest) -> str:
    return f"[{row.ref}]({settings.PUBLIC_URL}/r/{row.ref})"


def within(words: str, link: str, *, reasons: Sequence[str] = ()) -> str:
    """Words and a link within GitHub's limit; what is too long loses reasons, and no text is cut inside
    its marks."""
    for kept in range(len(reasons), -1, -1):
        whole = " ".join((words, *reasons[:kept], link))
        if len(whole) <= COMMENT_LIMIT:
            return whole
    return link
