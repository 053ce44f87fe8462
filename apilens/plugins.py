"""Parts that other packages add to a table, by standard entry points."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

from apilens.errors import ConfigError


@lru_cache(maxsize=8)
def plugins(group: str) -> tuple[Any, ...]:
    """Return what installed packages register under an entry point group such as `apilens.formats`, by name.

    Raises ConfigError naming the entry point that cannot be loaded: an answer without it could be wrong.
    """
    found = []
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        try:
            found.append(point.load())
        except Exception as error:
            raise ConfigError(f"plugin {point.name} ({point.value}) cannot be loaded: {error}") from error
    return tuple(found)
