"""outliers: accounts far from their peers, in any metric."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.errors import UsageError
from apilens.heading import attributed
from apilens.metrics import BY_NAME as METRICS
from apilens.metrics import QUOTA_USE
from apilens.quota_columns import QUOTAS
from apilens.result import Field, Result, Table
from apilens.robust import spread
from apilens.schema import DTYPES
from apilens.short_filters import quoted

LIMIT = 20
LEAST = 20
# Iglewicz and Hoaglin (1993): farther than this from the median is an outlier.
THRESHOLD = 3.5
_FEWEST = 5
# Where peers are much alike, a few per cent are many deviations, and matter to nobody.
_TIMES = 1.5
_ROUNDING = 1e-9
_USUAL = ("requests", "mean(request_bytes)", "mean(response_bytes)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutliersOptions(Scope):
    """What is asked. metrics: none means the usual ones, the mean of every configured column of numbers, and the use
    of quotas where accounts have some.

    least: requests that an account needs to be a peer. threshold: of |z|. limit: rows, None for all.
    """

    metrics: tuple[str, ...] = ()
    least: int = LEAST
    threshold: float = THRESHOLD
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it, and the columns that its metrics read."""
        metrics = self.metrics or (QUOTA_USE.name,)
        needs = [column for name in metrics if name in METRICS for column in METRICS[name].needs]
        return [*Scope.texts(self), "account", *metrics, *needs]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "metrics": list(self.metrics),
            "min_requests": self.least,
            "threshold": self.threshold,
            "limit": "all" if self.limit is None else self.limit,
            "where": list(self.where),
            **Scope.query(self),
        }


def outliers(events: Events, options: OutliersOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return accounts that lie far from the others in a metric, the farthest first.

    Raises UsageError for every name that cannot be meant, and for metrics that are times.
    """
    metrics = options.metrics or (*_USUAL, *(f"mean({name})" for name in _numbers(columns)), *_quota(columns))
    asked = tuple(dict.fromkeys((*metrics, "requests")))
    [answer] = answers([options.ask(events, columns, metrics=asked, by=("account",))])
    if times := [field.name for field in answer.fields if field.unit == "time"]:
        raise UsageError(
            f"`{times[0]}` is a time: nothing is so many times as late", hint="for example --metric requests"
        )
    peers = answer.rows.filter(pl.col("account").is_not_null() & (pl.col("requests") >= options.least))
    judged = {name: _judged(peers, name) for name in dict.fromkeys(metrics)}
    apart = pl.col("#away").abs() >= math.log(_TIMES) - _ROUNDING
    far = pl.concat(list(judged.values())).filter(apart, pl.col("z").abs() >= options.threshold).drop("#away")
    ranked = far.sort(pl.col("z").abs(), "metric", "account", descending=[True, False, False])
    shown = ranked.head(ranked.height if options.limit is None else options.limit)
    fields = (
        Field("account"), Field("metric"), Field("value", "number"), Field("median", "number"),
        Field("times", "number"), Field("z", "number"), Field("peers", "count"),
    )  # fmt: skip
    return Result(
        kind="outliers",
        title="Accounts far from their peers",
        tables=(Table("outliers", fields, shown),),
        query=options.query(),
        header=(*options.header(answer.totals), f"peers: accounts with {options.least:,} requests or more"),
        notes=tuple(_notes(options, answer, ranked, shown, judged)),
        command=_command(options),
    )


def _numbers(columns: Mapping[str, pl.DataType]) -> list[str]:
    """Return the configured columns of numbers: what accounts.csv says of an account is no use of theirs."""
    return [name for name, dtype in columns.items() if name not in DTYPES and dtype.is_numeric() and "." not in name]


def _quota(columns: Mapping[str, pl.DataType]) -> list[str]:
    """Return the metric of quotas, where any account has one."""
    return [QUOTA_USE.name] if all(columns.get(name, pl.String()).is_numeric() for name in QUOTAS) else []


def _judged(peers: pl.DataFrame, metric: str) -> pl.DataFrame:
    """Return accounts with how far each lies from the median, in robust standard deviations of the logarithm.

    Without a logarithm (0, negative, null) there is no distance; `z` is null where most are equal.
    """
    known = peers.select("account", pl.col(metric).cast(pl.Float64).alias("value")).filter(pl.col("value") > 0)
    log = pl.col("value").log()
    away = log - log.median()
    wide = spread(log)
    # Rounding must not make distances of nothing.
    z = pl.when(wide > _ROUNDING).then((away / wide).round(6)).alias("z")
    median = log.median().exp().round(6).alias("median")
    return known.select(
        "account",
        pl.lit(metric).alias("metric"),
        "value",
        median,
        away.exp().round(6).alias("times"),
        z if known.height >= _FEWEST else pl.lit(None, pl.Float64).alias("z"),
        pl.lit(known.height, pl.Int64).alias("peers"),
        away.alias("#away"),
    )


def _notes(
    options: OutliersOptions, answer: Answer, ranked: pl.DataFrame, shown: pl.DataFrame,
    judged: Mapping[str, pl.DataFrame],
) -> Iterator[str]:  # fmt: skip
    if not answer.totals.requests:
        yield "no request matches: widen --since, or loosen --where"
        return
    few = [name for name, rows in judged.items() if rows.height < _FEWEST]
    alike = [name for name, rows in judged.items() if rows.height >= _FEWEST and rows["z"].null_count()]
    if shown.height:
        yield from _sentence(options, shown.row(0, named=True))
    elif len(few) + len(alike) < len(judged):
        yield f"nobody is far from the others: |z| of {options.threshold:g} or more, and {_TIMES:g} times the median"
    if left_out := ranked.height - shown.height:
        yield f"and {left_out:,} more; --limit all shows them"
    if few:
        yield f"too few peers to compare by {_listed(few)}: fewer than {_FEWEST} accounts have any"
    if alike:
        yield f"no distances by {_listed(alike)}: most accounts are alike"
    if answer.approximate:
        yield "quantiles are within 1 %: there are more than 2,000,000 events, or sampled ones"
    if words := attributed(answer.totals.attributed_share):
        yield words


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _sentence(options: OutliersOptions, row: Mapping[str, Any]) -> Iterator[str]:
    flags = options.flags(limit=LIMIT, usual=LIMIT)
    metrics = row["metric"] if row["metric"] == "requests" else f"{row['metric']},requests"
    asked = [("--by", "endpoint"), ("--metrics", metrics), ("--where", f"account = {quoted(row['account'])}")]
    drill = options.command("report", [*asked, *flags])
    yield f"{row['account']} has {row['times']:,.3g} times the median {row['metric']} (z {row['z']:+.1f}) → {drill}"


def _command(options: OutliersOptions) -> str:
    own = [
        ("--metric", ",".join(options.metrics)),
        ("--min-requests", str(options.least) if options.least != LEAST else ""),
        ("--threshold", f"{options.threshold:g}" if options.threshold != THRESHOLD else ""),
    ]
    return options.command("outliers", [*own, *options.flags(limit=options.limit, usual=LIMIT)])
