"""Browsers by ua-parser, which knows hundreds of them: used where the extra `ua` is installed."""

from __future__ import annotations

import functools
import importlib.util

import polars as pl

_SCHEMA = {"sdk": pl.String, "sdk_version": pl.String}


def parsed_browsers(agents: pl.Series) -> pl.DataFrame:
    """Return a row for each user agent: sdk, sdk_version; null where ua-parser knows nothing, or is not installed."""
    if not agents.count() or not _installed():
        return pl.DataFrame(
            {name: pl.repeat(None, agents.len(), dtype=dtype, eager=True) for name, dtype in _SCHEMA.items()}
        )
    rows = [(None, None) if agent is None else _parsed(agent) for agent in agents]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


@functools.cache
def _installed() -> bool:
    return importlib.util.find_spec("ua_parser") is not None


# Block after block has the same browsers.
@functools.lru_cache(maxsize=50_000)
def _parsed(agent: str) -> tuple[str | None, str | None]:
    from ua_parser import parse_user_agent

    found = parse_user_agent(agent)
    if found is None or found.family == "Other":
        return None, None
    numbers = [found.major, found.minor, found.patch, found.patch_minor]
    return found.family, ".".join(number for number in numbers if number) or None
