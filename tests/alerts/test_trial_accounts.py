"""Tests of rules that are about accounts and cohorts."""

from __future__ import annotations

from pathlib import Path

import pytest

from apilens.alerts.trials import run_trials
from apilens.cohort_settings import Cohort
from apilens.config import Settings
from apilens.errors import ConfigError

RULES = """
rules:
  - {name: vip, cohort: vip, by: [account], window: 1h, when: requests >= 5}
  - name: pro
    where: account.plan = 'pro' AND account.seats > 9 AND account.created_at < '2026-02-01'
    by: [account.plan]
    window: 1h
    when: requests >= 5
"""
TESTS = """
rules: rules.yaml
accounts:
  acme: {plan: pro, seats: 10, created_at: 2026-01-31}
  small: {plan: pro, seats: 9, created_at: 2026-01-31}
cohorts: {vip: [acme]}
tests:
  - name: those of the file
    events: [200 × 5 over 1h for account acme, 200 × 5 over 1h for account small, 200 × 5 over 1h for account x]
    at: 1h
    alerts: [{rule: vip, account: acme, value: 5}, {rule: pro, account.plan: pro, value: 5}]
  - name: those of the test go before
    accounts: {acme: {plan: free, seats: 10, created_at: 2026-01-31}}
    cohorts: {vip: [small]}
    events: [200 × 5 over 1h for account acme, 200 × 6 over 1h for account small]
    at: 1h
    alerts: [{rule: vip, account: small, value: 6}]
"""
SETTINGS = Settings(cohorts={"vip": Cohort(accounts=("acme",))})


def written(folder: Path, tests: str) -> Path:
    (folder / "rules.yaml").write_text(RULES)
    (folder / "tests.yaml").write_text(tests)
    return folder / "tests.yaml"


def test_rules_see_the_columns_of_accounts_and_cohorts(tmp_path: Path) -> None:
    tried = run_trials(written(tmp_path, TESTS), SETTINGS)

    assert [(item.name, item.missing, item.unexpected) for item in tried] == [
        ("those of the file", (), ()), ("those of the test go before", (), ()),
    ]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), [
    ("cohorts: {vip: [acme]}\n", "", "nothing says who is in the cohort `vip`"),
    ("plan: pro, seats: 10", "pln: pro, seats: 10", "unknown column `account.plan`"),
    ("seats: 10", "'a b': 10", "'a b' cannot name a column"),
])  # fmt: skip
def test_what_is_not_said_is_a_mistake_of_the_test(tmp_path: Path, old: str, new: str, said: str) -> None:
    one = TESTS.partition("  - name: those of the test")[0]
    lone = one.replace("  small: {plan: pro, seats: 9, created_at: 2026-01-31}\n", "")

    with pytest.raises(ConfigError) as caught:
        run_trials(written(tmp_path, lone.replace(old, new)), SETTINGS)

    assert "tests.yaml:" in caught.value.message
    assert f": those of the file: {said}" in caught.value.message
