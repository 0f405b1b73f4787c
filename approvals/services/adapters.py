"""The adapters named in settings, made once per process."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from approvals.ports import Adapter


@lru_cache(maxsize=1)
def enabled() -> dict[str, Adapter]:
    """Adapters by name, in the order of `settings.ADAPTERS`."""
    made: list[Adapter] = [import_string(path)() for path in settings.ADAPTERS]
    return {adapter.name: adapter for adapter in made}


def _forget(**_: object) -> None:
    """An adapter reads its settings when it is made, so any change of settings makes it anew."""
    enabled.cache_clear()


setting_changed.connect(_forget)
