"""Why a person is asked: what asks comes first, the risk after it, and the matrix last."""

from __future__ import annotations

from approvals.domain import reasons
from approvals.domain.terms import Approval

RISK = ["Scaling costs money."]
KNOWN = {"check": "agent", "words": "Known.", "leads_to": "auto"}
BLAST = {"check": "blast_radius", "words": "12 pods, at most 10.", "leads_to": "required"}
RULE = {"check": "action_rule", "words": "scale asks a person.", "leads_to": "required"}
MATRIX = {"check": "risk_matrix", "words": "Risk medium: A person must approve."} | {
    "leads_to": "required"
}
REFUSED = {"check": "scope", "words": "orders is excluded.", "leads_to": "forbidden"}


def test_what_asks_stands_before_the_risk_and_the_matrix_last() -> None:
    assert reasons.told([KNOWN, BLAST, RULE, MATRIX], RISK, Approval.REQUIRED) == (
        "12 pods, at most 10.",
        "scale asks a person.",
        "Scaling costs money.",
        "Risk medium: A person must approve.",
    )


def test_where_the_matrix_alone_asks_the_risk_is_why() -> None:
    assert reasons.told([KNOWN, MATRIX], RISK, Approval.REQUIRED)[0] == "Scaling costs money."


def test_a_refusal_names_what_refused_and_nothing_that_only_asked() -> None:
    assert reasons.told([REFUSED, BLAST, MATRIX], RISK, Approval.FORBIDDEN) == (
        "orders is excluded.",
        "Scaling costs money.",
    )


def test_what_was_let_through_names_no_check_that_was_answered() -> None:
    assert reasons.told([KNOWN, RULE], RISK, Approval.AUTO) == ("Scaling costs money.",)


def test_an_evaluation_that_does_not_say_what_asked_tells_the_risk() -> None:
    assert reasons.told([{"check": "scope", "words": "Fine."}], RISK, Approval.REQUIRED) == (
        "Scaling costs money.",
    )


def test_no_sentence_is_told_twice_or_holds_what_cannot_be_seen() -> None:
    hidden = {**BLAST, "words": "12 \u202epods"}

    assert reasons.told([hidden, hidden], [], Approval.REQUIRED) == ("12 ⟦U+202E⟧pods",)
