"""What is examined, and what a check says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl

from apilens.config import Settings
from apilens.errors import ApilensError
from apilens.freshness import Settling
from apilens.places import Place
from apilens.store import Store, info

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: its state, what is so, and what to do where that is not well."""

    state: State
    what: str
    advice: str = ""


@dataclass(frozen=True)
class Patient:
    """What checks look at. config: the settings' file, `mistake` why it cannot be read; place: the store's.

    settings: what the file says, the defaults where it cannot be read.
    """

    config: Path | None
    mistake: ApilensError | None
    place: Place
    environ: Mapping[str, str]
    now: datetime
    settings: Settings = field(default_factory=Settings)

    @cached_property
    def opened(self) -> Store | ApilensError:
        """The store, or why there is none."""
        try:
            return Store.open(self.place)
        except ApilensError as error:
            return error

    @cached_property
    def said(self) -> Mapping[str, pl.DataFrame] | None:
        """The tables of `store info`, by name; None without a store that can be read."""
        if not isinstance(self.opened, Store):
            return None
        try:
            said = info(self.opened, now=self.now, settle=Settling(self.settings).of)
        except (pl.exceptions.PolarsError, OSError):
            # The check of the store's files names what is wrong with them.
            return None
        return {table.name: table.rows for table in said.tables}

    @cached_property
    def looked(self) -> Mapping[str, Any] | None:
        """What `store info` says of the store as a whole, overview and totals in one; None as with `said`."""
        if self.said is None:
            return None
        return {**self.said["overview"].row(0, named=True), **self.said["totals"].row(0, named=True)}
