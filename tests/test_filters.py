"""SQL conditions: what they keep, what they refuse, and that refusals point at the place."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.engine import frame
from apilens.errors import UsageError
from apilens.filters import compile_filter
from apilens.syntax import canonical, columns_of, like_regex, metrics_of

TIME = pl.Datetime("us", "UTC")
EVENTS = pl.DataFrame(
    {
        "id": ["ok", "denied", "empty", "down"],
        "status": [200, 401, None, 503],
        "account": ["acme", "it's 5%", None, "Zed"],
        "duration_ms": [1.5, 0.0, None, 9.0],
        "is_bot": [True, False, None, False],
        "response_bytes": [0, 2**62, None, 5],
        "timestamp": [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3, 4)],
        "account.plan": ["pro", "free", None, "pro"],
        "sdk_version": ["1.9", "1.10.0", None, "dev"],
    },
    schema_overrides={"status": pl.Int16, "timestamp": TIME},
).with_columns(day=pl.col("timestamp").dt.date())


def kept(text: str) -> str:
    found = frame(EVENTS).filter(compile_filter(text, EVENTS.schema)).collect()
    return " ".join(found["id"].to_list())


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("status >= 400", "denied down"),
        ("version(sdk_version) < version('1.10')", "ok"),
        ("version(sdk_version) < '1.10'", "ok"),
        ("'1.10' <= VERSION(sdk_version)", "denied"),
        ("version(sdk_version) = version('v1.10')", "denied"),
        ("version(sdk_version) IN ('1.9.0', '7')", "ok"),
        ("version(sdk_version) BETWEEN '1.9.1' AND '2'", "denied"),
        ("version(sdk_version) IS NULL", "empty down"),
        ("version(lower(sdk_version)) > '1.9'", "denied"),
        ("coalesce(version(sdk_version), version('0')) < '1'", "empty down"),
        ("status = 200", "ok"),
        ("status != 200", "denied down"),
        ("status <> 200", "denied down"),
        ("400 <= status", "denied down"),
        ("NOT status >= 400", "ok"),
        ("status >= 400 AND account = 'Zed' OR is_bot", "ok down"),
        ("status >= 400 AND (account = 'Zed' OR is_bot)", "down"),
        ("status IN (401, 503.0)", "denied down"),
        ("status NOT IN (401)", "ok down"),
        ("status BETWEEN 200 AND 401", "ok denied"),
        ("status NOT BETWEEN 200 AND 401", "down"),
        ("status IS NULL", "empty"),
        ("status IS NOT NULL", "ok denied down"),
        ("status < 70000", "ok denied down"),
        ("status > -40000", "ok denied down"),
        ("status < 99999999999999999999", "ok denied down"),
        ("-5 < status", "ok denied down"),
        ("is_bot", "ok"),
        ("NOT is_bot", "denied down"),
        ("is_bot = false", "denied down"),
        ("is_bot IS NOT TRUE", "denied empty down"),
        ("is_bot IS FALSE", "denied down"),
        ("account LIKE 'it''s _\\%'", ""),
        ("account LIKE 'it''s %'", "denied"),
        ("account LIKE 'it_s 5_'", "denied"),
        (r"account LIKE 'it_s 5\%' ESCAPE '\'", "denied"),
        (r"account LIKE 'it\_s 5\%' ESCAPE '\'", ""),
        ("account NOT LIKE 'it_s 5!%' ESCAPE '!'", "ok down"),
        ("account LIKE 'it_s 5%%' ESCAPE '%'", "denied"),
        ("account LIKE 'cme'", ""),
        ("account LIKE '.*'", ""),
        ("account NOT LIKE 'a%'", "denied down"),
        ("account ILIKE 'z%'", "down"),
        ("lower(account) = 'zed'", "down"),
        ("upper(account) = 'ACME'", "ok"),
        ("coalesce(account, '-') = '-'", "empty"),
        ("starts_with(account, 'a')", "ok"),
        ("contains(account, '%')", "denied"),
        ("ends_with(account, 'd')", "down"),
        ("account IN ('acme', 'Zed')", "ok down"),
        ("account > 'Z'", "ok denied down"),
        ("timestamp >= '2026-11-03'", "empty down"),
        ("timestamp < '2026-11-02T01:00:00+01:00'", "ok"),
        ("timestamp IN ('2026-11-03', '2026-11-04T00:00:00Z')", "empty down"),
        ("day = '2026-11-03'", "empty"),
        ("day BETWEEN '2026-11-02' AND '2026-11-03'", "denied empty"),
        ("status / 2 = 100.0", "ok"),
        ("status - 1 + 1 * 2 = 201 + 0", "ok"),
        ("10 / duration_ms > 5", "ok"),
        ("response_bytes * 4 > 1", "denied down"),
        ("status > duration_ms * 100", "ok denied"),
        ("account.plan = 'free'", "denied"),
        ("/* why */ status = 200 -- ok", "ok"),
        ("status = 200 OR " + " OR ".join(f"status = {code}" for code in range(1000, 1400)), "ok"),
    ],
)
def test_a_condition_keeps_what_it_is_true_for(text: str, ids: str) -> None:
    assert kept(text) == ids


@pytest.mark.parametrize(
    ("text", "marked", "hint"),
    [
        ("stauts >= 400", "stauts", "did you mean `status`?"),
        ("status >= 400 AND\n bogus = 1", "bogus", None),
        ('account = "acme"', '"acme"', "single quotes: 'acme'"),
        ("status = '401'", "'401'", "no quotes: 401"),
        ("account = 42", "42", "'42'"),
        ("status IN (401, 'x')", "'x'", None),
        ("timestamp > 'nope'", "'nope'", "2026-11-01"),
        ("timestamp > 5", "5", None),
        ("is_bot > true", "is_bot", "= or <>"),
        ("account = NULL", None, "IS NULL"),
        ("account + 1 > 2", "account", None),
        ("status >= 400 foo", "foo", "AND or OR"),
        ("status", "status", "compare it"),
        ("1 = 1", "1 = 1", "status >= 400"),
        ("status AND is_bot", "status", None),
        ("a = 'x' xor b = 'y'", "xor", None),
        ("status >= 400 AND", "AND", None),
        ("account LIKE status", "status", None),
        ("account LIKE 'a' ESCAPE 'bc'", "'a'", r"LIKE 'a\_b%' ESCAPE '\'"),
        ("status LIKE 'x'", "status", None),
        ("count(status = 401) > 1", None, "functions"),
        ("version(sdk_version) < 2.0", "2.0", "version('2.0')"),
        ("version(sdk_version) < 'next'", "'next'", "begins with a number"),
        ("sdk_version < version('2.0')", None, "version(sdk_version)"),
        ("version(status) < '2.0'", "status", None),
        ("version(sdk_version, 2) < '2.0'", None, "version('2.0')"),
        ("version('1') < version('2')", None, "name one"),
        ("version(sdk_version)", None, "compare it"),
        ("", None, None),
        ("(", "(", None),
        ("status = 1; status = 2", None, "AND or OR"),
    ],
)
def test_a_mistake_is_marked_in_the_text(text: str, marked: str | None, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        kept(text)

    _, shown, carets = caught.value.message.split("\n")
    under = shown[carets.index("^") : len(carets)]
    assert marked is None or under == marked
    assert hint is None or hint in str(caught.value.hint)


@pytest.mark.parametrize(
    "text",
    [
        "status IN (SELECT 1)",
        "EXISTS (SELECT * FROM read_csv('/etc/passwd'))",
        "status = (SELECT max(status) FROM events)",
        "read_text('/etc/passwd') = 'x'",
        "read_csv('/etc/passwd') = 'x'",
        "getenv('HOME') = account",
        "status = 1 UNION SELECT 1",
        "SELECT 1",
        "DROP TABLE events",
        "COPY events TO '/tmp/x'",
        "CASE WHEN is_bot THEN true END",
        "CAST(status AS TEXT) = '1'",
        "status::text = '1'",
        "account || 'x' = 'y'",
        "account ~ 'a.*'",
        "account SIMILAR TO 'a'",
        "account LIKE 'a' ESCAPE status",
        "status = ANY(1)",
        "status OVER () = 1",
        "events.* = 1",
        "other.events.status = 1",
        "$1 = status",
        "? = status",
        "account LIKE '" + "_" * 501 + "'",
        "(" * 3000 + "is_bot" + ")" * 3000,
        "NOT " * 2400 + "is_bot",
        "a=1" + " OR a=1" * 1400,
        "status = 1e999",
        "is_bot AND " * 900 + "is_bot",
    ],
)
def test_anything_beyond_the_whitelist_is_refused_or_harmless(text: str) -> None:
    try:
        found = kept(text)
    except UsageError:
        return
    assert text.startswith("is_bot AND") and found == "ok"


_WORDS = (
    *(
        "status",
        "account",
        "is_bot",
        "timestamp",
        "day",
        "duration_ms",
        "400",
        "'acme'",
        "'2026-11-01'",
        "NULL",
        "TRUE",
    ),
    *(
        "AND",
        "OR",
        "NOT",
        "=",
        "<>",
        "<",
        ">=",
        "IN",
        "(",
        ")",
        ",",
        "LIKE",
        "+",
        "-",
        "*",
        "/",
        "BETWEEN",
        "IS",
        "lower",
    ),
    *("count", "1e9", ";", "--", "SELECT", "CASE", ".", "::", "%", "0x1", '"', "'", "[", "]"),
)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join) | st.text(max_size=40))
def test_any_text_filters_or_is_a_usage_error(text: str) -> None:
    try:
        found = kept(text)
    except UsageError as error:
        assert error.message
        return
    assert set(found.split()) <= {"ok", "denied", "empty", "down"}


@settings(max_examples=60)
@given(st.sampled_from(["status >= 400", "is_bot", "account LIKE 'a%'", "duration_ms / 0 > 1", "account IN ('acme')"]))
def test_a_condition_its_negation_and_neither_part_the_events(text: str) -> None:
    sizes = [len(kept(condition).split()) for condition in (text, f"NOT ({text})", f"({text}) IS NULL")]

    assert sum(sizes) == EVENTS.height


@given(st.text(alphabet="ab%_.\\[(^$*\n", max_size=8), st.text(alphabet="ab%_.\\[(^$*\n", max_size=8))
def test_like_means_what_sql_says(pattern: str, value: str) -> None:
    spelled = "".join({"%": "[\\s\\S]*", "_": "[\\s\\S]"}.get(character, re.escape(character)) for character in pattern)

    matches = pl.Series([value]).str.contains(like_regex(pattern))[0]

    assert matches == bool(re.fullmatch(spelled, value))


def test_names_in_a_condition_are_found() -> None:
    assert columns_of("status = 401 AND lower(account.plan) = 'x'") == {"status", "account.plan"}
    assert canonical("COUNT( status=401 )") == canonical("count(status = 401)")
    text = "errors > 5 AND count(status=401)/requests > .1 AND P95(duration_ms) > 3 OR count(*) > 1"
    assert metrics_of(text) == ("errors", "count(status = 401)", "requests", "p95(duration_ms)", "count(*)")


def test_a_derived_name_stands_for_its_expression() -> None:
    import narwhals as nw

    types: dict[str, Any] = {**EVENTS.schema, "slow": pl.Boolean()}
    expr = compile_filter("slow AND status > 0", types, derived={"slow": nw.col("duration_ms") > 5})

    assert frame(EVENTS).filter(expr).collect()["id"].to_list() == ["down"]


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(UsageError, match="9999 is too large a number"):
        compile_filter("status > " + "9" * 5_000, {"status": pl.Int16()})
