"""What changed rules would have spared a person: each with its list, and a rule to begin from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from approvals.domain import display, search
from approvals.domain.search import Term
from approvals.models.requests import REF_PREFIX
from approvals.queries import ruled, spared
from approvals.queries.insights import Burden
from approvals.web.policy_draft import MOST_FROM

TOP = 3


def of(burden: Burden, *, since: datetime) -> dict[str, Any]:
    """The rules that asked most, and how many questions; nothing where no rules stand out."""
    every = spared.by_rules(burden.requests)
    if not every:
        return {}
    found = every[:TOP]
    return {
        "more": len(every) - len(found),
        "count": sum(len(each.requests) for each in found),
        "href": _history(burden, since, [each.rules for each in found]),
        "plus": "" if len(burden.requests) <= spared.MOST else "+",
        "rules": [
            {
                "names": [
                    display.show_identifier(name, limit=120).text
                    for name in each.rules.split(ruled.AND)
                ],
                "count": len(each.requests),
                "href": _history(burden, since, [each.rules]),
                "draft": _draft(each.requests),
            }
            for each in found
        ],
    }


def _history(burden: Burden, since: datetime, rules: Sequence[str]) -> str:
    """The search for exactly those; nothing where no search can say it."""
    terms = (
        Term("by", burden.email),
        Term("decided-after", f"{since:%Y-%m-%d}"),
        *(Term(ruled.ASKED, each) for each in rules),
        Term("is", "closed"),
        Term("from", "agents"),
    )
    text = search.written(terms)
    understood = search.parse(text)
    is_exact = not understood.problems and understood.terms == terms
    return f"/history?{urlencode({'q': text})}" if is_exact else ""


def _draft(requests: Sequence[int]) -> str:
    refs = ",".join(f"{REF_PREFIX}{number}" for number in requests[:MOST_FROM])
    return f"/policies/draft?{urlencode({'from': refs})}"
