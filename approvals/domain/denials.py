"""Why people deny: one of a few reasons and words of their own, kept alike wherever it was said."""

from __future__ import annotations

from approvals.domain import errors

WHY = {
    "wrong_value": "Wrong value or target",
    "not_allowed": "Not allowed by our rules",
    "unclear": "Not enough information",
    "suspicious": "Looks suspicious",
    "other": "Something else",
}
# A denial tells an agent and its owner what would have to change.
SHORTEST_REASON = 10
PICK_ONE = "Pick one of the reasons. Nothing was decided."


def reason(code: str, comment: str) -> str:
    """The reason as it is kept: the words alone where they are something else. Raises Invalid for a code
    that is not in the list."""
    if code not in WHY:
        raise errors.Invalid(PICK_ONE, field="why")
    return comment if code == "other" else f"{WHY[code]}: {comment}"
