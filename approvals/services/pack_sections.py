"""One request in an evidence pack: what was asked and why, who decided what they saw, and whether it ran."""

from __future__ import annotations

import json
from collections.abc import Mapping

from approvals.domain import changes, display
from approvals.domain.state import clock
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent
from approvals.services import audit, rule_texts
from approvals.services.dossiers import Dossier, by, is_as_hashed, ran
from approvals.services.paper import Paper

Texts = Mapping[str, rule_texts.RuleText]
RESULTS = {"pass": "Passed", "fail": "Failed", "could_not_check": "Could not be checked"}
STATUS = {
    "pending": "Waiting", "investigating": "Question open", "approved": "Approved", "denied": "Denied",
    "expired": "Not decided in time", "cancelled": "Withdrawn", "revoked": "Revoked before use",
}  # fmt: skip
RAN = {
    "success": "It ran, and its agent reports success.",
    "failure": "It ran, and its agent reports that it failed.",
    "rolled_back": "It ran, and was rolled back.",
    "started": "It was started; its agent has not reported how it went.",
    "not started": "It was approved and has not been started.", "no": "It did not run.",
}  # fmt: skip
SIGNED_IN = {
    "password_session": "signed in with a password", "passkey_session": "signed in with a passkey",
    "password_and_code_session": "signed in with a password and a one-time code",
    "oidc_session": "signed in by single sign-on", "password_again": "gave the password again",
    "token": "with a personal token",
}  # fmt: skip
LONGEST = 20_000  # characters of one text of an agent; the JSON export has all of it
LONGEST_RAW = 40_000
MOST_PARAMETERS = 500  # of one request, each on lines of its own; the JSON export has all of them


def write(paper: Paper, dossier: Dossier, texts: Texts) -> None:
    """Everything about one request, from its question to whether it ran."""
    row, card = dossier.row, dossier.card
    paper.heading(f"{row.ref}  {card.headline}", size=14)
    paper.text_block(f"{STATUS[row.status]}. {_result(row)}")
    for note in (
        *display.show_identifier(row.action).notes,
        *display.show_identifier(row.target).notes,
    ):
        paper.text_block(f"! {note}")
    paper.heading("Recorded by this service")
    paper.fact("Who asked", f"agent {display.show_identifier(row.agent.name).text}")
    paper.fact(
        "What",
        f"{display.show_identifier(row.action).text} on {display.show_identifier(row.target).text}",
    )
    paper.fact("When", clock(row.created_at))
    paper.fact(
        "Risk",
        f"{row.risk} (computed {row.risk_computed}, claimed {row.risk_claimed or 'nothing'})",
    )
    for fact in card.facts:
        paper.fact(fact.name, fact.value)
    paper.fact("Digest of the parameters", row.parameters_sha256, mono=True)
    paper.fact(
        "",
        "It fits the parameters below."
        if is_as_hashed(row)
        else "IT DOES NOT FIT THE PARAMETERS BELOW.",
    )
    _parameters(paper, dossier)
    _why(paper, dossier, texts)
    _said_by_agent(paper, dossier)
    _decisions(paper, dossier)
    _thread(paper, dossier)
    _deliveries(paper, dossier)
    _release(paper, dossier)
    _chain(paper, dossier)


def _result(row: ApprovalRequest) -> str:
    return RAN[ran(row)] if row.closed_at else "It waits for a decision, and nothing has run."


def _parameters(paper: Paper, dossier: Dossier) -> None:
    submission = dossier.row.submission
    parameters = display.parameters(submission["parameters"], limit=LONGEST)
    drawn = parameters[:MOST_PARAMETERS]
    paper.heading(f"Parameters ({len(drawn):,} of {len(parameters):,})")
    if len(drawn) < len(parameters):
        left = len(parameters) - len(drawn)
        paper.text_block(f"! {left:,} are not drawn here; the JSON Lines export has them.")
    for each in drawn:
        notes = "".join(f"\n! {note}" for note in each.shown.notes)
        means = f"  ({each.means})" if each.means else ""
        paper.fact(each.path, f"{each.shown.text}{means}  [{each.kind}]{notes}", mono=True)
    paper.heading("What would change")
    found = changes.of(submission)
    for change in found:
        said = " (the agent's word)" if change.is_claim else ""
        paper.fact(change.name, f"− {change.before}{said}\n+ {change.after}", mono=True)
    if not found:
        paper.text_block(changes.why_none(submission), faint=True)
    paper.heading("Raw parameters, escaped")
    raw = json.dumps(submission["parameters"], ensure_ascii=True, indent=1)
    paper.text_block(cut(raw, LONGEST_RAW), mono=True)


def _why(paper: Paper, dossier: Dossier, texts: Texts) -> None:
    row = dossier.row
    paper.heading(f"Under which rule: version {row.policy_version}")
    paper.fact("Reason", row.reason_code.replace("_", " ") or "the risk matrix")
    for reason in dossier.card.because:
        paper.text_block(f"• {reason}")
    for check in row.evaluation:
        place = rule_texts.key(row.policy_version, check)
        rule = f"  Rule {check['rule']}" if check.get("rule") else ""
        text = f" (text {texts[place].mark})" if place in texts else ""
        words = display.show(str(check.get("words", "")), limit=600).text
        result = RESULTS.get(str(check.get("result")), RESULTS["could_not_check"])
        paper.fact(str(check.get("check", "")).replace("_", " "), f"{result}. {words}{rule}{text}")


def _said_by_agent(paper: Paper, dossier: Dossier) -> None:
    claims = dossier.card.claims
    if not claims:
        return
    paper.heading("The agent says · not checked")
    for claim in claims:
        notes = "".join(f"\n! {note}" for note in claim.shown.notes)
        paper.boxed(claim.name, cut(claim.shown.text, LONGEST) + notes)


def _decisions(paper: Paper, dossier: Dossier) -> None:
    row = dossier.row
    paper.heading("Decisions")
    paper.fact("Decided by", display.show_identifier(by(row)).text or "nobody yet")
    for given, said in zip(dossier.decisions, dossier.card.said, strict=True):
        how = SIGNED_IN.get(given.authenticated_by, given.authenticated_by.replace("_", " "))
        told = (
            f"{given.verdict.upper()} at {clock(given.at)} ({audit.stamp(given.at)})\n"
            f"{given.person.email}, in {given.channel}, {how or 'sign-in not recorded'}\n"
            f"Shown: version {given.version}, digest {given.shown_sha256 or 'not recorded'}"
        )
        comment = display.show(given.comment, limit=LONGEST).text
        paper.fact(said.by, told + (f"\n“{comment}”" if comment else ""))
    for look in dossier.looks:
        paper.fact(
            str(look.person),
            f"opened the page {clock(look.first_at)}, last saw version {look.version}",
        )


def _thread(paper: Paper, dossier: Dossier) -> None:
    if not dossier.messages:
        return
    paper.heading("Questions and answers")
    for said in dossier.messages:
        by_agent = said.from_agent or said.person is None
        label = "The agent says · not checked" if by_agent else str(said.person)
        paper.boxed(f"{label}, {clock(said.at)}", display.show(said.text, limit=LONGEST).text)


def _deliveries(paper: Paper, dossier: Dossier) -> None:
    paper.heading("Deliveries")
    if not dossier.deliveries:
        paper.text_block("Nothing was sent anywhere about this request.", faint=True)
    for sent in dossier.deliveries:
        error = f"\n{display.show(sent.last_error, limit=300).text}" if sent.last_error else ""
        when = clock(sent.finished_at or sent.created_at)
        address = display.show_identifier(sent.address, limit=120).text
        paper.fact(f"{sent.adapter} {sent.kind}", f"{sent.state} {when}, to {address}{error}")


def _release(paper: Paper, dossier: Dossier) -> None:
    row = dossier.row
    paper.heading("Whether it ran")
    paper.fact(
        "Approval usable until",
        clock(row.grant_expires_at) if row.grant_expires_at else "never given",
    )
    paper.fact("Started", clock(row.consumed_at) if row.consumed_at else "never")
    paper.fact("Result", _result(row))
    if row.outcome:
        told = json.dumps(row.outcome, ensure_ascii=False, indent=1)
        paper.boxed("The agent reports · not checked", display.show(told, limit=LONGEST).text)


def _chain(paper: Paper, dossier: Dossier) -> None:
    row, broken = dossier.row, dossier.broken
    paper.heading("Chain of events")
    paper.text_block(
        f"Intact: {row.position} events, every link holds." if broken is None
        else f"BROKEN at event {broken.seq}: {broken.why}."
    )  # fmt: skip
    for event in dossier.events:
        words = event.type.replace(".", " ").replace("_", " ")
        paper.fact(
            f"{event.seq}  {words}",
            f"{audit.stamp(event.at)}  {_actor(event)}\n{event.hash}",
            mono=True,
        )


def _actor(event: AuditEvent) -> str:
    detail = event.entry.get("detail") or {}
    refused = ""
    if event.type == EventKind.DECISION_REFUSED:
        refused = (
            f", refused: {display.show_identifier(str(detail.get('words', '')), limit=200).text}"
        )
    return display.show_identifier(event.actor, limit=120).text + refused


def cut(text: str, most: int) -> str:
    """A text of at most so many characters, and how many are missing."""
    if len(text) <= most:
        return text
    missing = (
        f"… {len(text) - most:,} characters are not shown here; the JSON Lines export has them."
    )
    return f"{text[:most]}\n{missing}"
