"""How each person wants the dashboard: read with what is usual filled in, changed by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from approvals.domain import errors
from approvals.models import Person
from approvals.models.desk import Preferences

# What may be chosen; the first of each is usual and never stored.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "time_zone": ("utc", "mine", "both", "agent"),
    "shortcuts": ("on", "off"),
    "density": ("calm", "dense"),
    "contrast": ("usual", "more"),
    "motion": ("usual", "less"),
}


def complete(chosen: Mapping[str, object]) -> dict[str, str]:
    """Every preference: what was chosen where it is still a choice, and what is usual elsewhere."""
    found = {}
    for name, words in CHOICES.items():
        wanted = chosen.get(name)
        found[name] = wanted if isinstance(wanted, str) and wanted in words else words[0]
    return found


def read(person: Person) -> dict[str, str]:
    """All preferences of a person, e.g. `{"time_zone": "utc", "shortcuts": "on", …}`."""
    row = Preferences.objects.filter(person=person).first()
    return complete(row.chosen if row else {})


def change(*, person: Person, at: datetime, chosen: Mapping[str, str]) -> dict[str, str]:
    """Change the preferences named; the others stay. Raises Invalid for what is no choice."""
    for name, word in chosen.items():
        if word not in CHOICES.get(name, ()):
            raise errors.Invalid(f"{name!r} cannot be {word!r}. Nothing was changed.", field=name)
    with transaction.atomic():
        Preferences.objects.get_or_create(person=person, defaults={"changed_at": at})
        row = Preferences.objects.select_for_update().get(person=person)
        wanted = complete(row.chosen | dict(chosen))
        others = {name: kept for name, kept in row.chosen.items() if name not in CHOICES}
        unusual = {name: word for name, word in wanted.items() if word != CHOICES[name][0]}
        row.chosen = others | unusual
        row.changed_at = at
        row.save(update_fields=["chosen", "changed_at"])
    return wanted
