"""Who is away, who stands in for them, and who is on call by hand."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from approvals.models.people import Person, Team


class Absence(models.Model):
    """Somebody is away from `starts_at` until `ends_at`; a change ends the row and adds another."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="absences")
    stand_in = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="stands_in"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="absence_has_a_length"
            ),
            models.CheckConstraint(
                condition=Q(stand_in=None) | ~Q(stand_in=F("person")),
                name="absence_needs_another",
            ),
        )
        indexes = (
            models.Index(
                fields=("person", "ends_at"),
                condition=Q(ended_at=None),
                name="absence_of_person",
            ),
        )

    def __str__(self) -> str:
        return f"{self.person} away"


class ShiftOverride(models.Model):
    """This person is on call for a team for a while, whatever its schedule says."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="overrides")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="shifts")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="shift_has_a_length"
            ),
        )
        indexes = (
            models.Index(
                fields=("team", "ends_at"), condition=Q(ended_at=None), name="shift_of_team"
            ),
        )

    def __str__(self) -> str:
        return f"{self.person} for {self.team}"
