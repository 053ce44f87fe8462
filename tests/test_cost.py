"""What requests cost: by hand, on both engines, in reports and rules; and expressions that are none."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from apilens.analyses import answers, collect
from apilens.analyses.outliers import OutliersOptions, outliers
from apilens.cli import cli
from apilens.config import load
from apilens.cost import priced
from apilens.cost_settings import columns_of_cost
from apilens.engine import frame, scan
from apilens.errors import ConfigError, UsageError
from apilens.query import summarise
from apilens.schema import DTYPES, dtypes
from tests.event_frames import NOON, event, events_of

TOKENS = {"input_tokens": pl.Int64()}
TYPES = dtypes(TOKENS)
ROWS = [
    event(account="acme", input_tokens=1000, response_bytes=10, weight=1),
    event(account="acme", input_tokens=2000, response_bytes=0, weight=3),
    event(account="acme", input_tokens=None, response_bytes=20, weight=1),
    event(account="globex", input_tokens=None, response_bytes=5, weight=1),
]


@pytest.mark.parametrize(
    ("text", "costs"),
    [
        ("input_tokens * 0.003 + 1", [4, 7, None, None]),
        ("COALESCE(input_tokens, 0) * .003 + 1", [4, 7, 1, 1]),
        ("2 - (input_tokens - 500) / 500", [1, -1, None, None]),
        ("-response_bytes + +1e1", [0, 10, -10, 5]),
        ("100 / response_bytes", [10, None, 5, 20]),
        ("coalesce(input_tokens, response_bytes)", [1000, 2000, 20, 5]),
        ("7 / 2", [3.5] * 4),
    ],
)
def test_the_cost_of_each_request_on_both_engines(text: str, costs: list[float | None], tmp_path: Path) -> None:
    table = pl.DataFrame([{name: row.get(name) for name in TYPES} for row in ROWS], schema=TYPES)
    table = table.with_columns(line=pl.int_range(1, 5, dtype=pl.Int64))
    table.drop("day").write_parquet(tmp_path / "a.parquet")

    for events in (frame(table), scan([str(tmp_path / "a.parquet")], TYPES, engine="duckdb")):
        with_cost, types = priced(events, TYPES, text)
        [found] = collect([with_cost.sort("line").select("cost")])
        assert found["cost"].to_list() == pytest.approx(costs)
        assert types["cost"] == found.schema["cost"] == pl.Float64


def test_the_metric_weighs_sums_and_leaves_out_what_has_no_cost() -> None:
    events, types = priced(events_of(ROWS, extra=TOKENS), TYPES, "input_tokens * 0.003 + 1")

    plan = summarise(events, metrics=["cost", "mean(cost)"], by=["account"], having="cost < 100", dtypes=types)
    [answer] = answers([plan])

    # 4 + 3 × 7, of four requests that have one.
    assert answer.rows.rows() == [("acme", 25.0, 6.25), ("globex", 0.0, None)]


def test_a_store_without_the_column_costs_nothing() -> None:
    events, types = priced(events_of(ROWS), DTYPES, "coalesce(input_tokens, 5) + input_tokens")

    assert answers([summarise(events, metrics=["cost"], dtypes=types)])[0].rows.rows() == [(0.0,)]


def test_without_an_expression_there_is_no_cost() -> None:
    with pytest.raises(UsageError, match="nothing says what a request costs"):
        summarise(events_of(ROWS), metrics=["cost"])


def test_outliers_look_at_the_cost() -> None:
    tokens = {"a": 10, "b": 11, "c": 12, "d": 13, "e": 14, "huge": 4000}
    rows = [event(account=name, input_tokens=count) for name, count in tokens.items()]
    events, types = priced(events_of(rows, extra=TOKENS), TYPES, "input_tokens * 2")

    table = outliers(events, OutliersOptions(now=NOON, least=1), columns=types).tables[0].rows

    assert table.filter(metric="mean(cost)").select("account", "value").rows() == [("huge", 8000.0)]


def test_the_columns_of_an_expression() -> None:
    assert columns_of_cost("coalesce(a, b) * a + c - 1") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input_token * 2", "unknown column `input_token` (did you mean `input_tokens`?)"),
        ("account * 2", "account is no number to compute with"),
        ("weight * 2", "weight is no number to compute with"),
        ("input_tokens *", "'input_tokens *' is no arithmetic"),
        ("", "'' is no arithmetic"),
        ("input_tokens / 0", "divides by 0"),
        ("input_tokens / 0.0", "divides by 0"),
        ("input_tokens ** 9", "cannot take `input_tokens ** 9`"),
        ("__import__('os').getcwd()", "cannot take `__import__('os').getcwd()`"),
        ("input_tokens if 1 else 2", "cannot take"),
        ("account.price * 2", "cannot take `account.price`"),
        ("max(input_tokens, 2)", "cannot take `max(input_tokens, 2)`"),
        ("'7'", "cannot take `'7'`"),
        ("True", "cannot take `True`"),
        ("1e999", "cannot take"),
        ("(" * 240 + "1" + ")" * 240, "'((((("),
        ("-" * 240 + "1", "is nested deeper than 50 levels"),
        ("1+" * 300 + "1", "is longer than 500 characters"),
    ],
)
def test_every_mistake_has_its_file_and_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "apilens.yaml"
    path.write_text(f'columns:\n  input_tokens: {{from: usage.tokens, type: int}}\ncost: "{text}"\n')

    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.message.startswith(f"{path}:3: cost: {said}") and "\n" not in caught.value.message


def test_a_column_of_that_name_is_told_from_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "apilens.yaml"
    path.write_text("columns:\n  cost: {from: price, type: float}\ncost: duration_ms * 2\n")

    with pytest.raises(ConfigError, match=r":3: cost: `columns:` has a cost already"):
        load(path)


def test_a_rule_fires_by_the_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("apilens.yaml").write_text("cost: response_bytes * 0.5\nstore: s\n")
    Path("rules.yaml").write_text("rules:\n  - {name: dear, when: cost > 40, by: [account], window: 1h}\n")
    line = '10.0.0.1 - {} [23/Nov/2026:11:30:00 +0000] "GET /a HTTP/1.1" 200 {} "-" "curl/8.5"\n'
    Path("a.log").write_text(line.format("acme", 50) * 2 + line.format("globex", 80))
    window = ["--since", "2026-11-23T11:00Z", "--until", "2026-11-23T12:00Z"]

    done = CliRunner().invoke(
        cli, ["check", "a.log", *window, "--now", "2026-11-23T12:00:00Z", "--format", "csv", "--no-header"]
    )

    assert done.exit_code == 0, done.output
    assert done.stdout == 'dear,condition,firing,warning,50.0,2026-11-23T11:31:00Z,,acme,,"cost 50, above 40",false\n'
