"""funnel: how many get from step to step, where they stop, and how long the others take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import narwhals as nw
import polars as pl

from apilens import dimensions
from apilens.analyses import collect
from apilens.analyses.funnel_options import SLACK, FunnelOptions
from apilens.answer import Events
from apilens.computed import condition
from apilens.engine import frame
from apilens.errors import UsageError
from apilens.funnel_events import Marks
from apilens.funnel_people import afterwards, dropped_rows, fields_of, people
from apilens.funnel_rows import BY, HOLD, ORDER, UNIT, flags_of
from apilens.funnel_steps import condition_of, parse_step, success_of
from apilens.funnel_table import FIELDS, P_VALUE, compared, tabulate, walked
from apilens.funnels import Attempts, attempts_of
from apilens.left_out import lines_of, split
from apilens.query import matching_events
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES, conform
from apilens.sessions import parts_for, with_sessions
from apilens.window import Window, shortest


def funnel(events: Events, options: FunnelOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return a row per step (and group), or who stopped or got somewhere.

    Raises UsageError for a step, column or condition that cannot be meant.
    """
    options.check()
    listing = options.dropped or options.reached
    if options.newest is None:
        # Until when nothing is known to have happened decides who has dropped out.
        [newest] = collect([events.select(nw.col("timestamp").max())])
        options = replace(options, newest=newest.item() if newest.height else None)
    found, strangers, left_out = _attempts(events, options, options.window, columns)
    if listing:
        return _listed(events, options, found, columns, left_out)
    fields = [Field(item.name, item.unit) for item in dimensions.resolve(options.by, columns)]
    attempts = _walked(found, options)
    rows = _tabulated(attempts, options, fields, every=False)
    shown: tuple[Field, ...] = (*fields, *FIELDS, *([P_VALUE] if fields else []))
    if other := options.other_window:
        before, _, _ = _attempts(events, options, other, columns)
        rows, more = compared(
            rows, _tabulated(_walked(before, options), options, fields, every=True), keys=[item.name for item in fields]
        )
        shown = (*shown, *more)
    return Result(
        kind="funnel",
        title=f"Funnel {options.name}" if options.name else "Funnel",
        tables=(Table("funnel", shown, rows),),
        query=options.query(),
        header=(*options.lines(), *left_out),
        notes=_notes(options, rows, attempts, strangers),
        command=options.again(),
    )


def _attempts(
    events: Events, options: FunnelOptions, entries: Window, columns: Mapping[str, pl.DataType]
) -> tuple[list[Attempts], int, tuple[str, ...]]:
    """Return the attempts that begin in a window, how many events are steps but of nobody, and lines that say how many
    are steps but left out.
    """

    def compile_sql(text: str) -> tuple[nw.Expr, frozenset[str]]:
        found = condition(text, columns)
        return found.expr, found.columns

    success = success_of(compile_sql, options.errors)
    marks = Marks(
        steps=[condition_of(step, compile_sql, success) for step in options.parsed],
        excluded=[condition_of(parse_step(text), compile_sql, success) for text in options.exclude],
        success=success,
        unit=options.unit,
        hold=dimensions.resolve(options.hold, columns),
        by=dimensions.resolve(options.by, columns),
        order=options.rules.order,
        entries=entries,
        leave=options.leaves(columns),
    )

    def marked(source: Events, window: Window) -> Events:
        return marks.of(matching_events(source, where=options.where, window=window, dtypes=columns))

    reads = _reads(options, entries)
    sources = _in_sessions(events, options, reads, columns) if options.unit == "session" else [events]
    if options.actions is not None and options.actions.height:
        sources.append(frame(conform(options.actions, columns=columns, extra=columns)))
    found = collect([marked(source, reads) for source in sources])
    texts = [pl.col(name).cast(pl.String) for name in (UNIT, "source") if len(found) > 1]
    rows = pl.concat([part.with_columns(texts) for part in found])
    rows, left_out = split(rows)
    nobody = pl.col(UNIT).is_null()
    strangers = rows.select((nobody & pl.any_horizontal(flags_of(options.rules))).sum()).item()
    # What has no value that could be the same as another's is left out.
    needed = [UNIT, *(f"{HOLD}{number}" for number in range(1, len(marks.hold) + 1))]
    if sum(rows.select(needed).null_count().row(0)):
        rows = rows.drop_nulls(needed)
    carried = [name for name in rows.columns if name.startswith(BY)]
    listing = options.dropped or options.reached
    rules = replace(options.rules, newest=options.newest)
    return attempts_of(rows, rules, carried=[*carried, *(ORDER if listing else ())]), strangers, lines_of(left_out)


def _reads(options: FunnelOptions, entries: Window) -> Window:
    """Return the window of the events that matter where attempts begin in `entries`."""
    return Window(entries.since, entries.until and entries.until + options.rules.within + SLACK)


def _in_sessions(
    events: Events, options: FunnelOptions, window: Window, columns: Mapping[str, pl.DataType]
) -> list[Events]:  # fmt: skip
    """Return the events of the window in parts, with their sessions. A condition chooses what counts in a session, not
    what a session is.
    """
    known = matching_events(events, window=window)
    [rows] = collect([known.select(nw.len())])
    leave = options.leaves(columns)
    # These rows have all that steps and breakdowns read: twice what sessions alone take.
    return with_sessions(known, out=leave.code != 0 if leave else None, parts=parts_for(2 * rows.item()))


def _walked(found: list[Attempts], options: FunnelOptions) -> pl.DataFrame:
    return walked(found, steps=len(options.steps), order=options.rules.order, by=len(options.by), at=options.place)


def _tabulated(attempts: pl.DataFrame, options: FunnelOptions, fields: list[Field], *, every: bool) -> pl.DataFrame:
    return tabulate(attempts, options.names, fields, limit=None if every else options.limit)


def _listed(
    events: Events, options: FunnelOptions, found: list[Attempts], columns: Mapping[str, pl.DataType],
    left_out: tuple[str, ...],
) -> Result:  # fmt: skip
    unit, number = options.unit, options.dropped or options.reached or 0
    depth = pl.col("depth")
    chosen = (depth == number) & ~pl.col("open") if options.dropped else depth >= number
    if options.dropped == len(options.steps):
        chosen = pl.lit(False)
    everybody = people(found, chosen, unit=unit)
    rows = everybody.head(everybody.height if options.limit is None else options.limit)
    fields = fields_of(unit, dropped=options.dropped is not None)
    if options.dropped:
        failed = condition(options.errors or "status >= 400", columns).expr
        reads = _reads(options, options.window)
        sources = _in_sessions(events, options, reads, columns) if unit == "session" else [events]
        done = [matching_events(source, window=reads, leave=options.leaves(columns)) for source in sources]
        later = pl.concat(collect([afterwards(part, rows, unit=unit, failed=failed) for part in done]))
        rows = dropped_rows(rows, later, unit=unit)
    name = options.names[number - 1]
    title = f"Stopped after step {number}, {name}" if options.dropped else f"Got to step {number}, {name}"
    more = everybody.height - rows.height
    notes = [f"and {more:,} more; --limit all shows them"] if more else []
    return Result(
        kind="funnel.dropped" if options.dropped else "funnel.reached",
        title=title,
        tables=(Table("people", fields, rows.select(item.name for item in fields)),),
        query=options.query(),
        header=(*options.lines(), *left_out, f"{title[0].lower()}{title[1:]}: {everybody.height:,}"),
        notes=tuple(notes if everybody.height else ["nobody did"]),
        command=options.again(),
    )


def failing(result: Result, limits: Mapping[str, float]) -> list[str]:
    """Return a line for each step whose conversion is below its limit, by the step's name or number.

    Raises UsageError for a step that there is not.
    """
    table = result.tables[0].rows
    lines = []
    for step, limit in limits.items():
        rows = table.filter((pl.col("step").cast(pl.String) == step) | (pl.col("name") == step))
        if rows.is_empty() and table.height:
            known = ", ".join(table["name"].unique(maintain_order=True))
            raise UsageError(f"--fail-under {step}: there is no such step", hint=f"a number or a name: {known}")
        for number, name, share in rows.select("step", "name", "conversion").iter_rows():
            if share is not None and share < limit:
                lines.append(f"step {number}, {name}: {share:.1%} is below {limit:.1%}")
    return lines


def _notes(options: FunnelOptions, rows: pl.DataFrame, attempts: pl.DataFrame, strangers: int) -> tuple[str, ...]:
    what = "attempt" if options.rules.counting == "attempts" else options.unit.replace("_", " ")
    notes = []
    if not attempts.height:
        notes.append(f"no {what} began: widen --since, or look at step 1 with `apilens report --by endpoint`")
    depths = attempts.filter(pl.col("depth") > 0)
    lost = depths.filter(~pl.col("open") & (pl.col("depth") < len(options.steps)))["depth"].value_counts()
    if lost.height:
        number, count = lost.sort("count", "depth", descending=[True, False]).row(0)
        words = "" if options.rules.counting == "attempts" else f"; --dropped {number} lists them"
        notes.append(f"biggest loss {number} → {number + 1}: {_counted(count, what)}{words}")
    if still := int(depths["open"].sum()):
        window = shortest(options.rules.within)
        notes.append(f"{_counted(still, what)} still inside the window of {window}: open, not dropped")
    groups = len(rows) // len(options.steps)
    keys = [f"{BY}{number}" for number in range(1, len(options.by) + 1)]
    if keys and (more := depths.select(keys).n_unique() - groups) > 0:
        notes.append(f"and {more:,} more groups; --limit all shows them")
    if strangers:
        notes.append(f"{_counted(strangers, 'event')} of the steps had no {options.unit}: in no funnel")
    return tuple(notes)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
