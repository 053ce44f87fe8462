"""Any metric by any dimension, planned lazily: filter, group, combine.

summary = summarise(events, metrics=["requests", "p95_ms"], by=["account"])
groups = summary.cut(collect(summary.groups))    # one pass for most metrics
passes = summary.passes(groups)                  # further ones, only where quantiles and the like were asked for
answer = summary.finish(groups, [(item, collect(item.frames)) for item in passes])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import narwhals as nw
import polars as pl

from apilens import dimensions
from apilens.answer import ATTRIBUTED, HEAVIEST, NEWEST, NUMBER, ROWS, Events, Many, Summary
from apilens.computed import condition, dtype_of, metric_named
from apilens.dimensions import Dimension
from apilens.engine import grouped, keyed, parted, roughly_distinct, with_hashes
from apilens.errors import UsageError
from apilens.left_out import NOTHING, OUT, LeftOut, out_column
from apilens.metric import IS_ERROR, REQUESTS, Metric, Part, Quantile
from apilens.metrics import BY_NAME
from apilens.schema import DTYPES
from apilens.window import Window

Types = Mapping[str, pl.DataType]

IS_REQUEST = nw.col("kind") == "request"
_ALL = "#all"
_KEY = "#key:"
_BY_NUMBER = Dimension(NUMBER, "", (), nw.col(NUMBER), pl.UInt64())
# Everything is one group: aggregating without groups, Polars holds every row as soon as two distinct counts meet
# (1.7 GB against 0.3 GB on 20 M rows). A literal would be taken for such an aggregation.
_ONE_GROUP = nw.col("weight").is_null().cast(nw.Int8) * 0
# A column of few values: grouping by them too, and counting the groups, takes two thirds of the time of a distinct
# count. Other columns may have as many values as events, for which it takes twice the time, and memory.
_FEW = "endpoint"


def summarise(
    events: Events,
    *,
    metrics: Sequence[str],
    by: Sequence[str] = (),
    where: str | Sequence[str] | None = None,
    having: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    window: Window | None = None,
    dtypes: Types = DTYPES,
    newest: bool = True,
    errors: str | None = None,
    leave: LeftOut = NOTHING,
) -> Summary:
    """Return the plan of a report: `metrics` by `by` over the events that lie in the window and pass every `where`.

    Without `by` there is one row. Rows are sorted by `sort` (`errors:desc`; the default is the first metric, falling),
    then by key, nulls last. `having` is a condition over metrics, listed or not. Requests are counted; actions only
    where a dimension or a count() names `kind` or `action`. dtypes: the columns of `events`. newest: totals say when
    the last event was. errors: the condition of errors where it is not the default. leave: what is left out, and
    counted in passing. Raises UsageError for every name that cannot be meant.
    """
    dimensioned = dimensions.resolve(by, dtypes)
    if not metrics:
        raise UsageError("a report needs a metric", hint="for example --metrics requests,error_rate")
    shown = {name: metric_of(name, dtypes) for name in dict.fromkeys(metrics)}
    both = sorted({dimension.name for dimension in dimensioned} & set(shown))
    if both:
        raise UsageError(
            f"`{both[0]}` is both a dimension and a metric", hint="give the configured column another name"
        )
    order, extra = _order(sort, dimensioned, shown, dtypes)
    wanted, judged, hidden = _having(having, dimensioned, shown, dtypes) if having else (None, frozenset(), {})
    computed = {**shown, **extra, **hidden}

    matching = matching_events(events, where=where, window=window, dtypes=dtypes)
    failed = condition(errors, dtypes).expr if errors else IS_ERROR

    def plan(events: Events, by: tuple[Dimension, ...], metrics: Mapping[str, Metric]) -> Summary:
        groups = _groups(events, by, metrics, newest=newest, failed=failed, leave=leave)
        # Only the key columns themselves are computed here: what is made of requests selects them by name.
        keys = [failed.alias("#failed"), *(dimension.expr.alias(dimension.name) for dimension in by)]
        requests = leave.of(events.filter(IS_REQUEST)).with_columns(*keys)
        return Summary(groups, requests, by, metrics, tuple(shown), wanted, judged, order, limit)

    asked = plan(matching, dimensioned, computed)
    # What stands for the keys of a group cannot be held against a condition on them.
    of_keys = not {*judged, order[0]} <= {*computed}
    if limit is None or of_keys or not any(item.many for item in dimensioned):
        return asked
    numbered = keyed(
        matching.with_columns(dimension.expr.alias(_KEY + dimension.name) for dimension in dimensioned),
        NUMBER, [_KEY + dimension.name for dimension in dimensioned],
    )  # fmt: skip
    # Other metrics have no say in what is first; where some are quantiles, it is to be known of what kind.
    ranked = {name: item for name, item in computed.items() if name in {*judged, order[0]} or not item.parts}
    many = Many(
        roughly_distinct(numbered.filter(IS_REQUEST), NUMBER),
        plan(numbered, (_BY_NUMBER,), ranked),
        lambda parts: [plan(part, (_BY_NUMBER,), ranked).groups for part in parted(numbered, NUMBER, parts)],
        # Some metrics are about all requests: only the groups are fewer.
        lambda numbers: replace(
            asked, groups=plan(numbered.filter(nw.col(NUMBER).is_in(numbers)), dimensioned, computed).groups
        ),
    )
    return replace(asked, many=many)


def matching_events(
    events: Events, *, where: str | Sequence[str] | None = None, window: Window | None = None, dtypes: Types = DTYPES,
    leave: LeftOut = NOTHING,
) -> Events:  # fmt: skip
    """Return the events in the window for which every condition is true, but those that are left out.

    Raises UsageError for a bad condition.
    """
    window = window or Window()
    if window.since is not None:
        events = events.filter(nw.col("timestamp") >= nw.lit(window.since, nw.Datetime("us", "UTC")))
    if window.until is not None:
        events = events.filter(nw.col("timestamp") < nw.lit(window.until, nw.Datetime("us", "UTC")))
    for text in [where] if isinstance(where, str) else where or ():
        events = events.filter(condition(text, dtypes).expr)
    return leave.of(events)


def _groups(
    events: Events, by: tuple[Dimension, ...], metrics: Mapping[str, Metric], *, newest: bool, failed: nw.Expr,
    leave: LeftOut,
) -> Events:  # fmt: skip
    parts = {
        part.name: replace(part, row=nw.when(failed).then(part.row).otherwise(nw.lit(0))) if part.of_errors else part
        for metric in metrics.values()
        for part in metric.parts
    }
    parts[REQUESTS.name] = REQUESTS
    if not any(dimension.name == "account" for dimension in by):
        parts[ATTRIBUTED.name] = ATTRIBUTED
    if any(isinstance(item, Quantile) for metric in metrics.values() for item in metric.details):
        parts[HEAVIEST.name] = HEAVIEST
    if newest:
        parts[NEWEST.name] = NEWEST
    requests_only = not any(part.every_kind for part in parts.values()) and all(d.name != "kind" for d in by)
    if requests_only:
        events = events.filter(IS_REQUEST)
    else:
        parts = {name: _of_requests(part) for name, part in parts.items()}

    events = with_hashes(events, {_hash(part.of): part.of for part in parts.values() if part.of})
    rows = events.select(
        *(dimension.expr.alias(dimension.name) for dimension in by),
        *([] if by or leave else [_ONE_GROUP.alias(_ALL)]),
        # One more key costs less than a pass that counts what is left out.
        *([leave.code] if leave else []),
        *(_row(part, masked=not requests_only).alias(part.name) for part in parts.values()),
    )
    keys = [*(dimension.name for dimension in by), *([OUT] if leave else [])]
    groups = _grouped(rows, keys or [_ALL], tuple(parts.values()))
    if not by:
        groups = _one_row(groups, tuple(parts.values()), leave)
    return groups.with_columns(_finished(part) for part in parts.values())


def _one_row(groups: Events, parts: Sequence[Part], leave: LeftOut) -> Events:
    """Return one row even where nothing matched; what is left out comes as a column for each reason."""
    counts = []
    if leave:
        inside = nw.col(OUT) == 0
        counts = [
            nw.when(nw.col(OUT) == code).then(nw.col(REQUESTS.name)).otherwise(nw.lit(0)).alias(out_column(code))
            for code in leave.codes
        ]
        kept = [nw.when(inside).then(nw.col(name)).alias(name) for name in (ROWS, *(part.name for part in parts))]
        groups = groups.select(*kept, *counts)
    return groups.select(
        nw.col(ROWS).sum(), *(_whole(part) for part in parts), *(nw.col(out_column(code)).sum() for code in leave.codes)
    )


def _grouped(rows: Events, keys: Sequence[str], parts: Sequence[Part]) -> Events:
    """Combine the rows of each key."""
    distinct = [part for part in parts if part.combine == "distinct"]
    others = [_combined(part) for part in parts if part.combine != "distinct"]
    if [part.of for part in distinct] == [_FEW]:
        [name] = [part.name for part in distinct]
        pairs = grouped(rows, [*keys, name], nw.len().alias(ROWS), *others)
        return grouped(pairs, keys, nw.col(ROWS).sum(), nw.col(name).count(), *others)
    # Engines count null as one more value: it is taken off again.
    nulls = {part.name: f"{part.name}?" for part in distinct}
    rows = rows.with_columns(nw.col(name).is_null().cast(nw.Int8).alias(null) for name, null in nulls.items())
    counted = [expr for name, null in nulls.items() for expr in (nw.col(name).n_unique(), nw.col(null).max())]
    groups = grouped(rows, keys, nw.len().alias(ROWS), *others, *counted)
    return groups.with_columns(nw.col(name).cast(nw.Int64) - nw.col(null) for name, null in nulls.items())


def _hash(column: str) -> str:
    return f"#hash:{column}"


def _of_requests(part: Part) -> Part:
    return part if part.every_kind else replace(part, row=nw.when(IS_REQUEST).then(part.row))


def _row(part: Part, *, masked: bool) -> nw.Expr:
    if not part.of:
        return part.row
    value = nw.col(_hash(part.of))
    return nw.when(IS_REQUEST).then(value) if masked and not part.every_kind else value


def _combined(part: Part) -> nw.Expr:
    column = nw.col(part.name)
    return column.min() if part.combine == "min" else column.max() if part.combine == "max" else column.sum()


def _whole(part: Part) -> nw.Expr:
    """Combine the one row there is, or none."""
    return nw.col(part.name).sum() if part.combine == "distinct" else _combined(part)


def _finished(part: Part) -> nw.Expr:
    column = nw.col(part.name)
    if part.combine == "distinct":
        column = column.cast(nw.Int64)
    # The sum over no value is 0 on one engine and null on another.
    return nw.coalesce(column, nw.lit(0)).alias(part.name) if part.combine in ("sum", "distinct") else column


def metric_of(name: str, dtypes: Types) -> Metric:
    """Return the metric of a name, or one that is spelled out. Raises UsageError for what is none of these events."""
    metric = metric_named(name, dtypes, lambda text: condition(text, dtypes))
    if "endpoint.documented" in metric.needs and "endpoint.documented" not in dtypes:
        raise UsageError(
            f"`{name}`: no endpoint is documented", hint="name the description under `openapi:` in apilens.yaml"
        )
    return metric


def _having(
    text: str, by: tuple[Dimension, ...], shown: Mapping[str, Metric], dtypes: Types
) -> tuple[nw.Expr, frozenset[str], dict[str, Metric]]:
    """Return the compiled condition, the metrics and dimensions that it names, and which metrics are not shown."""
    from apilens.filters import compile_filter
    from apilens.syntax import canonical, metrics_of

    spelled = {canonical(name): name for name in shown if name not in BY_NAME}
    hidden: dict[str, Metric] = {}
    for name in metrics_of(text):
        if name not in shown and name not in spelled and (name in BY_NAME or "(" in name):
            hidden[name] = metric_of(name, dtypes)
    types: dict[str, pl.DataType] = {dimension.name: dimension.dtype for dimension in by}
    types |= {name: dtype_of(metric) for name, metric in {**BY_NAME, **shown, **hidden}.items()}
    types |= {name: dtype_of(shown[listed]) for name, listed in spelled.items()}
    expr = compile_filter(text, types, derived={name: nw.col(listed) for name, listed in spelled.items()})
    named = {spelled.get(name, name) for name in metrics_of(text)}
    return expr, frozenset(named & {*shown, *hidden, *(dimension.name for dimension in by)}), hidden


def _order(
    sort: str | None, by: tuple[Dimension, ...], shown: Mapping[str, Metric], dtypes: Types
) -> tuple[tuple[str, bool], dict[str, Metric]]:
    """Return the column to sort by with whether it falls, and the metric behind it where it is not shown."""
    if not sort:
        return (next(iter(shown)), True), {}
    name, direction = sorting(sort)
    if name in {dimension.name for dimension in by}:
        return (name, direction == "desc"), {}
    extra = {} if name in shown else {name: metric_of(name, dtypes)}
    return (name, direction != "asc"), extra


def sorting(sort: str) -> tuple[str, str]:
    """Return what `NAME[:asc|:desc]` sorts by, and the direction, "" unless told. Raises UsageError for another one."""
    name, colon, direction = sort.rpartition(":")
    if colon and direction in ("asc", "desc"):
        return name, direction
    if colon and name.isidentifier():
        raise UsageError(f"`{sort}`: sort direction is asc or desc", hint=f"for example --sort {name}:desc")
    return sort, ""
