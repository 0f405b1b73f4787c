"""The policy files that a command names, and what can be read of them."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from approvals.domain.policy import yaml_text
from approvals.services import policies
from countersign.outcomes import Misused


def at(given: str | None) -> dict[str, str]:
    """The policy files at a path, as `apply` will name them. Raises Misused, and PolicyInvalid for
    a file that is not UTF-8."""
    path = Path(given) if given else Path(settings.POLICY_DIR)
    try:
        if path.is_file():
            return {path.name: yaml_text.decoded(path.name, path.read_bytes())}
        files = policies.read_directory(path)
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error}. Nothing was applied.") from error
    if not files:
        raise Misused(f"There is no .yaml file in {path}. Nothing was applied.")
    return files
