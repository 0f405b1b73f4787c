"""The service's refusals, in words for a terminal."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import DatabaseError

from approvals.domain.errors import Refusal
from approvals.domain.policy.reading import PolicyInvalid
from approvals.services.policies import NoPolicy

REFUSALS = (Refusal, PolicyInvalid, NoPolicy, ValidationError)


def of(error: Exception) -> str:
    """What happened, what did not, and what to do."""
    if isinstance(error, Refusal):
        return error.words
    if isinstance(error, PolicyInvalid):
        return f"{error}\nNothing was applied; the policy that was in force stays."
    if isinstance(error, ValidationError):
        return f"{' '.join(error.messages)} Nothing was changed."
    return str(error)


def of_database(error: DatabaseError) -> str:
    """A database that is not there, or not prepared."""
    first = str(error).strip().splitlines() or [type(error).__name__]
    return (
        f"The database could not be asked: {first[0]}. "
        "Check DATABASE_URL or DATA_DIR; on a new database start the service once: countersign up"
    )
