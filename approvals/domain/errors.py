"""
Refusals, each with a stable code; doors translate the code, nobody parses the words.

Refusal
├── Invalid              422  the code says which rule of the input was broken
├── NotAllowed           403
│   ├── NotAnApprover         not_an_approver
│   ├── FreshSignInNeeded     fresh_sign_in_needed
│   ├── OwnAgent              own_agent
│   └── SelfApproval          self_approval
├── NotFound             404  not_found
│   └── NoSuchRequest         not_found
├── Conflict             409
│   ├── AlreadyDecided        already_decided
│   ├── SamePerson            same_person
│   ├── SeatTaken             seat_taken
│   ├── Changed               changed
│   ├── NotApproved           not_approved
│   ├── AlreadyConsumed       already_consumed
│   ├── ParametersChanged     parameters_changed
│   ├── NotConsumed           not_consumed
│   ├── OutcomeConflict       outcome_conflict
│   ├── NotInvestigating      not_investigating
│   └── PauseUsedUp           pause_used_up
├── Gone                 410
│   ├── Expired               expired
│   └── GrantExpired          grant_expired
└── TooMany              429  `retry_after` in the facts says in how many seconds there is room
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """The service says no, by name and in words a person can act on."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400

    def __init__(self, words: str, **facts: object) -> None:
        super().__init__(words)
        self.words = words
        self.facts = facts


class Invalid(Refusal):
    """The input breaks a rule that its sender can mend."""

    code = "invalid"
    status = 422


class NotAllowed(Refusal):
    code = "not_allowed"
    status = 403


class NotAnApprover(NotAllowed):
    code = "not_an_approver"


class FreshSignInNeeded(NotAllowed):
    """Whoever approves must have signed in just now, which only the web can know."""

    code = "fresh_sign_in_needed"


class OwnAgent(NotAllowed):
    code = "own_agent"


class SelfApproval(NotAllowed):
    code = "self_approval"


class NotFound(Refusal):
    code = "not_found"
    status = 404


class NoSuchRequest(NotFound):
    """No request of this name, or none this caller may see; the two read alike on purpose."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no request {ref[:60]!r} that you may see.")


class Conflict(Refusal):
    code = "conflict"
    status = 409


class AlreadyDecided(Conflict):
    code = "already_decided"


class SamePerson(Conflict):
    code = "same_person"


class SeatTaken(Conflict):
    code = "seat_taken"


class Changed(Conflict):
    code = "changed"


class NotApproved(Conflict):
    code = "not_approved"


class AlreadyConsumed(Conflict):
    code = "already_consumed"


class ParametersChanged(Conflict):
    code = "parameters_changed"


class NotConsumed(Conflict):
    code = "not_consumed"


class OutcomeConflict(Conflict):
    code = "outcome_conflict"


class NotInvestigating(Conflict):
    code = "not_investigating"


class PauseUsedUp(Conflict):
    code = "pause_used_up"


class Gone(Refusal):
    code = "gone"
    status = 410


class Expired(Gone):
    code = "expired"


class GrantExpired(Gone):
    code = "grant_expired"


class TooMany(Refusal):
    """Asked too often; `retry_after` among the facts is in seconds."""

    code = "too_many"
    status = 429
