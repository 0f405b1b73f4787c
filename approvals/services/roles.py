"""Who may run the place: refusals by role, in words."""

from __future__ import annotations

from approvals.domain import errors
from approvals.models import Person
from approvals.models.people import Role


class NotYours(errors.NotAllowed):
    """This is for people of another role."""


def refuse_unless_operator(person: Person, *, doing: str) -> None:
    """Raises NotYours; `doing` is a sentence's beginning, such as "Changing a secret"."""
    if not (person.is_active and person.role == Role.OPERATOR):
        raise NotYours(
            f"{doing} is for operators, and your role is {person.role}. Nothing was changed."
        )


def runs_the_place(person: Person) -> bool:
    """Operators see which settings are set; nobody ever sees what they are."""
    return person.is_active and person.role == Role.OPERATOR
