"""What an absent person lends: their part of a decision, to one stand-in, for as long as they are away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Lent:
    """The part of an absent person, in somebody's hands during `span`.

    `id`, `name` and `account` are the absent person's, `teams` what they belong to now. It does not hold
    while the stand-in is away as well (`unless`): nobody stands in for a stand-in.
    """

    id: int
    name: str
    account: str
    teams: frozenset[str]
    span: Span
    unless: tuple[Span, ...] = ()

    def holds(self, at: datetime) -> bool:
        """Whether the part is lent at a moment; its first instant counts, its last does not."""
        return _within(self.span, at) and not any(_within(span, at) for span in self.unless)


def _within(span: Span, at: datetime) -> bool:
    return span[0] <= at < span[1]
