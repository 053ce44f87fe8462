"""The columns of what changed: which metrics must be computed for those asked for, and what conditions may name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from apilens import dimensions
from apilens.computed import dtype_of
from apilens.errors import UsageError
from apilens.metric import Metric
from apilens.metrics import BY_NAME
from apilens.query import metric_of, sorting
from apilens.result import Beside, Field

STATE = "state"
FAILS = "fails"
NEW, GONE, CHANGED, SAME = STATES = ("new", "gone", "changed", "same")
SUFFIXES = ("_before", "_change", "_diff")
_CLAIMS = {name: nw.col(STATE) == name for name in (NEW, GONE)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a comparison: dimensions, metrics that are shown, all that are computed, and the order of rows.

    fields: the computed metrics by name, as results have them. flag: a condition over these columns, and others that a
    condition may name; rows for which it holds come first, and say so in the column `fails`.
    """

    by: tuple[Field, ...]
    shown: tuple[str, ...]
    fields: Mapping[str, Field]
    having: nw.Expr | None
    sort: tuple[str, bool]
    flag: nw.Expr | None = None

    @property
    def keys(self) -> list[str]:
        """The names of the dimensions."""
        return [item.name for item in self.by]

    @property
    def computed(self) -> list[str]:
        """The names of the metrics that must be computed."""
        return list(self.fields)

    @property
    def columns(self) -> tuple[Field, ...]:
        """The columns of the answer, in order."""
        flag = [Field(FAILS)] if self.flag is not None else []
        parts = (part for name in self.shown for part in columns_of(self.fields[name]))
        return (*self.by, Field(STATE), *flag, *parts)

    def ranked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that the condition holds for, in their order."""
        if self.having is not None:
            rows = nw.from_native(rows).filter(self.having).to_native()
        first, falling = self.sort
        order = list(dict.fromkeys([first, *self.keys]))
        ranked = rows.sort(order, descending=[falling, *[False] * (len(order) - 1)], nulls_last=True)
        if self.flag is None:
            return ranked
        # What is unknown does not fail.
        flagged = nw.from_native(ranked).with_columns(nw.coalesce(self.flag, nw.lit(False)).alias(FAILS)).to_native()
        return flagged.sort(FAILS, descending=True, maintain_order=True)


def columns_of(field: Field) -> Iterator[Field]:
    """Give the columns of a metric: now, before, and what there is to say of the difference. Times have no ratio."""
    yield field
    yield Field(f"{field.name}_before", field.unit, field.better)
    if field.unit != "time":
        yield Field(f"{field.name}_change", "ratio")
    if field.unit == "ratio":
        yield Field(f"{field.name}_diff", "ratio", field.better)


def people_see(fields: Sequence[Field]) -> Beside:
    """Return how people see these columns: a rate with its difference behind it, another number with its ratio."""
    names = {field.name for field in fields}
    changes = {
        name: f"{name}_diff" if f"{name}_diff" in names else f"{name}_change"
        for name in names
        if f"{name}_change" in names
    }
    compared = {name for name in names if f"{name}_before" in names}
    return Beside(
        changes, frozenset(name + suffix for name in compared for suffix in SUFFIXES if name + suffix in names)
    )


def asked_of(
    metrics: Sequence[str], *, by: Sequence[str], having: str | None, sort: str | None,
    dtypes: Mapping[str, pl.DataType], flag: str | None = None,
) -> Asked:  # fmt: skip
    """Return what is asked, names resolved. Raises UsageError for one that cannot be meant."""
    grouped = dimensions.resolve(by, dtypes)
    shown = tuple(dict.fromkeys(metrics))
    if not shown:
        raise UsageError("a comparison needs a metric", hint="for example --metrics requests,error_rate")
    keys = [dimension.name for dimension in grouped]
    computed = {name: metric_of(name, dtypes) for name in shown}
    name, direction = sorting(sort) if sort else (shown[0], "")
    if name not in (*keys, STATE) and (metric := _base(name, computed)) not in computed:
        computed[metric] = metric_of(metric, dtypes)
    if sort and name not in (*keys, STATE):
        _check(name, computed[_base(name, computed)])
    conditions = [text for text in (having, flag) if text is not None]
    named = {name: metric for text in conditions for name, metric in _named(text, computed).items()}
    computed |= {metric: metric_of(metric, dtypes) for metric in named.values() if metric not in computed}
    fields = {name: Field(name, metric.unit, metric.better) for name, metric in computed.items()}
    types = {dimension.name: dimension.dtype for dimension in grouped} | _types(computed)
    falling = direction != "asc" if name not in (*keys, STATE) else direction == "desc"
    return Asked(
        by=tuple(Field(item.name, item.unit) for item in grouped), shown=shown, fields=fields,
        having=_compiled(having, types, named), sort=(name, falling), flag=_compiled(flag, types, named),
    )  # fmt: skip


def _base(name: str, computed: Mapping[str, Metric]) -> str:
    """Return the metric that a column is about."""
    if name in computed or name in BY_NAME:
        return name
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def _check(column: str, metric: Metric) -> None:
    known = [item.name for item in columns_of(Field(metric.name, metric.unit))]
    if column not in known:
        raise UsageError(f"there is no `{column}`", hint=f"of {metric.name} there are {', '.join(known)}")


def _named(having: str, computed: Mapping[str, Metric]) -> dict[str, str]:
    """Return the metrics that a condition is about, by what it calls their columns: calls in canonical spelling."""
    from apilens.syntax import canonical, metrics_of

    spelled = {canonical(name): name for name in computed if "(" in name}
    named: dict[str, str] = {}
    for text in metrics_of(having):
        metric = spelled.get(text, _base(text, computed))
        if metric in computed or metric in BY_NAME or "(" in metric:
            named[text] = metric
    return named


def _types(computed: Mapping[str, Metric]) -> dict[str, pl.DataType]:
    types: dict[str, pl.DataType] = {STATE: pl.String(), **{claim: pl.Boolean() for claim in _CLAIMS}}
    # Those that are not computed are here for the advice on a name that is misspelled.
    for name, metric in {**BY_NAME, **computed}.items():
        for column in columns_of(Field(name, metric.unit)):
            types[column.name] = dtype_of(metric) if column.name in (name, f"{name}_before") else pl.Float64()
    return types


def _compiled(having: str | None, types: Mapping[str, pl.DataType], named: Mapping[str, str]) -> nw.Expr | None:
    if having is None:
        return None
    from apilens.filters import compile_filter

    # count(status=401) is listed under the name that it was asked for by.
    calls = {text: metric for text, metric in named.items() if "(" in text and text not in types}
    known = {**types, **{text: types[metric] for text, metric in calls.items()}}
    derived = {**_CLAIMS, **{text: nw.col(metric) for text, metric in calls.items()}}
    return compile_filter(having, known, derived=derived)
