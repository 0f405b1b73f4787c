"""`countersign user`"""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password

from approvals.domain import errors
from approvals.models import Person
from approvals.models.people import Role
from approvals.services import clock, people, sign_in
from countersign import terminal
from countersign.outcomes import YES, Misused
from countersign.server import operators


def add(asked: argparse.Namespace) -> int:
    """Add a person or bring one up to date; the same command twice changes nothing."""
    manager = existing(asked.manager) if asked.manager else None
    password = _password() if asked.password_stdin else None
    person = people.add(
        email=asked.email,
        name=asked.name,
        teams=asked.team,
        role=Role(asked.role) if asked.role else None,
        manager=manager,
        password=password,
        at=clock.now(),
        actor=operators.me(),
    )
    if asked.json:
        terminal.give({"id": person.pk, "email": person.email})
    else:
        teams = ", ".join(person.teams.order_by("name").values_list("name", flat=True)) or "no team"
        terminal.say(f"{person} <{person.email}> is in {teams}.")
    return YES


def token(asked: argparse.Namespace) -> int:
    """A personal token, shown once."""
    raw = people.issue_token(
        person=existing(asked.email),
        scopes=asked.scope or people.SCOPES,
        name="from the command line",
        at=clock.now(),
        actor=operators.me(),
    )
    if asked.json:
        terminal.give({"token": raw})
    else:
        terminal.say(f"Token (shown once): {raw}")
    return YES


def link(asked: argparse.Namespace) -> int:
    """Bind an account elsewhere to a person: an operator's act, written into history."""
    identity = people.link(
        person=existing(asked.email),
        kind=asked.kind,
        external_id=asked.id,
        verified_by="operator",
        actor=operators.me(),
        at=clock.now(),
    )
    facts = {"email": identity.person.email, "kind": identity.kind, "id": identity.external_id}
    if asked.json:
        terminal.give(facts)
    else:
        terminal.say(f"{facts['kind']} {facts['id']} is {facts['email']}.")
    return YES


def reset(asked: argparse.Namespace) -> int:
    """For whoever lost their device: forget what proved who they are, but for the password."""
    person = existing(asked.email)
    gone = sign_in.reset(person=person, actor=operators.me(), at=clock.now())
    if asked.json:
        terminal.give({"email": person.email, **gone})
    else:
        terminal.say(
            f"{person.email}: {gone['passkeys']} passkeys, {gone['codes']} one-time codes and "
            f"{gone['single_sign_on']} single sign-on accounts forgotten. Their sessions go on."
        )
    return YES


def show_all(asked: argparse.Namespace) -> int:
    """Everybody, with their teams and accounts elsewhere."""
    rows = [
        _facts(person)
        for person in Person.objects.prefetch_related("teams", "identities").order_by("email")
    ]
    if asked.json:
        terminal.give(rows)
        return YES
    cells = [
        (
            row["email"],
            row["name"],
            row["role"] if row["active"] else "inactive",
            ", ".join(row["teams"]),
            ", ".join(f"{kind} {account}" for kind, account in row["accounts"]),
        )
        for row in rows
    ]
    terminal.say(terminal.table(("E-MAIL", "NAME", "ROLE", "TEAMS", "ACCOUNTS"), cells))
    return YES


def existing(email: str) -> Person:
    """The active person with this address. Raises NotFound."""
    person = people.by_email(email)
    if person is None:
        raise errors.NotFound(
            f"Nobody here has the address {email!r}. Nothing was changed. "
            f"Add them: countersign user add {email}"
        )
    return person


def _facts(person: Person) -> dict[str, Any]:
    return {
        "id": person.pk,
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "active": person.is_active,
        "teams": sorted(team.name for team in person.teams.all()),
        "accounts": sorted((each.kind, each.external_id) for each in person.identities.all()),
    }


def _password() -> str:
    """One line of standard input, or typed unseen; a weak one is refused. Raises ValidationError."""
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Misused("No password came. Nothing was changed.")
    validate_password(password)
    return password
