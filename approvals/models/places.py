"""Where a vendor let our bot in, so that it can speak there first."""

from __future__ import annotations

from django.db import models


class Place(models.Model):
    """A conversation at a vendor, as the vendor itself described it to us.

    `external_id` is the vendor's id and never changes; `name` is what people call it, theirs to
    change and not unique. `handle` is what an adapter needs to write there. `members` maps the
    account of somebody seen there (the external id of an identity) to the id the vendor addresses
    them by. `left_at` is set while the bot is not let in.
    """

    adapter = models.CharField(max_length=20)
    external_id = models.CharField(max_length=400)
    name = models.CharField(max_length=300, blank=True)
    handle = models.JSONField(default=dict)
    members = models.JSONField(default=dict)
    seen_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("adapter", "external_id"), name="place_once"),
        )
        indexes = (models.Index(fields=("adapter", "name"), name="place_by_name"),)

    def __str__(self) -> str:
        return f"{self.adapter} {self.name or self.external_id}"
