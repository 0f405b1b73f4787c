"""Where one request's page leads: its agent, the rule that said how it goes, and its session."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from approvals.domain import display, search
from approvals.domain.policy.checks import Layer
from approvals.domain.search import Term
from approvals.domain.terms import Approval
from approvals.models import ApprovalRequest, Person
from approvals.services import agents, stopping

RULED = frozenset({Layer.FORBIDDEN.value, Layer.RULE.value})
LED = (Approval.FORBIDDEN.value, Approval.REQUIRED.value)


def facts(row: ApprovalRequest, person: Person) -> dict[str, Any]:
    """Addresses by the names the page uses; an empty one where there is nothing to lead to."""
    name = quote(row.agent.name, safe="")
    may_stop = row.agent.is_enabled and stopping.may_stop(person, row.agent)
    rule = matched(row)
    return {
        "agent_href": "" if row.agent.name == agents.ITSELF else f"/agents/{name}",
        "agent_history_href": _history(Term("agent", row.agent.name)),
        "stop_href": f"/agents/stop?agent={name}" if may_stop else "",
        "rule": display.show_identifier(rule, limit=120).text,
        "rule_href": f"/policies#{quote(anchor(rule), safe='')}" if rule else "",
        "session": display.show_identifier(row.session, limit=60).text,
        "session_href": _history(Term("session", row.session)) if row.session else "",
    }


def anchor(rule: str) -> str:
    """Where a rule stands on the page of policies, whichever version is in force."""
    return f"rule-{'-'.join(rule.split())}"


def matched(row: ApprovalRequest) -> str:
    """The name of the rule that refused this or asked for people, else of the first that fitted it."""
    ruled = [check for check in row.evaluation if check.get("check") in RULED and check.get("rule")]
    for led in LED:
        if found := next((check for check in ruled if check.get("leads_to") == led), None):
            return str(found["rule"])
    return str(ruled[0]["rule"]) if ruled else ""


def _history(term: Term) -> str:
    """The search for exactly that; nothing where no search can say it."""
    text = search.written([term])
    understood = search.parse(text)
    is_exact = not understood.problems and understood.terms == (term,)
    return f"/history?{urlencode({'q': text})}" if is_exact else ""
