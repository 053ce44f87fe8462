"""Links in alerts: made of the group, or of one request behind it, and never of who made that."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from apilens.accounts import accounts_of
from apilens.alerts.check import check_window
from apilens.alerts.egress import leaving
from apilens.alerts.linked import usable
from apilens.alerts.shown import result_of, text_lines
from apilens.channel_settings import Egress
from apilens.config import ReadOptions, Settings
from apilens.ingest import ingest
from apilens.window import Window
from tests.alerts.making import KEY, MINUTE, NOON, Channel, check, ground_of, rules_of

LINKS = {
    "account": "https://crm.example/{account}",
    "trace": "https://traces.example/{trace_id}",
    "person": "https://people.example/{user}",
}
SETTINGS = Settings(links=LINKS)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """acme/eu: two that failed, then one that did not; globex: none failed, and the last one has no trace."""
    rows = [
        (1, "acme/eu", 500, "t1"), (2, "acme/eu", 500, "t2"), (3, "acme/eu", 200, "t3"),
        (1, "globex", 200, "t4"), (2, "globex", 200, "t5"), (3, "globex", 200, None),
    ]  # fmt: skip
    log = tmp_path / "log.jsonl"
    log.write_text("".join(
        json.dumps({"timestamp": (NOON + minute * MINUTE).isoformat(), "account": account, "method": "GET",
                    "path": "/v1/a", "status": status, **({"trace_id": trace} if trace else {})}) + "\n"
        for minute, account, status, trace in rows
    ))  # fmt: skip
    ingest([str(log)], tmp_path / "store", settings=Settings(), options=ReadOptions(), key=KEY,
           now=NOON + timedelta(days=1), durable=False)  # fmt: skip
    return tmp_path / "store"


RULES = """
name: busy, by: [account], window: 5m, when: requests >= 3, notify: [ops, mail]
name: all, window: 5m, when: requests >= 3, notify: [ops]
"""


def test_a_message_leads_to_the_account_and_to_a_request_that_failed(store: Path) -> None:
    channel = Channel()

    check(store, rules_of(RULES), 4, channel, settings=SETTINGS)

    found = {(message.channel, alert.rule, alert.group.get("account")): dict(alert.links)
             for message in channel.got for alert in message.alerts}  # fmt: skip
    of_acme = {"account": "https://crm.example/acme%2Feu", "trace": "https://traces.example/t2"}
    # None failed: the newest that has a trace.
    of_globex = {"account": "https://crm.example/globex", "trace": "https://traces.example/t5"}
    assert found == {
        ("mail", "busy", "acme/eu"): of_acme, ("ops", "busy", "acme/eu"): of_acme,
        ("mail", "busy", "globex"): of_globex, ("ops", "busy", "globex"): of_globex,
        ("ops", "all", None): {"trace": "https://traces.example/t2"},
    }  # fmt: skip


def test_what_fires_in_a_window_has_links_in_rows_and_text(store: Path) -> None:
    ground = ground_of(store, SETTINGS)

    checked = check_window(ground, rules_of(RULES), Window(NOON, NOON + 5 * MINUTE))

    rows = result_of(checked, now=NOON, tz="UTC", fail_on="warning", command="").tables[0].rows
    assert rows.select("account", "link.account", "link.trace").rows()[0] == (
        "acme/eu", "https://crm.example/acme%2Feu", "https://traces.example/t2",
    )  # fmt: skip
    text = text_lines(checked, most=None)
    assert [line.strip() for line in text if "https" in line] == [
        "account: https://crm.example/acme%2Feu", "trace: https://traces.example/t2",
        "trace: https://traces.example/t2",
    ]  # fmt: skip


def test_a_link_names_nobody_that_the_group_does_not() -> None:
    assert list(usable({**LINKS, "crm": "https://crm.example/{account.id}"}, ["account"])) == [
        "account", "trace", "crm",
    ]  # fmt: skip
    assert list(usable(LINKS, ["endpoint"])) == ["trace"]
    assert list(usable(LINKS, ["user"])) == ["trace", "person"]


def test_what_is_hidden_leaves_without_links(store: Path) -> None:
    channel = Channel()
    check(store, rules_of(RULES), 4, channel, settings=SETTINGS)

    sent = leaving(channel.got[0], Egress(account="hash"), names={}, key=lambda: KEY)

    assert [dict(alert.links) for alert in sent.alerts] == [{}, {}]


def test_a_column_that_accounts_lack_makes_no_link(store: Path) -> None:
    channel = Channel()
    settings = Settings(links={"crm": "https://crm.example/{account.crm}"})

    check(store, rules_of(RULES), 4, channel, settings=settings)

    assert [dict(alert.links) for message in channel.got for alert in message.alerts] == [{}] * 5


def test_a_group_that_no_condition_names_fires_without_a_link(store: Path) -> None:
    # A number of accounts.csv stands in a group as text.
    known = accounts_of({"acme/eu": {"seats": 10}, "globex": {"seats": 10}})
    ground = replace(ground_of(store, SETTINGS), accounts=known)
    rules = rules_of("name: a, by: [account.seats], window: 5m, when: requests >= 6")

    [alert] = check_window(ground, rules, Window(NOON, NOON + 5 * MINUTE)).alerts

    assert (alert.group, alert.links) == ({"account.seats": "10"}, {})


def test_a_rule_about_what_requests_cost_leads_to_one(store: Path) -> None:
    settings = Settings(links=LINKS, cost="coalesce(duration_ms, 5)")
    rules = rules_of("name: a, by: [account], where: cost >= 5, window: 5m, when: cost >= 15", settings)

    found = check_window(ground_of(store, settings), rules, Window(NOON, NOON + 5 * MINUTE)).alerts

    assert {alert.group["account"]: alert.links["trace"] for alert in found} == {
        "acme/eu": "https://traces.example/t2", "globex": "https://traces.example/t5",
    }  # fmt: skip


def test_groups_of_times_and_numbers_lead_to_a_request(store: Path) -> None:
    rules = rules_of("name: a, by: [hour, status], window: 5m, when: requests >= 2")

    found = check_window(ground_of(store, SETTINGS), rules, Window(NOON, NOON + 5 * MINUTE)).alerts

    assert {alert.group["status"]: alert.links for alert in found} == {
        "200": {"trace": "https://traces.example/t3"}, "500": {"trace": "https://traces.example/t2"},
    }  # fmt: skip
