"""The walk along the chains, for the commands here."""

from __future__ import annotations

from approvals.services.chains import Found, as_of_now, walk

__all__ = ["Found", "as_of_now", "walk"]
