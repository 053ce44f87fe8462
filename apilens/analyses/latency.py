"""latency: who waits longer than the others on the same endpoint, for how long already, and what goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import narwhals as nw
import polars as pl

from apilens.against import against, counts
from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.engine import coded
from apilens.heading import attributed
from apilens.metrics import DURATION
from apilens.quantiles import EXACT_ROWS
from apilens.query import IS_REQUEST, matching_events
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES
from apilens.short_filters import quoted
from apilens.slowness import FACTORS, effects, factors_in, plan_accounts, plan_durations, plan_factors, summed

LIMIT = 20
LEAST = 20
# A period is slow where the median is so many times the others'; persistent: in most of at least three such periods,
# each with five requests or more. Windows up to three days have hours as periods, longer ones days.
SLOW, PERIODS, IN_PERIOD = 1.5, 3, 5
_HOURS_UP_TO = timedelta(days=3)
# What goes with slowness: from this ratio of medians on, and up to this chance, over all that were compared.
_EFFECT, _CHANCE = 1.5, 0.01
_KEYS = ["account", "endpoint"]
_VALUES = "query value"
_WANTED = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_KNOWN = "count(duration_ms IS NOT NULL)"
_VALUED = "count(query_values IS NOT NULL)"
_WHOLE = ("requests", _KNOWN, _VALUED, "max(weight)", "first_request", "last_request")


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyOptions(Scope):
    """What is asked. least: how many timed requests an account, and the others, need on an endpoint to be compared.

    limit: rows of both tables, None for all.
    """

    least: int = LEAST
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*Scope.texts(self), "account", "endpoint", *(factor.column for factor in FACTORS.values())]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "min_requests": self.least,
            "limit": "all" if self.limit is None else self.limit,
            "where": list(self.where),
            **Scope.query(self),
        }


def latency(events: Events, options: LatencyOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return accounts by endpoint with their percentiles and those of all others there, the worst ratio first, and as a
    second table the query parameters and sizes whose requests are slower. Raises UsageError for a bad condition.
    """
    [whole] = answers([options.ask(events, columns, metrics=_WHOLE)])
    _, known, valued, heaviest, first, last = whole.rows.row(0)
    exact = known <= EXACT_ROWS and (heaviest or 1) <= 1
    requests = matching_events(
        events.filter(IS_REQUEST), where=options.where, window=options.window, dtypes=columns,
        leave=options.leaves(columns),
    )  # fmt: skip
    least = options.least
    own, durations, *values = collect(
        [
            counts(coded(requests.filter(~nw.col("endpoint").is_null()), _KEYS), _KEYS, DURATION, exact=exact),
            plan_durations(requests, exact=exact),
            *([plan_factors(requests, _VALUES, exact=exact, least=least)] if valued else []),
        ]
    )
    compared = _compared(own, summed(durations, ["endpoint"]), options)
    shown = compared.head(compared.height if options.limit is None else options.limit)
    period = "hour" if known and last - first <= _HOURS_UP_TO else "day"
    rows = _persistent(shown, events, options, columns, period)
    factors, tried = _factors(durations, values, options)
    slower = _with_accounts(factors.head(factors.height if options.limit is None else options.limit), requests)
    tables = [Table("latency", _fields(rows), rows)]
    if slower.height:
        tables.append(Table("slower_with", _fields(slower), slower))
    return Result(
        kind="latency",
        title="Latency against the others on the same endpoint",
        tables=tuple(tables),
        query=options.query(),
        header=options.header(whole.totals),
        notes=(
            *_slow(rows, options, period),
            *_left_out(compared, shown, factors, slower),
            *_notes(options, whole, rows, slower, tried=tried, known=known, exact=exact),
        ),
        command=_command(options),
    )


def _compared(own: pl.DataFrame, whole: pl.DataFrame, options: LatencyOptions) -> pl.DataFrame:
    enough = own.filter(pl.col("#weight").sum().over(_KEYS) >= options.least).with_columns(
        pl.col(_KEYS).cast(pl.String)
    )
    found = against(enough, whole, keys=_KEYS, within="endpoint", wanted=_WANTED)
    ratio = pl.when(pl.col("others_p95_ms") > 0).then(pl.col("p95_ms") / pl.col("others_p95_ms")).alias("ratio")
    return (
        found.filter(pl.col("#others") >= options.least)
        .select(*_KEYS, pl.col("#n").alias("requests"), *_WANTED, *(f"others_{name}" for name in _WANTED), ratio)
        .with_columns(pl.col(pl.Float64).round_sig_figs(12).round(6))
        .sort("ratio", *_KEYS, descending=[True, False, False], nulls_last=True)
    )


def _persistent(
    shown: pl.DataFrame, events: Events, options: LatencyOptions, columns: Mapping[str, pl.DataType], period: str
) -> pl.DataFrame:  # fmt: skip
    """Return the rows with their periods, how many of them are slow, and whether that is most of them."""
    if shown.is_empty():
        by_period = pl.DataFrame(
            schema={**{key: pl.String() for key in _KEYS}, "p50_ms": pl.Float64(), _KNOWN: pl.Int64()}
        )
    else:
        some = events.filter(*(_among(name, shown[name].unique()) for name in _KEYS))
        asked = options.ask(some, columns, metrics=("p50_ms", _KNOWN), by=(*_KEYS, period))
        by_period = answers([asked])[0].rows
    limits = shown.select(*_KEYS, (pl.col("others_p50_ms") * SLOW).alias("#limit"))
    judged = by_period.filter(pl.col(_KNOWN) >= IN_PERIOD).join(limits, on=_KEYS, nulls_equal=True)
    found = judged.group_by(_KEYS).agg(
        pl.len().cast(pl.Int64).alias("periods"),
        (pl.col("p50_ms") >= pl.col("#limit")).sum().cast(pl.Int64).alias("slow_periods"),
    )
    rows = shown.join(found, on=_KEYS, how="left", nulls_equal=True, maintain_order="left")
    slow, periods = pl.col("slow_periods").fill_null(0), pl.col("periods").fill_null(0)
    rows = rows.with_columns(slow, periods, ((periods >= PERIODS) & (slow * 2 > periods)).alias("persistent"))
    order = ("ratio", "p95_ms", "others_p95_ms", "persistent", "requests", "p50_ms", "others_p50_ms", "p99_ms")
    return rows.select(*_KEYS, *order, "others_p99_ms", "slow_periods", "periods")


def _among(column: str, names: pl.Series) -> nw.Expr:
    known = nw.col(column).is_in(names.drop_nulls().to_list())
    return known | nw.col(column).is_null() if names.null_count() else known


def _factors(
    durations: pl.DataFrame, values: Sequence[pl.DataFrame], options: LatencyOptions
) -> tuple[pl.DataFrame, int]:  # fmt: skip
    """Return the factors whose requests are slower by more than chance, and how many were compared."""
    found = []
    for kind, factor in FACTORS.items():
        if factor.many:
            pairs = [(parts, summed(durations, ["endpoint"])) for parts in values]
        else:
            pairs = [factors_in(durations, kind, least=options.least)]
        found += [effects(kind, *pair, least=options.least) for pair in pairs]
    compared = pl.concat(found)
    # Of a hundred comparisons, one has a chance of 1 % by chance: each counts as many times as there are.
    chance = (pl.col("p") * compared.height).clip(0, 1).alias("p")
    slower = compared.with_columns(chance).filter((pl.col("ratio") >= _EFFECT) & (pl.col("p") < _CHANCE))
    order = ["ratio", "endpoint", "kind", "factor"]
    return (
        slower.with_columns(pl.col(pl.Float64).exclude("p").round_sig_figs(12).round(6), pl.col("p").round_sig_figs(3))
        .sort(order, descending=[True, False, False, False]),
        compared.height,
    )  # fmt: skip


def _with_accounts(slower: pl.DataFrame, requests: Events) -> pl.DataFrame:
    """Return the factors with how many accounts have requests with each."""
    kinds = {kind: slower.filter(pl.col("kind") == kind) for kind in slower["kind"].unique(maintain_order=True)}
    found = collect([plan_accounts(requests, kind, rows) for kind, rows in kinds.items()])
    counted = [rows.with_columns(pl.lit(kind).alias("kind")) for kind, rows in zip(kinds, found, strict=True)]
    if not counted:
        return slower
    beside = slower.join(pl.concat(counted), on=["endpoint", "factor", "kind"], how="left", maintain_order="left")
    return beside.select(*(name for name in slower.columns if name != "p"), "accounts", "p")


def _fields(rows: pl.DataFrame) -> tuple[Field, ...]:
    def field(name: str) -> Field:
        if name.endswith("_ms"):
            return Field(name, "ms", "lower")
        if name in ("requests", "periods", "slow_periods", "accounts"):
            return Field(name, "count")
        return Field(name, "number") if name == "ratio" else Field(name)

    return tuple(field(name) for name in rows.columns)


def _slow(rows: pl.DataFrame, options: LatencyOptions, period: str) -> Iterator[str]:
    """Say what is slow most of the time, the worst first, and give the command that looks into it."""
    for row in rows.filter("persistent").head(3).iter_rows(named=True):
        account = row["account"]
        same = "account IS NULL" if account is None else f"account = {quoted(account)}"
        flags = options.flags(limit=LIMIT, usual=LIMIT)
        where = f"{same} AND endpoint = {quoted(row['endpoint'])}"
        by = "hour_of_day" if period == "hour" else "day"
        drill = options.command(
            "report", [("--by", by), ("--metrics", "p50_ms,p95_ms,requests"), ("--where", where), *flags]
        )
        yield (
            f"{account or '(unattributed)'} waits {row['ratio']:.1f} times as long as the others on {row['endpoint']} "
            f"(p95), and was slow in {row['slow_periods']} of {row['periods']} {period}s → {drill}"
        )


def _left_out(*tables: pl.DataFrame) -> Iterator[str]:
    compared, shown, factors, slower = tables
    for what, more in (("", compared.height - shown.height), (" slower_with", factors.height - slower.height)):
        if more:
            yield f"and {more:,} more{what}; --limit all shows them"


def _notes(
    options: LatencyOptions, whole: Answer, rows: pl.DataFrame, slower: pl.DataFrame, *, tried: int, known: int,
    exact: bool,
) -> Iterator[str]:  # fmt: skip
    if not whole.totals.requests:
        yield "no request matches: widen --since, or loosen --where"
    elif not known:
        yield "no request has a duration: log the request time (nginx: $request_time, Apache: %D)"
    elif rows.is_empty():
        yield (
            f"nobody to compare: no endpoint has {options.least} timed requests of an account and as many of others; "
            "--min-requests asks for fewer"
        )
    if slower.height:
        yield (
            f"slower_with: medians with and without it on the same endpoint, of {tried:,} compared; p is the chance of "
            "it times as many. What goes with slowness need not cause it: few accounts may be all that have it"
        )
    if not exact:
        yield "quantiles are within 1 %: there are more than 2,000,000 events, or sampled ones"
    if words := attributed(whole.totals.attributed_share):
        yield words


def _command(options: LatencyOptions) -> str:
    least = str(options.least) if options.least != LEAST else ""
    return options.command("latency", [("--min-requests", least), *options.flags(limit=options.limit, usual=LIMIT)])
