"""Derived columns made again from stored ones: endpoint and version from the path, SDK from the user agent, account.

A row is left as it is, and counted, where its source may have stated what would be made, or where an account rule reads
what is not stored: only its log can tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from apilens.config import Settings
from apilens.enrich.base import Context
from apilens.enrich.client import CLIENT, HEALTH_CHECK
from apilens.enrich.endpoint import ENDPOINT
from apilens.enrich.version import VERSION
from apilens.formats import Format
from apilens.formats.log_format import BY_LOG_FORMAT
from apilens.reattribute import Attribution, may_differ
from apilens.store.shapes import Shape

# What can be made again from stored columns, in the order in which one needs the other.
STORED_PARTS = ("endpoint", "api_version", "sdk", "account")
# Formats whose logs may state themselves what is else made from other columns.
STATED: Mapping[str, frozenset[str]] = {
    "route": frozenset({"aws_api_gateway", "gitlab", "json", "moesif", "otlp", "otlp_document"}),
    "api_version": frozenset({"json", "moesif", "tyk"}),
}

# Rule of `age_out` → the parts for which stored columns no longer suffice where it was applied.
AGED: Mapping[str, Collection[str]] = {
    "path": ("endpoint", "api_version", "account"), "user_agent": ("sdk", "account"), "client_ip": ("account",),
}  # fmt: skip
_NEEDS: Mapping[str, str] = {"endpoint": "route", "api_version": "api_version"}


@dataclass(slots=True)
class Rederived:
    """Rows with what was made again, and how many were left as they are, by part."""

    rows: pl.DataFrame
    left: Counter[str] = field(default_factory=Counter)


class Rederiving:
    """Makes the columns of some parts again, as settings are now. `formats`: those that are known, by name."""

    def __init__(
        self, parts: Collection[str], context: Context, formats: Mapping[str, Format],
        rename: Callable[[pl.DataFrame], pl.DataFrame],
    ) -> None:  # fmt: skip
        self._parts = [part for part in STORED_PARTS if part in parts]
        self._context = context
        self._formats = formats
        self._rename = rename
        self._attribution = Attribution(context, formats)

    def frame(self, rows: pl.DataFrame, old: Shape, now: Shape, *, aged: Collection[str] = ()) -> Rederived:
        """Return rows of the store, all columns of them, with the parts made again; `old` shaped them before.

        aged: the rules of `age_out` that they went through.
        """
        made = Rederived(rows)
        lost = {part for rule in aged for part in AGED[rule]}
        for part in self._parts:
            if part in lost:
                made.left[part] = rows.height if self._may_differ(part, old, now) else 0
                if part == "endpoint":
                    stated = rows.select(self._stating(part, rows["format"])).to_series()
                    named = self._rename(rows)["endpoint"].zip_with(~stated, rows["endpoint"])
                    made.rows = rows.with_columns(named.alias("endpoint"))
            elif part == "account":
                found = self._attribution.again(made.rows, old, now)
                made.rows, made.left[part] = found.rows, found.left
            else:
                kept = self._make(part, made)
                if self._may_differ(part, old, now):
                    made.left[part] = kept
        return made

    def _may_differ(self, part: str, old: Shape, now: Shape) -> bool:
        """Say whether a part may come out otherwise; of what is in descriptions of the API, shapes say nothing."""
        if part == "account":
            return may_differ(old, now)
        needed = ("endpoint", part) if part == "api_version" else (part,)
        described = "endpoint" in needed and bool(self._context.settings.openapi)
        return described or any(old.get(name) != now[name] for name in needed)

    def _make(self, part: str, made: Rederived) -> int:
        """Make a part again; return how many rows were left as they are."""
        rows = made.rows
        kept = rows.select(self._stating(part, rows["format"])).to_series()
        if part == "endpoint":
            base = self.endpoints(rows)
            checked = HEALTH_CHECK.apply(base, self._context)["is_health_check"]
            new = self._rename(base).with_columns(checked)
        elif part == "api_version":
            new = VERSION.apply(self.endpoints(rows).drop("api_version"), self._context)
        else:
            new = CLIENT.apply(rows.drop("sdk", "sdk_version"), self._context)
        columns = _COLUMNS[part]
        made.rows = rows.with_columns(new[name].zip_with(~kept, rows[name]).alias(name) for name in columns)
        return int((kept & ~rows["format"].is_in(self._normalised())).sum())

    def endpoints(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows with the endpoint of their path, as long as nothing is learned; stated ones as they are."""
        made = ENDPOINT.apply(rows.drop("endpoint"), self._context)["endpoint"]
        stated = rows.select(self._stating("endpoint", rows["format"])).to_series()
        return rows.with_columns(made.zip_with(~stated, rows["endpoint"]).alias("endpoint"))

    def _stating(self, part: str, names: pl.Series) -> pl.Expr:
        """Return whether the format of each row may have stated what the part makes."""
        column = _NEEDS.get(part)
        known = {name: states(name, column, self._formats, self._context.settings) for name in names.unique()}
        return pl.col("format").is_in([name for name, may in known.items() if may])

    def _normalised(self) -> Sequence[str]:
        return [name for name, format in self._formats.items() if format.normalised]


_COLUMNS: Mapping[str, Sequence[str]] = {
    "endpoint": ("endpoint", "is_health_check"),
    "api_version": ("api_version",),
    "sdk": ("sdk", "sdk_version", "is_bot"),
}


def states(name: str, column: str | None, formats: Mapping[str, Format], settings: Settings) -> bool:
    """Say whether logs of a format may state a column themselves; of one that nobody knows, they may."""
    # In an envelope it is `envelope:format`.
    name = name.rpartition(":")[2]
    format = formats.get(name)
    if format is None:
        # A log_format string has a name for none of these columns.
        return name != BY_LOG_FORMAT
    if format.normalised:
        return True
    custom = settings.formats.get(name)
    if column is None:
        return False
    if custom is not None:
        return column in (custom.fields or {})
    return name in STATED[column]
