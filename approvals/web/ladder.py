"""How much an approval on the dashboard asks of a person: little for low risk, a good deal for critical."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.signing import Signer
from django.utils.crypto import constant_time_compare

from approvals.domain import amounts, display, errors, plan, proving
from approvals.domain.cards import Card
from approvals.domain.terms import RiskLevel
from approvals.models import ApprovalRequest, Person

CHARACTERS = 4
LONG = 400  # characters of a value that are shown before it is opened
NOTHING = "Nothing was approved."


@dataclass(frozen=True, slots=True)
class Fact:
    """What must be typed, and how people are asked for it."""

    wanted: str
    words: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """What approving asks for. `must_open` means every value in full, and for critical all facts."""

    fact: Fact | None
    needs_reason: bool
    needs_fresh: bool
    must_open: bool

    @property
    def is_one_click(self) -> bool:
        return not (self.fact or self.needs_reason or self.needs_fresh or self.must_open)


def of(row: ApprovalRequest, person: Person, *, version: int) -> Ladder:
    """The same for everybody but the fact, which differs by person and by version."""
    is_critical = row.risk == RiskLevel.CRITICAL
    is_grave = is_critical or row.risk == RiskLevel.HIGH
    proof = proving.wanted(plan.from_json(row.plan), by_session=True)
    return Ladder(
        fact=_fact(row, person, version=version) if is_critical else None,
        needs_reason=proof.reason,
        needs_fresh=proof.fresh,
        must_open=is_critical or (is_grave and is_long(row)),
    )


def is_long(row: ApprovalRequest) -> bool:
    """Whether a value is too long to be shown whole at first sight."""
    short = display.parameters(row.submission["parameters"], limit=LONG)
    return not all(each.shown.complete for each in short)


def confirms_first(ladder: Ladder, row: ApprovalRequest) -> bool:
    """High risk and above restate what runs before it can be approved."""
    return not ladder.is_one_click or row.risk in {RiskLevel.HIGH, RiskLevel.CRITICAL}


def opened(row: ApprovalRequest, person: Person, *, version: int) -> str:
    """What a page that shows everything gives its form, so that the form proves it."""
    return Signer(salt="request.opened").sign(f"{row.pk}.{version}.{person.pk}")


def refuse_short(
    ladder: Ladder,
    row: ApprovalRequest,
    card: Card,
    person: Person,
    sent: Mapping[str, Any],
) -> None:
    """Raise Invalid for whatever a sent approval lacks, with its field; freshness is asked elsewhere."""
    if not card.readable:
        raise errors.Invalid(
            f"We could not draw this request safely, so it cannot be approved. {NOTHING}",
            field="opened",
        )
    wanted = opened(row, person, version=sent["version"])
    if ladder.must_open and not constant_time_compare(sent["opened"], wanted):
        raise errors.Invalid(
            f"Open everything that would run before you approve it. {NOTHING}", field="opened"
        )
    if ladder.fact and sent["confirm"].strip() != ladder.fact.wanted:
        raise errors.Invalid(
            f"That is not it. Type exactly {ladder.fact.words}. {NOTHING}", field="confirm"
        )
    if ladder.needs_reason and not sent["comment"].strip():
        raise errors.Invalid(f"This risk needs a reason to approve. {NOTHING}", field="comment")


def _fact(row: ApprovalRequest, person: Person, *, version: int) -> Fact:
    """One of the things worth looking at, not always the same, so that it cannot become a reflex."""
    facts = [_end_of_target(row)]
    for name, value in amounts.of(row.submission["parameters"]):
        facts.append(Fact(value, f"the value of “{name}”"))
    message = f"{row.public_id} {version} {person.pk}".encode()
    digest = hmac.digest(settings.SECRET_KEY.encode(), message, hashlib.sha256)
    return facts[digest[0] % len(facts)]


def _end_of_target(row: ApprovalRequest) -> Fact:
    """Of a target that nobody could type as it stands, the fingerprint is what to look at."""
    last = row.target.strip()[-CHARACTERS:].strip()
    if (
        not last
        or display.show_identifier(last).flags
        or display.show_identifier(last).text != last
    ):
        last = display.fingerprint(row.action_sha256)[-CHARACTERS:]
        return Fact(last, "the last 4 characters of the fingerprint")
    return Fact(last, f"the last {len(last)} characters of the target")
