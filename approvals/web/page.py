"""Everything one request's page shows, in the order it is read; nothing here writes."""

from __future__ import annotations

from typing import Any

from approvals.domain import amounts, display, itself, touched
from approvals.domain.cards import RISK_SHAPE
from approvals.domain.terms import RiskLevel, Status
from approvals.models import ApprovalRequest
from approvals.queries import troubles
from approvals.queries.similar import similar_to
from approvals.services import dead_letters
from approvals.services.policy_changes import EFFECT as DRAFTED
from approvals.web import (
    acting,
    changes,
    deciders,
    dialogs,
    evaluation,
    moments,
    request_links,
    standing,
    suggestion,
    thread,
    timeline,
    undoing,
    values,
)
from approvals.web.dialogs import Typed
from approvals.web.reading import Reading

MARKS = {"OK": "ok", "CAUTION": "caution", "COULD NOT CHECK": "unknown"}
DECIDED = frozenset({Status.APPROVED, Status.DENIED})
FOLDED = frozenset({RiskLevel.HIGH, RiskLevel.CRITICAL})
SIGNED_IN = {
    "password_session": "signed in by password",
    "password_and_code_session": "signed in by password and code",
    "passkey_session": "signed in by passkey",
    "oidc_session": "signed in by single sign-on",
    "password_again": "password given again",
    "token": "by a personal token",
}


def facts(reading: Reading, typed: Typed) -> dict[str, Any]:
    """The page's facts by the names its templates use."""
    return {
        **_top(reading),
        **_what(reading),
        **_why(reading),
        **_says(reading),
        **acting.facts(reading, typed),
        **_people(reading),
        **_past(reading),
        **request_links.facts(reading.row, reading.person),
        "suggestion": suggestion.of(reading.row, reading.person),
        **thread.facts(reading),
        "troubles": troubles.of(reading.row, now=reading.now),
        "may_resend": reading.person.role in dead_letters.RESENDERS,
    }


def _top(reading: Reading) -> dict[str, Any]:
    card, state, row = reading.card, reading.state, reading.row
    badge = standing.of(state, is_yours=reading.may_approve)
    return {
        "section": "queue",
        "now": reading.now,
        "card": card,
        "object": dialogs.spoken(card),
        "sentence": dialogs.spoken(card).replace(" · ", " on ", 1),
        "how_much": amounts.told(row.submission["parameters"]),
        "odd": [
            *display.show_identifier(row.action).notes,
            *display.show_identifier(row.target).notes,
        ],
        "agent": display.show_identifier(row.agent.name, limit=80).text,
        "agent_zone": row.agent.time_zone,
        "shape": RISK_SHAPE[card.risk],
        "status_words": badge.words,
        "status_class": badge.css,
        "flags": sorted(flag.value.replace("_", " ") for flag in card.flags),
        "deadline": moments.deadline(state, now=reading.now) if card.is_open else None,
        "ended_at": row.closed_at,
        "ended_words": "Decided" if state.status in DECIDED else "Ended",
        "filled": state.filled if state.plan.stages else 0,
        "seats": state.current.seats if state.plan.stages else 0,
        "since": reading.since,
        "live_query": reading.live_query,
        "held": undoing.held_now(
            reading.held, reading.person, now=reading.now, held_for=reading.held_for
        ),
        "held_lost": undoing.lost(reading.held, reading.person),
        "in_full": reading.in_full,
    }


def _what(reading: Reading) -> dict[str, Any]:
    row, submission = reading.row, reading.row.submission
    parameters = values.drawn(row, reading.card, in_full=reading.in_full)
    impact = submission.get("impact") or {}
    told = changes.of(submission)
    return {
        "parameters": parameters,
        "cut": sum(1 for each in parameters if each.is_cut),
        "is_ours": bool(row.effect),
        "effects": itself.effects(submission) if row.effect else (),
        "evidence": itself.all_evidence(submission) if row.effect else (),
        "difference": itself.difference(submission) if row.effect else (),
        "draft": submission["parameters"].get("draft") if row.effect == DRAFTED else None,
        "recipients": touched.every_recipient(submission),
        "has_meanings": any(each.means for each in parameters),
        "raw_parameters": values.raw(row),
        "action_sha256": row.action_sha256,
        "changes": told,
        "claims_before": any(change.is_claim for change in told),
        "no_changes": changes.why_none(submission),
        "reach": [f"{impact[key]:,} {noun}" for key, noun in REACH.items() if _counts(impact, key)],
        "undo_words": dialogs.undo_words(row),
    }


REACH = {"users": "users", "pods": "pods", "replica_percent": "percent of the replicas"}


def _counts(impact: dict[str, Any], key: str) -> bool:
    found = impact.get(key)
    return isinstance(found, (int, float)) and not isinstance(found, bool)


def _why(reading: Reading) -> dict[str, Any]:
    row, card = reading.row, reading.card
    made = evaluation.drawn(row)
    sources = [" ".join(part for part in (each["rule"], each["place"]) if part) for each in made]
    sources += [""] * len(card.checks)  # the last line speaks of the text, and of no rule
    return {
        "policy_version": row.policy_version,
        "reason_words": row.reason_code.replace("_", " ").capitalize()
        or "The risk matrix says so.",
        "why_title": evaluation.title(row),
        "evaluation": made,
        "checks": sorted(
            (
                {
                    "mark": line.mark,
                    "words": line.words,
                    "css": MARKS.get(line.mark, "unknown"),
                    "source": source,
                }
                for line, source in zip(card.checks, sources, strict=False)
            ),
            key=lambda line: line["mark"] == "OK",  # what asks for attention stands first
        ),
        "checked_at": row.created_at,
    }


def _says(reading: Reading) -> dict[str, Any]:
    """What the agent says stands after the facts: for high risk folded, for critical until they are open."""
    risk = reading.card.risk
    return {
        "claims_folded": risk in FOLDED,
        "claims_closed": risk is RiskLevel.CRITICAL
        and reading.card.is_open
        and not reading.in_full,
    }


def _people(reading: Reading) -> dict[str, Any]:
    row = reading.row
    held = [
        each for each in (*reading.held, *reading.held_for) if each.pk and undoing.is_open(each)
    ]
    known = deciders.Known(
        state=reading.state,
        you=reading.person,
        said={each.person_id: each.verdict for each in row.decisions.all()},
        held={each.person_id: each for each in held},
        looks={look.person_id: look for look in reading.looks},
        now=reading.now,
    )
    asked = deciders.teams(known)
    return {
        "teams": asked,
        "next_steps": deciders.next_steps(reading.state, reading.titles),
        "others_looking": deciders.others_looking(known, asked),
        "shown_to": [_shown(each, row) for each in row.decisions.all()],
    }


def _shown(decision: Any, row: ApprovalRequest) -> dict[str, Any]:
    door = timeline.DOORS.get(decision.channel, decision.channel)
    return {
        "by": display.show_identifier(str(decision.person)).text,
        "said": deciders.SAID.get(decision.verdict, decision.verdict),
        "at": decision.at,
        "door": door,
        "signed_in": SIGNED_IN.get(
            decision.authenticated_by, decision.authenticated_by.replace("_", " ")
        ),
        "version": decision.version,
        "fingerprint": display.fingerprint(decision.shown_sha256) if decision.shown_sha256 else "",
        "is_same": decision.shown_sha256 == row.action_sha256,
    }


def _past(reading: Reading) -> dict[str, Any]:
    near = similar_to(reading.row)
    lines = timeline.draw(reading.row, reading.events, reading.looks)
    return {
        "similar": [_similar(each) for each in near.rows],
        "similar_ended": [
            f"{count} {word}" for word, count in sorted(near.ended.items(), key=lambda one: -one[1])
        ],
        "similar_of": near.of,
        "timeline": lines,
        "hides_views": reading.may_approve,
    }


def _similar(row: ApprovalRequest) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "target": display.show_identifier(row.target, limit=80).text,
        "agent": display.show_identifier(row.agent.name, limit=80).text,
        "at": row.closed_at,
        "by": display.show_identifier(row.closed_by, limit=80).text,
        **_ended(row),
    }


def _ended(row: ApprovalRequest) -> dict[str, str]:
    badge = standing.CLOSED.get(Status(row.status)) or standing.OUTCOMES.get(row.outcome_status)
    if badge is None:
        badge = standing.Standing("▷ Running" if row.consumed_at else "✔ Approved", "status-closed")
    return {"words": badge.words, "css": badge.css}
