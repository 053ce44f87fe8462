"""What an enrichment step is, and what it may know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from apilens.config import IdentityRule, Settings
from apilens.enrich.route_table import RouteTable
from apilens.enrich.text_map import TextMap


@dataclass(frozen=True, slots=True)
class Context:
    """What steps need from outside: settings, the hash key, and facts about the source of this block.

    hash_key: secret bytes that key every hash. labels: constant columns (`service`, `environment`, `node`, `source`,
    `format`). account: the identity rules of the format, used where settings name none. lookups: what rules look up in.
    routes: the templates that descriptions and settings state.
    """

    settings: Settings
    hash_key: bytes
    time_is: Literal["start", "end"] = "start"
    labels: Mapping[str, str] = field(default_factory=dict)
    account: tuple[IdentityRule, ...] = ()
    lookups: Mapping[IdentityRule, TextMap] = field(default_factory=dict)
    routes: RouteTable = field(default_factory=RouteTable)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `makes` from `reads`. It is left out when nobody asked for what it makes.

    apply(frame, context) returns the frame with the columns of `makes` added or replaced; a column of `reads` that the
    source lacks is absent, and the step must cope. also(settings): further columns that it reads under these settings.
    """

    name: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    apply: Callable[[pl.DataFrame, Context], pl.DataFrame]
    also: Callable[[Settings], Sequence[str]] = lambda settings: ()
