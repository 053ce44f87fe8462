"""outliers --suggest-limits: a limit of requests a minute for each plan, and whom it would throttle."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.dimensions import resolve
from apilens.errors import UsageError
from apilens.heading import attributed
from apilens.metric import weight
from apilens.query import matching_events
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES

LIMIT = 20
QUANTILE = 0.99
PLAN = "account.plan"
# So few accounts of a plan say little of the next one.
_FEW = 10
_COLUMNS = ("limit", "accounts", "median_peak", "highest_peak", "throttled", "peak", "minutes", "refused")
_PLAN, _MINUTE = "#plan", "#minute"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOptions(Scope):
    """What is asked. plan: the dimension that limits go by; None: `account.plan`, where accounts have such.

    quantile: of the accounts' peaks. limit: accounts that would be throttled, None for all.
    """

    plan: str | None = None
    quantile: float = QUANTILE
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*Scope.texts(self), "account", self.plan or PLAN]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "plan": self.plan,
            "quantile": self.quantile,
            "limit": "all" if self.limit is None else self.limit,
            "where": list(self.where),
            **Scope.query(self),
        }


def limits(events: Events, options: LimitsOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return a limit for each plan, and as a second table the accounts that have had minutes above it.

    The limit is the quantile of the greatest number of requests that each account of the plan had in a minute, rounded
    up to two digits. Raises UsageError for an unknown dimension or a bad condition.
    """
    plan = options.plan or (PLAN if PLAN in columns else None)
    if plan in _COLUMNS:
        raise UsageError(f"`{plan}` is a column of the answer too", hint="give the configured column another name")
    if plan == "account":
        raise UsageError("a limit of its own for each account throttles nobody", hint="for example --plan account.plan")
    [whole] = answers([options.ask(events, columns, metrics=("requests",))])
    minutes = _minutes(events, options, columns, plan)
    keys = ["account", _PLAN]
    peaks = collect([minutes.group_by(*keys).agg(nw.col("requests").max().alias("peak"))])[0]
    suggested = _suggested(peaks, options.quantile)
    above = _above(minutes, suggested)
    throttled = collect([above.group_by(*keys).agg(nw.len().alias("minutes"), nw.col("requests").sum())])[0]
    found = _throttled(throttled, peaks, suggested)
    shown = found.head(found.height if options.limit is None else options.limit)
    plans = suggested.join(
        found.group_by(_PLAN).agg(pl.len().cast(pl.Int64).alias("throttled")), on=_PLAN, how="left", nulls_equal=True
    ).with_columns(pl.col("throttled").fill_null(0))
    plans = plans.sort(_PLAN, nulls_last=True)
    name = plan or "plan"
    unit_fields = [Field(column, "count") for column in plans.columns[1:]]
    tables = [Table("limits", (Field(name), *unit_fields), plans.rename({_PLAN: name}))]
    if shown.height:
        fields = (Field("account"), Field(name), *(Field(column, "count") for column in shown.columns[2:]))
        tables.append(Table("throttled", fields, shown.rename({_PLAN: name})))
    return Result(
        kind="outliers.limits",
        title="Suggested limits",
        tables=tuple(tables),
        query=options.query(),
        header=(
            *options.header(whole.totals),
            f"limit: the {options.quantile:.4g} quantile of the accounts' peak minutes",
        ),
        notes=tuple(_notes(options, whole, plans, left_out=found.height - shown.height, plan=plan)),
        command=_command(options),
    )


def _minutes(
    events: Events, options: LimitsOptions, columns: Mapping[str, pl.DataType], plan: str | None
) -> Events:  # fmt: skip
    """Return the requests of each account in each minute in which it had any."""
    where = (*options.where, "kind = 'request'", "account IS NOT NULL")
    matching = matching_events(
        events, where=where, window=options.window, dtypes=columns, leave=options.leaves(columns)
    )
    group = resolve([plan], columns)[0].expr.cast(nw.String) if plan else nw.lit("(all)")
    rows = matching.select(
        "account",
        group.alias(_PLAN),
        nw.col("timestamp").dt.truncate("1m").alias(_MINUTE),
        weight().alias("requests"),
    )
    return rows.group_by("account", _PLAN, _MINUTE).agg(nw.col("requests").sum().cast(nw.Int64))


def _suggested(peaks: pl.DataFrame, q: float) -> pl.DataFrame:
    found = peaks.group_by(_PLAN).agg(
        pl.len().cast(pl.Int64).alias("accounts"),
        pl.col("peak").median().ceil().cast(pl.Int64).alias("median_peak"),
        pl.col("peak").max().alias("highest_peak"),
        pl.col("peak").quantile(q, interpolation="linear").alias("#limit"),
    )
    rounded = pl.Series("limit", [_rounded(number) for number in found["#limit"]], dtype=pl.Int64)
    return found.select(_PLAN, rounded, "accounts", "median_peak", "highest_peak")


def _rounded(number: float) -> int:
    """Return a number rounded up to two digits: nobody remembers a limit of 1,237."""
    # Interpolation may leave 70.00000000000001 of 70.
    whole = math.ceil(round(number, 6))
    step: int = 10 ** max(len(str(whole)) - 2, 0)
    return -(-whole // step) * step


def _above(minutes: Events, suggested: pl.DataFrame) -> Events:
    """Return the minutes above the limit of their plan."""
    limit = nw.lit(None, nw.Int64)
    for plan, number in suggested.select(_PLAN, "limit").iter_rows():
        same = nw.col(_PLAN).is_null() if plan is None else nw.col(_PLAN) == plan
        limit = nw.when(same).then(nw.lit(number)).otherwise(limit)
    return minutes.with_columns(limit.alias("#limit")).filter(nw.col("requests") > nw.col("#limit"))


def _throttled(above: pl.DataFrame, peaks: pl.DataFrame, suggested: pl.DataFrame) -> pl.DataFrame:
    keys = ["account", _PLAN]
    beside = above.join(peaks, on=keys, nulls_equal=True).join(
        suggested.select(_PLAN, "limit"), on=_PLAN, nulls_equal=True
    )
    minutes = pl.col("minutes").cast(pl.Int64)
    refused = (pl.col("requests").cast(pl.Int64) - minutes * pl.col("limit")).alias("refused")
    return beside.select(*keys, "peak", "limit", minutes, refused).sort(
        "refused", *keys, descending=[True, False, False]
    )


def _notes(
    options: LimitsOptions, whole: Answer, plans: pl.DataFrame, *, left_out: int, plan: str | None
) -> Iterator[str]:  # fmt: skip
    if not whole.totals.requests:
        yield "no request matches: widen --since, or loosen --where"
    elif plans.is_empty():
        yield "nobody to limit: a limit is one of accounts"
    if plan is None:
        yield "one limit for all: --plan DIM, or a column `plan` in `accounts: FILE` of apilens.yaml, tells plans apart"
    if few := [row[0] or "(none)" for row in plans.filter(pl.col("accounts") < _FEW).select(_PLAN).iter_rows()]:
        yield f"fewer than {_FEW} accounts in {', '.join(few)}: a limit from so few says little of the next one"
    if left_out:
        yield f"and {left_out:,} more would be throttled; --limit all shows them"
    if words := attributed(whole.totals.attributed_share):
        yield words


def _command(options: LimitsOptions) -> str:
    own = [
        ("--plan", options.plan),
        ("--quantile", f"{options.quantile:g}" if options.quantile != QUANTILE else ""),
    ]
    flags = options.flags(limit=options.limit, usual=LIMIT)
    return f"{options.command('outliers', [*own, *flags])} --suggest-limits"
