"""What a request would change, for the pages here."""

from __future__ import annotations

from approvals.domain.changes import NO_MATCH, NO_STATE, Change, of, why_none

__all__ = ["NO_MATCH", "NO_STATE", "Change", "of", "why_none"]
