"""Classes of action: what rates, autonomy and breakers count together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

# First match wins; an action in none of them is a class of its own, by its name.
CLASSES: Mapping[str, tuple[str, ...]] = {
    "reads": (
        "view", "view_*", "read", "read_*", "list", "list_*", "get_*", "describe_*",
        "search_*", "watch_*",
    ),
    "scaling_events": ("scale", "scale_*", "*_scale", "resize_*", "autoscale_*"),
    "deployments": (
        "deploy", "deploy_*", "*_deploy", "redeploy_*", "release_*", "rollout", "rollout_*",
        "rollback", "rollback_*", "create_deployment", "update_deployment", "promote_release",
    ),
    "notifications": ("notify", "notify_*", "send_*", "*_notification", "post_message", "page_*"),
    "restarts": ("restart", "restart_*", "reboot_*"),
    "configuration": ("modify_config", "change_config", "update_config", "config_*", "*_config"),
    "deletions": ("delete_*", "remove_*", "drop_*", "purge_*"),
}  # fmt: skip
SCALING = "scaling_events"
READS = "reads"


def class_of(action: str) -> str:
    """The class an action counts in."""
    return next((name for name, patterns in CLASSES.items() if matches(action, patterns)), action)


def reads_only(action: str) -> bool:
    """Whether an action's name says that it changes nothing."""
    return matches(action, CLASSES[READS])


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether any glob matches the whole name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
