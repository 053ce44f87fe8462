"""Fisher's exact test against adding up all tables."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apilens.significance import fisher


def added_up(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    drawn = hits + other_hits
    counts = range(max(0, drawn - other_tries), min(tries, drawn) + 1)
    ways = {count: comb(tries, count) * comb(other_tries, drawn - count) for count in counts}
    return float(Fraction(sum(way for way in ways.values() if way <= ways[hits]), sum(ways.values())))


@given(st.data())
def test_it_adds_up_the_tables_that_are_no_more_likely(data: st.DataObject) -> None:
    tries, others = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 40))
    hits, other_hits = data.draw(st.integers(0, tries)), data.draw(st.integers(0, others))

    assert fisher(hits, tries, other_hits, others) == pytest.approx(added_up(hits, tries, other_hits, others), rel=1e-6)


def test_it_takes_samples_of_any_size() -> None:
    assert fisher(500_000, 1_000_000, 500_000, 1_000_000) == 1.0
    assert fisher(501_000, 1_000_000, 500_000, 1_000_000) == pytest.approx(0.157, abs=0.002)
    assert fisher(1_000_000, 1_000_000, 0, 1_000_000) == 0.0
