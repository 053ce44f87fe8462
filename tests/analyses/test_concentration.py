"""Who causes an error: shares, their concentration, and what is said of accounts that nobody confirmed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apilens.analyses.concentration import KINDS, ConcentrationOptions, concentration
from apilens.errors import UsageError
from apilens.result import Result
from tests.event_frames import NOON, event, events_of
from tests.oracle import status_class
from tests.peer_events import Event, on_both, polars_of, same, traffic

LATER = NOON + timedelta(days=3)
# 403: acme 18, globex 1, nobody 1 · 401: a name that only claims to be acme, 10 times, and zeta once · 500: one each.
ROWS = [
    *(event(account="acme", account_verified=True, status=403) for _ in range(18)),
    event(account="globex", account_verified=True, status=403),
    event(account=None, status=403),
    *(event(account="acme", account_verified=False, status=401) for _ in range(10)),
    event(account="zeta", account_verified=True, status=401),
    event(account="acme", account_verified=True, status=500, error_code="boom"),
    event(account="zeta", account_verified=True, status=500),
    event(account="zeta", account_verified=True, status=200, error_code="graphql"),
    event(account=None, status=None),
]


def ask(rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    return concentration(events_of(rows), ConcentrationOptions(now=LATER, **options))


def test_each_error_with_the_account_that_has_most_of_it() -> None:
    result = ask()
    kinds, shares = (table.rows for table in result.tables)

    # 403: of the 19 that have an account, (18/19)² + (1/19)².
    assert kinds.rows() == [
        (403, 20, 2, "acme", 0.9, 0.900277, 1, 18, 0),
        (401, 11, 2, "acme", 0.909091, 0.834711, 0, 10, 10),
        (500, 2, 2, "acme", 0.5, 0.5, 0, 1, 0),
    ]
    assert shares.rows() == [
        (403, "acme", 18, 0.9, 0),
        (403, "globex", 1, 0.05, 0),
        (403, None, 1, 0.05, 0),
        (401, "acme", 10, 0.909091, 10),
        (401, "zeta", 1, 0.090909, 0),
        (500, "acme", 1, 0.5, 0),
        (500, "zeta", 1, 0.5, 0),
    ]
    for table in result.tables:
        assert table.rows.columns == [field.name for field in table.fields]


def test_the_notes_say_who_and_what_to_ask_next() -> None:
    said = ask().notes

    assert said[0] == (
        "acme causes 90.0 % of 403s: 18 of 20 → "
        "apilens report --by endpoint,error_code --account acme --status 403"
    )  # fmt: skip
    assert said[1].startswith(
        "acme (claimed: the server refused its credentials) causes 90.9 % of 401s: 10 of 11 → apilens report"
    )
    # Two errors are too few to say anything of.
    assert not any("500" in note for note in said)


def test_a_name_that_is_a_pattern_is_asked_for_as_it_stands() -> None:
    rows = [event(account="a*'b", status=422) for _ in range(10)]

    [said, *_] = ask(rows).notes

    assert said.endswith(""" --where "account = 'a*''b' AND status = 422\"""")


def test_few_accounts_of_each_error_and_few_errors() -> None:
    result = ask(limit=1, accounts=1)

    assert result.tables[0].rows["status"].to_list() == [403]
    # Nobody is shown beside the accounts.
    assert result.tables[1].rows["account"].to_list() == ["acme", None]
    assert "and 2 more; --limit all shows them" in result.notes
    assert "only the account that has most of each; --accounts all shows the others" in result.notes
    assert result.command == "apilens concentration --accounts 1 --limit 1"


def test_error_codes_and_classes_and_errors_of_your_own() -> None:
    codes, classes = ask(of="error_code").tables[0].rows, ask(of="status_class").tables[0].rows

    assert codes.select("error_code", "errors", "top_account").rows() == [("boom", 1, "acme"), ("graphql", 1, "zeta")]
    assert classes.select("status_class", "errors").rows() == [("4xx", 31), ("5xx", 2)]
    assert ask(errors="status >= 500").tables[0].rows["status"].to_list() == [500]


def test_nothing_to_say() -> None:
    assert ask([]).notes == ("no request matches: widen --since, or loosen --where",)
    assert ask([event(account="acme")]).notes == ("no error among them: none has status >= 400",)
    assert ask([event(account="acme")], of="error_code").notes == ("no error among them: none has an error code",)
    nobody = ask([event(status=500)])
    assert nobody.tables[0].rows.rows() == [(500, 1, 0, None, None, None, 1, None, None)]
    with pytest.raises(UsageError, match="tells no errors apart"):
        ask(of="account")


def brute(rows: list[Event], of: str) -> dict[Any, tuple[int, int, float | None]]:
    """Return kind → errors, accounts, index of concentration, by loops."""

    def kind(row: Event) -> Any:
        return status_class(row) if of == "status_class" else row[of]

    wrong = [
        row
        for row in rows
        if row["kind"] == "request"
        and (row["error_code"] is not None if of == "error_code" else (row["status"] or 0) >= 400)
    ]
    found = {}
    for name in {kind(row) for row in wrong}:
        mine = [row for row in wrong if kind(row) == name]
        counts: dict[str, int] = {}
        for row in mine:
            if row["account"] is not None:
                counts[row["account"]] = counts.get(row["account"], 0) + row["weight"]
        known = sum(counts.values())
        index = sum((count / known) ** 2 for count in counts.values()) if known else None
        found[name] = sum(row["weight"] for row in mine), len(counts), index
    return found


@pytest.mark.parametrize("of", KINDS)
def test_the_numbers_are_those_of_an_oracle_and_add_up(of: Any) -> None:
    rows = traffic(5, 400, weights=(1, 1, 7))

    kinds, shares = (
        table.rows
        for table in concentration(
            polars_of(rows), ConcentrationOptions(now=LATER, of=of, limit=None, accounts=None)
        ).tables
    )

    expected = brute(rows, of)
    assert len(expected) == kinds.height > 1
    for row in kinds.iter_rows(named=True):
        errors, accounts, index = expected[row[of]]
        assert (row["errors"], row["accounts"], row["hhi"]) == (errors, accounts, pytest.approx(index, abs=1e-6))
        assert shares.filter(shares[of] == row[of])["requests"].sum() == errors


@pytest.mark.parametrize("of", KINDS)
def test_duckdb_gives_the_same(tmp_path: Path, of: Any) -> None:
    options = ConcentrationOptions(now=LATER, of=of, accounts=2)

    same(*on_both(traffic(6, 300, weights=(1, 3)), concentration, options, tmp_path))
