"""Versions in the order of releases."""

from __future__ import annotations

import itertools

import duckdb
import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from apilens.versions import key_column, key_of, version_key, with_version_keys

# SemVer 2.0.0 §11.4.4, PEP 440's summary of permitted suffixes, and what user agents have besides.
SEMVER = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0"
PEP_440 = "1.0.dev1 1.0a1 1.0b1 1.0b2 1.0rc1 1.0 1.0.post1 1.1.dev1 1.1"
SEEN = "1.8.0_92 1.8.0_292 1.9 1.10 1.10.1 2.0.0-next.1 2.0.0 7.81.0-DEV 7.81.0 123.0.0.0 123.0.1.0 20231124 20231125"
NO_VERSIONS = ("", "v", "latest", "dev", "x1.2", "-1", ".5")


def key(text: str) -> str:
    found = key_of(text)
    assert found is not None
    return found


@pytest.mark.parametrize("rising", [SEMVER, PEP_440, SEEN])
def test_versions_sort_as_their_rules_say(rising: str) -> None:
    for earlier, later in itertools.combinations(rising.split(), 2):
        assert key(earlier) < key(later), (earlier, later)


@pytest.mark.parametrize(
    "same",
    ["2 2.0 2.0.0 v2 V2.0 2.0.0+build.7", "1.4 1.4.0", "1.0rc1 1.0-rc.1 1.0.0-RC1 1.0c1 1.0pre1", "1.0a1 1.0-alpha1"],
)
def test_spellings_of_one_version_are_one(same: str) -> None:
    assert len({key_of(text) for text in same.split()}) == 1


@pytest.mark.parametrize("text", NO_VERSIONS)
def test_what_begins_with_no_number_is_no_version(text: str) -> None:
    assert key_of(text) is None


NUMBERS = st.lists(st.integers(0, 3000), min_size=1, max_size=5).map(lambda parts: ".".join(map(str, parts)))
SUFFIXES = st.tuples(st.sampled_from([".dev", "a", "b", "rc", ".post", "-alpha.", "-beta"]), st.integers(0, 30)).map(
    lambda pair: f"{pair[0]}{pair[1]}"
)
PYTHON_VERSIONS = st.tuples(NUMBERS, st.one_of(st.just(""), SUFFIXES)).map("".join)


@given(PYTHON_VERSIONS, PYTHON_VERSIONS)
def test_python_versions_sort_as_packaging_sorts_them(one: str, two: str) -> None:
    assert (key(one) < key(two)) == (Version(one) < Version(two))
    assert (key(one) == key(two)) == (Version(one) == Version(two))


def test_keys_of_distinct_versions_are_the_keys_of_every_row() -> None:
    texts = [*SEMVER.split(), *SEEN.split(), *NO_VERSIONS, None, "1.9", "1.9"]
    events = nw.from_native(pl.LazyFrame({"sdk_version": texts}))
    every = events.select(k=version_key(nw.col("sdk_version"))).collect()

    made, columns = with_version_keys(events, ["VERSION( sdk_version ) < '2'"], {"sdk_version": pl.String()})

    assert columns == {"sdk_version": pl.String(), key_column("sdk_version"): pl.String()}
    assert made.collect()[key_column("sdk_version")].to_list() == every["k"].to_list()


def test_a_question_without_versions_gets_no_column_of_keys() -> None:
    events = nw.from_native(pl.LazyFrame({"sdk_version": ["1"], "status": [200]}))
    columns = {"sdk_version": pl.String(), "status": pl.Int16()}

    made, known = with_version_keys(events, ["sdk_version = '1'", "version(status) = '1'", "version(other)"], columns)

    assert known == columns
    assert made.collect_schema().names() == ["sdk_version", "status"]


def test_duckdb_has_the_same_keys() -> None:
    texts = [
        *SEMVER.split(),
        *PEP_440.split(),
        *SEEN.split(),
        *NO_VERSIONS,
        "V2.0+build.7",
        "1.0c1",
        "2024-01-31",
        None,
    ]
    frame = pl.DataFrame({"sdk_version": texts}, schema={"sdk_version": pl.String})
    asked = (["version(sdk_version) < version('2')"], dict(frame.schema))

    ours, _ = with_version_keys(nw.from_native(frame.lazy()), *asked)
    with duckdb.connect() as connection:
        theirs, columns = with_version_keys(nw.from_native(connection.from_arrow(frame)), *asked)
        rows = theirs.collect(backend="polars").to_native()

    assert key_column("sdk_version") in columns
    assert rows.equals(nw.to_native(ours).collect())
