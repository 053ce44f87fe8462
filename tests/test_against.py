"""A part against all the others: the same as sorting the others anew, for each part."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apilens.against import against

WANTED = {"p50": 0.5, "p95": 0.95}
_ACCOUNTS = st.sampled_from(["a", "b", None])
_VALUES = st.integers(-3, 6).map(float)
values = st.lists(
    st.tuples(st.sampled_from("xy"), _ACCOUNTS, _VALUES, st.sampled_from([1, 1, 3])), min_size=1, max_size=40
)


def quantile(found: list[float], q: float) -> float | None:
    if not found:
        return None
    found = sorted(found)
    rank = q * (len(found) - 1)
    low, high = found[math.floor(rank)], found[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


@given(values)
def test_the_others_of_each_part(rows: list[tuple[str, str | None, float, int]]) -> None:
    table = pl.DataFrame(
        rows, schema={"e": pl.String, "a": pl.String, "#value": pl.Float64, "#weight": pl.Int64}, orient="row"
    )
    summed = pl.col("#weight").sum()

    found = against(
        table.group_by("e", "a", "#value").agg(summed), table.group_by("e", "#value").agg(summed), keys=["a", "e"],
        within="e", wanted=WANTED,
    )  # fmt: skip

    assert found.height == len({row[:2] for row in rows})
    for row in found.iter_rows(named=True):
        own = [v for e, a, v, times in rows for _ in range(times) if (e, a) == (row["e"], row["a"])]
        others = [v for e, a, v, times in rows for _ in range(times) if e == row["e"] and a != row["a"]]
        middle = quantile(own + others, 0.5)
        assert middle is not None
        assert (row["#n"], row["#others"]) == (len(own), len(others))
        assert row["#above"] == sum(v > middle for v in own)
        assert row["#above_all"] == sum(v > middle for v in own + others)
        for name, q in WANTED.items():
            assert row[name] == pytest.approx(quantile(own, q))
            assert row[f"others_{name}"] == (pytest.approx(quantile(others, q)) if others else None)
