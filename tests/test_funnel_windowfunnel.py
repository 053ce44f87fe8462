"""Entry `any` is ClickHouse's windowFunnel, on a million events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import chdb
import polars as pl
import pytest

from apilens.funnel_rules import Rules
from apilens.funnels import attempts_of

EVENTS, USERS = 1_000_000, 20_000
START = datetime(2026, 11, 1, tzinfo=UTC)
STEPS = ("step_1", "step_2", "step_3", "step_4")


def million(*, overlap: bool) -> pl.DataFrame:
    """Events in two weeks; with `overlap` every fifth is two steps. No two are of the same microsecond: windowFunnel
    would take those as they come from its threads."""
    n = pl.int_range(EVENTS)
    what = n.hash(3) % 5
    both = pl.lit(overlap) & (what == 1)
    moment = (n.hash(2) % 1_000_000).cast(pl.Int64) * 1_209_600 + n % 1000
    return pl.select(
        unit=pl.concat_str(pl.lit("u"), n.hash(1) % USERS),
        started_at=pl.lit(START) + pl.duration(microseconds=moment),
        source=pl.lit("a"), line=n, item=pl.lit(0), excluded=pl.lit(False),
        step_1=what <= 1, step_2=both | (what == 2), step_3=what == 3, step_4=what == 4,
    ).unique("started_at", keep="first", maintain_order=True).with_columns(entry="step_1")  # fmt: skip


# One event is one step only: where some could be two, that is what ClickHouse calls strict_once.
@pytest.mark.parametrize("overlap,mode,hours", [(False, "", 6), (True, ", 'strict_once'", 12)])
def test_any_entry_is_window_funnel(tmp_path: Path, overlap: bool, mode: str, hours: int) -> None:
    events = million(overlap=overlap)
    events.select("unit", "started_at", *STEPS).write_parquet(tmp_path / "events.parquet")
    rules = Rules(counts=(1,) * 4, within=timedelta(hours=hours), entry="any")

    [found] = attempts_of(events, rules)

    levels = chdb.query(
        f"""SELECT level, count() FROM (
            SELECT unit, windowFunnel({hours * 3_600_000_000}{mode})(toUInt64(toUnixTimestamp64Micro(started_at)),
                   {", ".join(STEPS)}) AS level
            FROM file('{tmp_path / "events.parquet"}', Parquet) GROUP BY unit
        ) WHERE level > 0 GROUP BY level ORDER BY level""",
        "CSV",
    )
    theirs = dict(tuple(map(int, line.split(","))) for line in str(levels).split())
    ours = dict(found.table["depth"].value_counts().sort("depth").iter_rows())
    assert events.height > 0.6 * EVENTS
    assert ours == theirs
    assert len(ours) == 4
