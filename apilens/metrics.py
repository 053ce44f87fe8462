"""METRICS: what can be counted. To add a metric, add a row here, and its oracle in tests/oracle.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import narwhals as nw
import polars as pl

from apilens.metric import (
    ERRORS,
    REQUESTS,
    Metric,
    Over,
    OverKey,
    Part,
    Retries,
    Sessions,
    mean_of,
    quantile_of,
    ratio,
    sum_of,
    value,
    weight,
    weight_where,
)
from apilens.quota_columns import QUOTAS
from apilens.result import Better

DURATION = "duration_ms"
_STATUS = nw.col("status")
# The 97.5 % quantile of the normal distribution: between the bounds lie 95 %.
_Z = 1.959963984540054


def _share(name: str, part: Part, help: str) -> Metric:
    total = pl.col(part.name).cast(pl.Float64).sum()
    finish = pl.when(total != 0).then(pl.col(part.name).cast(pl.Float64) / total)
    return replace(_of_requests(name, part, finish, help), of_all=True)


def _count(name: str, condition: nw.Expr, help: str, better: Better = "lower") -> Metric:
    part = Part(f"#{name}", weight_where(condition), "sum")
    return Metric(name, help, "count", better, ("weight", "status"), (part,), pl.col(part.name))


def _distinct(name: str, column: str, help: str) -> Metric:
    part = Part(f"#{name}", nw.col(column), "distinct", of=column)
    return Metric(name, help, "count", "", (column,), (part,), pl.col(part.name))


def _duration(name: str, q: float, help: str) -> Metric:
    return quantile_of(name, DURATION, q, help, "ms", "lower")


def _moment(name: str, combine: Literal["min", "max"], help: str) -> Metric:
    part = Part(f"#{name}", nw.col("timestamp"), combine)
    return Metric(name, help, "time", "", ("timestamp",), (part,), pl.col(part.name))


def _of_requests(name: str, part: Part, finish: pl.Expr, help: str, better: Better = "") -> Metric:
    parts = (part,) if part is REQUESTS else (REQUESTS, part)
    return Metric(name, help, "ratio", better, ("weight", "status"), parts, finish)


def _wilson(name: str, side: Literal[1, -1], help: str) -> Metric:
    """Return a bound of the 95 % interval of Wilson (1927) for the error rate.

    Of n = (Σw)² / Σw² requests (Kish's effective size): a sampled request says less than as many as it stands for.
    """
    rate, whole = ratio(ERRORS.name, REQUESTS.name), pl.col(REQUESTS.name).cast(pl.Float64)
    n = whole**2 / pl.col(_SQUARES.name)
    middle = rate + _Z**2 / (2 * n)
    half = _Z * (rate * (1 - rate) / n + _Z**2 / (4 * n**2)).sqrt()
    bound = ((middle + side * half) / (1 + _Z**2 / n)).clip(0, 1)
    parts = (REQUESTS, ERRORS, _SQUARES)
    return Metric(name, help, "ratio", "lower", ("weight", "status"), parts, pl.when(whole > 0).then(bound))


def _over(name: str, key: OverKey, row: pl.Expr, number: pl.Expr, *, nulls: bool = False) -> Over:
    return Over(f"#{name}", key, row, number, nulls)


def _excess() -> Over:
    """Return errors beyond those that everyone's error rate on each endpoint lets one expect of a group's requests."""
    requests, errors = pl.col("#requests").cast(pl.Float64), pl.col("#errors").cast(pl.Float64)
    rate = pl.when(requests.sum().over("#key") > 0).then(errors.sum().over("#key") / requests.sum().over("#key"))
    return _over("excess_errors", "endpoint", errors - requests * rate.fill_null(0), pl.col("#row").sum(), nulls=True)


def _variation() -> Over:
    """Return the coefficient of variation (σ/μ) of requests a day, days without any among them."""
    days = pl.col("#days").first().cast(pl.Float64)
    row = pl.col("#row")
    mean = row.sum() / days
    variance = (((row - mean) ** 2).sum() + (days - row.len()) * mean**2) / days
    number = pl.when((days > 1) & (mean > 0)).then(variance.sqrt() / mean)
    return _over("volume_cv", "day", pl.col("#requests").cast(pl.Float64), number)


_SQUARES = Part("#squares", weight().cast(nw.Float64) ** 2, "sum")
_DAYS = Part("#active_days", nw.col("timestamp").dt.date(), "distinct")
_RETRIES = Retries("#retries")
_SESSIONS = Sessions("#sessions")
_MIX = pl.col("#requests").cast(pl.Float64) / pl.col("#whole")
_SPREAD = pl.col("#row").filter(pl.col("#row") > 0)
_DIVERSITY = _over("endpoint_diversity", "endpoint", _MIX, (-_SPREAD * _SPREAD.log()).sum().exp())
_TOP = _over("top_endpoint_share", "endpoint", _MIX, pl.col("#row").max())
_EXCESS = _excess()
_VARIATION = _variation()
_WASTED_MS = Part("#wasted_ms", value(DURATION) * weight().cast(nw.Float64), "sum", of_errors=True)
_BYTES = [nw.coalesce(nw.col(name), nw.lit(0)).cast(nw.Int128) for name in ("request_bytes", "response_bytes")]
_WASTED_BYTES = Part("#wasted_bytes", (_BYTES[0] + _BYTES[1]) * weight().cast(nw.Int128), "sum", of_errors=True)
_SAYS_NOTHING = (
    nw.col("error_code").is_null()
    & nw.col("error_field").is_null()
    & nw.col("response_shape").is_null()
    & (nw.coalesce(nw.col("response_bytes"), nw.lit(0)) == 0)
)
_OPAQUE = Part("#opaque_errors", weight_where(_SAYS_NOTHING), "sum", of_errors=True)
_CALLED = Part("#called", nw.col("#operation"), "distinct")
_OPERATIONS = Part("#operations", nw.col("#operations"), "max")

_ERRORS_HELP = "requests that are errors: status ≥ 400, unless `errors:` in apilens.yaml says otherwise"

# The names are a contract: JSON, CSV and rules use them.
METRICS: tuple[Metric, ...] = (
    Metric("requests", "number of requests", "count", "", ("weight",), (REQUESTS,), pl.col(REQUESTS.name)),
    Metric("errors", _ERRORS_HELP, "count", "lower", ("weight", "status"), (ERRORS,), pl.col(ERRORS.name)),
    _of_requests("error_rate", ERRORS, ratio(ERRORS.name, REQUESTS.name), "errors / requests", "lower"),
    _wilson("error_rate_low", -1, "lower bound of the error rate (Wilson, 95 %)"),
    _wilson("error_rate_high", 1, "upper bound of the error rate (Wilson, 95 %)"),
    Metric(
        "excess_errors", "errors beyond what everyone's error rates on the same endpoints would give", "number",
        "lower", ("weight", "status", "endpoint"), (), pl.col(_EXCESS.name), (_EXCESS,),
    ),
    _count("client_errors", (_STATUS >= 400) & (_STATUS < 500), "requests with status 400–499"),
    _count("server_errors", _STATUS >= 500, "requests with status ≥ 500"),
    _count("auth_errors", (_STATUS == 401) | (_STATUS == 403), "requests with status 401 or 403"),
    _count("rate_limited", _STATUS == 429, "requests with status 429"),
    Metric(
        "opaque_errors", "errors that say nothing: no body, code or field", "count", "lower",
        ("weight", "error_code", "error_field", "response_shape", "response_bytes"), (_OPAQUE,), pl.col(_OPAQUE.name),
    ),
    Metric(
        "retries", "same request again within 60 s of a 429 or 5xx", "count", "lower",
        ("request_fingerprint", "started_at"), (), pl.col(_RETRIES.name).fill_null(0), (_RETRIES,),
    ),
    Metric(
        "retry_rate", "retries / requests", "ratio", "lower", ("request_fingerprint", "started_at"), (REQUESTS,),
        pl.when(pl.col(REQUESTS.name) != 0).then(pl.col(_RETRIES.name).fill_null(0) / pl.col(REQUESTS.name)),
        (_RETRIES,),
    ),
    _duration("p50_ms", 0.5, "median duration"),
    _duration("p95_ms", 0.95, "95th percentile of duration"),
    _duration("p99_ms", 0.99, "99th percentile of duration"),
    mean_of("mean_ms", DURATION, "mean duration", "ms", "lower"),
    Metric(
        "wasted_ms", "duration of errors, summed up", "ms", "lower", ("weight", DURATION), (_WASTED_MS,),
        pl.col(_WASTED_MS.name),
    ),
    _distinct("endpoints", "endpoint", "distinct endpoints called"),
    Metric(
        "endpoint_diversity", "effective number of endpoints: exp of the Shannon entropy of requests", "number", "",
        ("weight", "endpoint"), (), pl.col(_DIVERSITY.name), (_DIVERSITY,),
    ),
    Metric(
        "top_endpoint_share", "part of requests on the endpoint that is called most", "ratio", "",
        ("weight", "endpoint"), (), pl.col(_TOP.name), (_TOP,),
    ),
    Metric(
        "documented_coverage", "part of the documented endpoints that is called", "ratio", "higher",
        ("endpoint.documented",), (_CALLED, _OPERATIONS), ratio(_CALLED.name, _OPERATIONS.name),
    ),
    _distinct("users", "user", "distinct users"),
    _distinct("accounts", "account", "distinct accounts"),
    _distinct("ips", "client_ip", "distinct client addresses"),
    Metric(
        "sessions", "sessions with a request: by token, else by caller and pauses of 30 min", "count", "",
        ("account", "session", "user", "client_ip", "sdk", "started_at"), (),
        pl.col(_SESSIONS.name).fill_null(0), (_SESSIONS,),
    ),
    _distinct("sdks", "sdk", "distinct SDKs"),
    _distinct("versions", "api_version", "distinct API versions"),
    sum_of("request_bytes", "request_bytes", "bytes received", "bytes", whole=True),
    sum_of("response_bytes", "response_bytes", "bytes sent", "bytes", whole=True),
    Metric(
        "wasted_bytes", "bytes received and sent for errors", "bytes", "lower",
        ("weight", "request_bytes", "response_bytes"), (_WASTED_BYTES,), pl.col(_WASTED_BYTES.name),
    ),
    _share("share", REQUESTS, "part of all requests in the window"),
    _share("error_share", ERRORS, "part of all errors in the window"),
    Metric(
        "volume_cv", "variation of requests a day: standard deviation / mean, from the first day to the last", "number",
        "", ("weight", "timestamp"), (), pl.col(_VARIATION.name), (_VARIATION,),
    ),
    _moment("first_request", "min", "time of the first request"),
    _moment("last_request", "max", "time of the last request"),
    Metric("active_days", "days (UTC) with a request", "count", "", ("timestamp",), (_DAYS,), pl.col(_DAYS.name)),
)  # fmt: skip


def _sight(name: str, combine: Literal["min", "max"], help: str) -> Metric:
    return Metric(name, help, "time", "", (name,), (Part(f"#{name}", nw.col(name), combine),), pl.col(f"#{name}"))


# What the catalogue of the store knows, beyond the events of the window: apilens/catalogued.py puts it beside them.
EVER: tuple[Metric, ...] = (
    _sight("first_seen", "min", "first sight ever of the account, endpoint, SDK or error code that --by names"),
    _sight("last_seen", "max", "last sight ever of it, after the window too"),
)

# What a request costs is said by apilens.yaml: apilens/cost.py puts it beside the events.
COST = sum_of("cost", "cost", "what requests cost, by `cost:` of apilens.yaml, summed up", "number", whole=False)


def _quota_use() -> Metric:
    """Return the part of its quota that an account uses, null of a group that is not one account's.

    How much that is is said by accounts.csv: apilens/accounts.py puts it beside the events.
    """
    requests = pl.col("#requests").cast(pl.Float64)
    busiest = [_over(f"busiest_{key}", key, requests, pl.col("#row").max()) for key in ("day", "month")]
    quotas = [Part(f"#{column}", value(column), "max") for column in QUOTAS]
    who = Part("#quota_accounts", nw.col("account"), "distinct", of="account")
    attributed = Part("#quota_requests", weight_where(~nw.col("account").is_null()), "sum")
    is_one = (pl.col(who.name) == 1) & (pl.col(attributed.name) == pl.col(REQUESTS.name))
    use = pl.max_horizontal(ratio(item.name, quota.name) for item, quota in zip(busiest, quotas, strict=True))
    return Metric(
        "quota_use", "part of the account's quota that its busiest day, or month (UTC), uses", "ratio", "",
        ("weight", "timestamp", "account", *QUOTAS), (REQUESTS, who, attributed, *quotas), pl.when(is_one).then(use),
        tuple(busiest),
    )  # fmt: skip


QUOTA_USE = _quota_use()

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in (*METRICS, *EVER, COST, QUOTA_USE)}
