"""METRICS: what is counted, how it is combined over a group, and how the number is finished.

A metric is three steps. `parts` say what each row gives and how rows combine (parts of the same name are computed
once); `finish` makes the number from the combined parts, on the small result with one row per group; a `quantile`
is computed apart, by apilens.quantiles. To add a metric, add a row to METRICS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import narwhals as nw
import polars as pl

from apilens.result import Better, Unit

Combine = Literal["sum", "min", "max", "distinct"]

# No service samples one call in a billion; and 8 billion events of such a weight still sum up in 64 bits.
MAX_WEIGHT = 2**30

DURATION = "duration_ms"


@dataclass(frozen=True, slots=True)
class Part:
    """What rows give to a metric: the value of one row, and how the values of a group combine.

    `distinct` counts distinct values that are not null and names its column in `of`. A part counts requests only,
    unless `every_kind`, which counts actions too.
    """

    name: str
    row: nw.Expr
    combine: Combine
    of: str = ""
    every_kind: bool = False


@dataclass(frozen=True, slots=True)
class Metric:
    """A number by group: `finish` over the columns named by `parts`, or (column, q) of a quantile."""

    name: str
    help: str
    unit: Unit
    better: Better
    needs: tuple[str, ...]
    parts: tuple[Part, ...]
    finish: pl.Expr
    quantile: tuple[str, float] | None = None


def weight() -> nw.Expr:
    """Return how many events a row stands for, bounded so that no sum of them can wrap."""
    return nw.col("weight").clip(0, MAX_WEIGHT)


def weight_where(condition: nw.Expr) -> nw.Expr:
    """Return the weight of rows for which the condition is true, 0 where it is false or null."""
    return nw.when(condition).then(weight()).otherwise(nw.lit(0))


def value(column: str) -> nw.Expr:
    """Return a numeric column as Float64, null where it is NaN or infinite: one NaN would swallow a whole mean."""
    number = nw.col(column).cast(nw.Float64)
    return nw.when(number.is_finite()).then(number)


def ratio(part: str, whole: str) -> pl.Expr:
    """Return part / whole of two columns, null where the whole is 0."""
    return pl.when(pl.col(whole) != 0).then(pl.col(part).cast(pl.Float64) / pl.col(whole).cast(pl.Float64))


_STATUS = nw.col("status")

REQUESTS = Part("#requests", weight(), "sum")
ERRORS = Part("#errors", weight_where(_STATUS >= 400), "sum")


def _share(part: str) -> pl.Expr:
    total = pl.col(part).cast(pl.Float64).sum()
    return pl.when(total != 0).then(pl.col(part).cast(pl.Float64) / total)


def _count(name: str, condition: nw.Expr, help: str, better: Better = "lower") -> Metric:
    part = Part(f"#{name}", weight_where(condition), "sum")
    return Metric(name, help, "count", better, ("weight", "status"), (part,), pl.col(part.name))


def _distinct(name: str, column: str, help: str) -> Metric:
    part = Part(f"#{name}", nw.col(column), "distinct", of=column)
    return Metric(name, help, "count", "", (column,), (part,), pl.col(part.name))


def mean_of(name: str, column: str, help: str, unit: Unit, better: Better = "") -> Metric:
    """Return the weighted mean of a numeric column over the events that have it."""
    total = Part(f"#sum:{column}", value(column) * weight().cast(nw.Float64), "sum")
    known = Part(f"#known:{column}", weight_where(~value(column).is_null()), "sum")
    return Metric(name, help, unit, better, ("weight", column), (total, known), ratio(total.name, known.name))


def sum_of(name: str, column: str, help: str, unit: Unit, *, whole: bool) -> Metric:
    """Return the weighted sum of a numeric column, 0 where no event has it; exact for whole numbers."""
    number, kind = (nw.col(column), nw.Int128) if whole else (value(column), nw.Float64)
    part = Part(f"#total:{column}", number.cast(kind) * weight().cast(kind), "sum")
    return Metric(name, help, unit, "", ("weight", column), (part,), pl.col(part.name))


def quantile_of(name: str, column: str, q: float, help: str, unit: Unit, better: Better = "") -> Metric:
    """Return the q-quantile of a numeric column over the events that have it, linearly interpolated."""
    return Metric(name, help, unit, better, ("weight", column), (), pl.col(name), quantile=(column, q))


def _duration(name: str, q: float, help: str) -> Metric:
    return quantile_of(name, DURATION, q, help, "ms", "lower")


def _moment(name: str, combine: Literal["min", "max"], help: str) -> Metric:
    part = Part(f"#{name}", nw.col("timestamp"), combine)
    return Metric(name, help, "time", "", ("timestamp",), (part,), pl.col(part.name))


def _of_requests(name: str, part: Part, finish: pl.Expr, help: str, better: Better = "") -> Metric:
    parts = (part,) if part is REQUESTS else (REQUESTS, part)
    return Metric(name, help, "ratio", better, ("weight", "status"), parts, finish)


_DAYS = Part("#active_days", nw.col("timestamp").dt.date(), "distinct")

_ERRORS_HELP = "requests that are errors: status ≥ 400, unless `errors:` in apilens.yaml says otherwise"

# The names are a contract: JSON, CSV and rules use them.
METRICS: tuple[Metric, ...] = (
    Metric("requests", "number of requests", "count", "", ("weight",), (REQUESTS,), pl.col(REQUESTS.name)),
    Metric(
        "errors",
        _ERRORS_HELP,
        "count",
        "lower",
        ("weight", "status"),
        (ERRORS,),
        pl.col(ERRORS.name),
    ),
    _of_requests("error_rate", ERRORS, ratio(ERRORS.name, REQUESTS.name), "errors / requests", "lower"),
    _count("client_errors", (_STATUS >= 400) & (_STATUS < 500), "requests with status 400–499"),
    _count("server_errors", _STATUS >= 500, "requests with status ≥ 500"),
    _count("auth_errors", (_STATUS == 401) | (_STATUS == 403), "requests with status 401 or 403"),
    _count("rate_limited", _STATUS == 429, "requests with status 429"),
    _duration("p50_ms", 0.5, "median duration"),
    _duration("p95_ms", 0.95, "95th percentile of duration"),
    _duration("p99_ms", 0.99, "99th percentile of duration"),
    mean_of("mean_ms", DURATION, "mean duration", "ms", "lower"),
    _distinct("endpoints", "endpoint", "distinct endpoints called"),
    _distinct("users", "user", "distinct users"),
    _distinct("accounts", "account", "distinct accounts"),
    _distinct("ips", "client_ip", "distinct client addresses"),
    _distinct("sessions", "session", "distinct session tokens"),
    sum_of("request_bytes", "request_bytes", "bytes received", "bytes", whole=True),
    sum_of("response_bytes", "response_bytes", "bytes sent", "bytes", whole=True),
    _of_requests("share", REQUESTS, _share(REQUESTS.name), "part of all requests in the window"),
    _of_requests("error_share", ERRORS, _share(ERRORS.name), "part of all errors in the window"),
    _moment("first_request", "min", "time of the first request"),
    _moment("last_request", "max", "time of the last request"),
    Metric("active_days", "days (UTC) with a request", "count", "", ("timestamp",), (_DAYS,), pl.col(_DAYS.name)),
)


def _sight(name: str, combine: Literal["min", "max"], help: str) -> Metric:
    return Metric(name, help, "time", "", (name,), (Part(f"#{name}", nw.col(name), combine),), pl.col(f"#{name}"))


# What the catalogue of the store knows, beyond the events of the window: apilens/catalogued.py puts it beside them.
EVER: tuple[Metric, ...] = (
    _sight("first_seen", "min", "first sight ever of the account, endpoint, SDK or error code that --by names"),
    _sight("last_seen", "max", "last sight ever of it, after the window too"),
)

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in (*METRICS, *EVER)}
