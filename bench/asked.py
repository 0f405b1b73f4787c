"""The pages that are measured beside a long past, each a name and an address."""

from __future__ import annotations

from urllib.parse import urlencode

from bench.past import PAST

RAN = "ran:yes ran:failed ran:rolled-back"
QUESTIONS = (  # as the page of history offers them: what is searched, and what is shown of it
    ("after:1h", ""),
    ("outcome:approved is:asked", ""),
    ("after:7d", "why"),
    (RAN, "before"),
    (RAN, "undo"),
)
EVERYTHING = "agent:agent-30 outcome:denied risk:high by:dana after:21d param.amount>500"
SEARCHES = {
    "six tokens": EVERYTHING,
    "an agent's denials": "agent:agent-30 outcome:denied",
    "a rare agent": "agent:agent-rare",
    "a rare agent's failures": "agent:agent-rare ran:failed",
    "two rare ones at once": "action:drop_database by:zoe",
    "decided by one": "by:dana",
    "decided by one, long ago": "by:zoe",
    "nobody was asked": "is:automatic risk:low",
    "failed": "ran:failed",
    "a team, three weeks": "team:team-leads after:21d",
    "a rule": "rule:action_forbidden",
    "a parameter": "param.amount>990",
    "a parameter none has": "param.colour=red",
    "words": "service-4711",
    "words nobody wrote": "xylophone",
    "what cannot be": "is:stand-in",
    "before a date": "before:90d",
    "between dates": "agent:agent-30 after:60d before:59d",
    "none of that outcome": "outcome:cancelled outcome:revoked",
}


def history(text: str = "", **more: str) -> str:
    return f"/history?{urlencode({'q': text, **more})}"


def pages(*, waiting: tuple[int, int], past: int) -> dict[str, str]:
    """Every page by its name; `waiting` are the first and last number that wait, `past` one that is over."""
    middle = str(PAST // 2)
    return {
        "queue, for you": "/queue",
        "queue, all waiting": "/queue?tab=all",
        "queue, what changed": f"/queue/rows?tab=all&known=REQ-{waiting[0]}~0",
        "a waiting request": f"/r/REQ-{waiting[-1]}",
        "a past request": f"/r/REQ-{past}",
        "history": "/history",
        "history, its middle": history(older=middle),
        "history, an agent's middle": history("agent:agent-30", older=middle),
        "history, words in the middle": history("service-4711", older=middle),
        **{f"history: {name}": history(text) for name, text in SEARCHES.items()},
        **{
            f"question {number}": history(text, **({"show": shows} if shows else {}))
            for number, (text, shows) in enumerate(QUESTIONS, 1)
        },
        "newer ones": f"/history/newer?{urlencode({'q': EVERYTHING, 'above': middle})}",
        "changes": "/history/changes",
        "insights, 30 days": "/insights",
        "insights, 90 days": "/insights?days=90",
        "guardrails, a day": "/guardrails",
        "guardrails, a month": "/guardrails?span=month",
        "agents": "/agents",
        "the busiest agent": "/agents/agent-39",
    }
