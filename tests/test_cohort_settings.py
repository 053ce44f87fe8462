"""`cohorts:` in apilens.yaml: read, and every mistake named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from apilens.cohort_settings import Cohort
from apilens.config import load
from apilens.errors import ConfigError


def written(folder: Path, *cohorts: str, more: str = "") -> Path:
    path = folder / "apilens.yaml"
    path.write_text(f"{more}\ncohorts:\n" + "".join(f"  {cohort}\n" for cohort in cohorts))
    return path


def test_cohorts_are_read_and_their_files_stand_beside_the_settings(tmp_path: Path) -> None:
    cohorts = (
        "vip: {file: lists/vip.csv}",
        "adopters: {where: \"endpoint = 'POST /x'\", when: requests >= 10 AND p95_ms < 50, over: 28d}",
        "whales: {top: 20, by: account.arr}",
        "new-ones: {when: first_request >= '7d' AND account.plan = 'pro', accounts: [acme, 'GmbH, München']}",
    )
    found = load(written(tmp_path, *cohorts, more="accounts: accounts.csv")).cohorts

    assert found["vip"] == Cohort(file=str(tmp_path / "lists/vip.csv"))
    assert found["adopters"].texts == ("endpoint = 'POST /x'", "requests >= 10 AND p95_ms < 50")
    assert (found["whales"].top, found["whales"].condition) == (20, "requests >= 1")
    assert {name: cohort.meaning for name, cohort in found.items()} == {
        "vip": "in vip.csv",
        "adopters": "when requests >= 10 AND p95_ms < 50 · where endpoint = 'POST /x' · over 28d",
        "whales": "top 20 by account.arr",
        "new-ones": "acme, GmbH, München · when first_request >= '7d' AND account.plan = 'pro'",
    }


@pytest.mark.parametrize(
    ("cohort", "mistake"),
    [
        ("a: {}", "cohorts.a: says nothing: for example `{when: requests >= 10, over: 28d}`, `{file: vip.csv}`"),
        ("a: vip.csv", "cohorts.a: expected names with values, as in `name: value`, got the text 'vip.csv'"),
        ("a: {wehn: requests = 0}", "cohorts.a.wehn: unknown key (did you mean `when`?)"),
        ("a: {accounts: [1]}", "cohorts.a.accounts[0]: expected text, got the number 1 (put it in quotes to make it"
         " text)"),
        ("a: {accounts: []}", "cohorts.a.accounts: is empty"),
        ("a: {accounts: ['']}", "cohorts.a.accounts: an account has a name"),
        ("a: {accounts: [x], file: x.csv}", "cohorts.a.file: goes without `accounts`: the list is either here or"
         " there"),
        ("a: {file: ''}", "cohorts.a.file: is empty"),
        ("a b: {accounts: [x]}", "cohorts.a b: 'a b' cannot name a cohort: letters, digits, `_` and `-`"),
        ("a: {where: stauts = 1}", "cohorts.a.where: unknown column `stauts` (did you mean `status`?)"),
        ("a: {where: \"cohort('b')\"}", "cohorts.a.where: `cohort('b')` is no function of a filter (functions: lower,"
         " upper, coalesce, starts_with, version, cohort('NAME'))"),
        ("a: {when: requets > 1}", "cohorts.a.when: unknown metric `requets` (did you mean `requests`?)"),
        ("a: {when: requests}", "cohorts.a.when: a filter is a condition, and this is a number (compare it: status >="
         " 400)"),
        ("a: {when: count(stauts = 1) > 1}", "cohorts.a.when: unknown column `stauts` (did you mean `status`?)"),
        ("a: {when: last_request < '7 d'}", "cohorts.a.when: `7 d` is no time (write '2026-11-01', '7d' (ago) or"
         " '2026-11-01T10:00:00Z' (UTC))"),
        ("a: {when: account.plan = 'x'}", "cohorts.a.when: reads a column of `accounts: FILE`, and there is none"),
        ("a: {top: 3, by: account.arr}", "cohorts.a.by: reads a column of `accounts: FILE`, and there is none"),
        ("a: {top: 3}", "cohorts.a.top: goes with `by: METRIC`"),
        ("a: {by: requests}", "cohorts.a.by: goes with `top: N`"),
        ("a: {top: 0, by: requests}", "cohorts.a.top: is a number of accounts, from 1"),
        ("a: {top: 3, by: sum(status)}", None),
        ("a: {top: 3, by: request}", "cohorts.a.by: unknown metric `request` (did you mean `requests`?)"),
        ("a: {over: month}", "cohorts.a.over: `month` is no duration (write 90m, 24h, 7d, 2w or 1h30m)"),
        ("a: {over: 0d}", "cohorts.a.over: is no time at all"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_line(tmp_path: Path, cohort: str, mistake: str | None) -> None:
    path = written(tmp_path, "fine: {accounts: [x]}", cohort)
    if mistake is None:
        assert load(path).cohorts
        return

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert caught.value.message == f"{path}:4: {mistake}"


def test_all_mistakes_come_at_once_and_configured_columns_are_known(tmp_path: Path) -> None:
    columns = "columns: {tokens: {from: a.b, type: int}}"
    cohorts = ("a: {when: sum(tokens) > 1, where: tokens > 1}", "b: {where: x = 1, over: y}", "c: {top: 1}")

    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, *cohorts, more=columns))

    assert [line.partition("apilens.yaml:")[2].split(": ")[:2] for line in caught.value.message.splitlines()] == [
        ["4", "cohorts.b.over"], ["4", "cohorts.b.where"], ["5", "cohorts.c.top"],
    ]  # fmt: skip
