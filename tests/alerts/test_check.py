"""Checks one after the other: what is told, once; and what survives a lost state, a late log, a dead channel."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from apilens.alerts.memory import one_check, read_memory
from apilens.alerts.shown import closing_line, exit_code, result_of
from apilens.alerts.silences import Silence, write_silences
from apilens.config import Settings
from apilens.errors import InputError, StoreBusy
from apilens.source_settings import SourceSettings
from tests.alerts.making import MINUTE, NOON, Channel, check, ground_of, line, rules_of, stored

BUSY = "name: busy, by: [account], window: 5m, when: requests >= 3, notify: [ops]"


def burst(start: float, account: str = "acme", status: int = 200, count: int = 3) -> list[str]:
    return [line(start + at / 10, account, status) for at in range(count)]


@pytest.fixture
def channel() -> Channel:
    return Channel()


def test_an_incident_is_told_once_then_again_after_repeat_then_its_end(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of("name: busy, by: [account], window: 5m, when: requests >= 3, notify: [ops], repeat: 20m")
    store = stored(tmp_path, [text for minute in range(0, 61, 5) for text in burst(minute - 2)] + [line(79)])
    said = []
    for minutes in range(0, 80, 5):
        check(store, rules, minutes, channel)
        said += [(minutes, *news) for news in channel.said()]

    assert said == [
        (0, "busy", "firing", ["acme"]), (20, "busy", "repeat", ["acme"]), (40, "busy", "repeat", ["acme"]),
        (60, "busy", "repeat", ["acme"]), (65, "busy", "resolved", ["acme"]),
    ]  # fmt: skip


def test_what_happens_between_two_runs_is_seen(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of(BUSY)
    check(stored(tmp_path, [line(0)]), rules, 1, channel)

    found = check(stored(tmp_path, [*burst(10), line(29)]), rules, 30, channel)

    assert channel.said() == [("busy", "firing", ["acme"]), ("busy", "resolved", ["acme"])]
    [alert] = found.alerts
    # The burst of 10:00–10:12 lies in windows that end from minute 11 to minute 15.
    assert (alert.state, alert.since, alert.until) == ("resolved", NOON + 11 * MINUTE, NOON + 16 * MINUTE)
    assert exit_code(found, "warning") == 0
    check(tmp_path / "store", rules, 31, channel)
    assert channel.said() == []


def test_events_that_come_late_count_where_they_belong(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of(BUSY)
    store = stored(tmp_path, [line(0, "other"), *burst(3, count=2)])
    check(store, rules, 10, channel)
    assert channel.said() == []

    # Read after the check, though they are from before it.
    check(stored(tmp_path, [line(3.5), line(10, "other")]), rules, 11, channel)

    assert channel.said() == [("busy", "firing", ["acme"]), ("busy", "resolved", ["acme"])]


def test_groups_of_several_dimensions_keep_their_key_from_run_to_run(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of("name: a, by: [status, account], window: 5m, when: requests >= 3, notify: [ops], repeat: 2m")
    store = stored(tmp_path, [*burst(0), *burst(2), line(20)])

    for minute in (1, 3, 4, 20):
        check(store, rules, minute, channel)

    keys = {alert.key for message in channel.got for alert in message.alerts}
    assert keys == {"a|status=200|account=acme"}
    assert [news[1] for news in channel.said()] == ["firing", "repeat", "resolved"]


def test_what_gets_worse_is_told_again_and_one_incident(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of("name: a, window: 5m, when: {warning: requests >= 2, critical: requests >= 4}, notify: [ops]")
    first = check(stored(tmp_path, burst(0, count=2)), rules, 1, channel)
    second = check(stored(tmp_path, burst(1, count=2)), rules, 2, channel)

    assert [news[1] for news in channel.said()] == ["firing", "firing"]
    assert [alert.severity for alert in (*first.alerts, *second.alerts)] == ["warning", "critical"]
    assert first.alerts[0].since == second.alerts[0].since
    assert [exit_code(first, "critical"), exit_code(second, "critical")] == [0, 1]


def test_for_makes_it_wait_and_keep_firing_for_makes_it_stay(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of("name: a, window: 2m, when: requests >= 1, for: 3m, keep_firing_for: 4m, notify: [ops]")
    store = stored(tmp_path, [line(minute) for minute in range(6)])
    states = {}
    for minute in range(1, 14):
        found = check(store, rules, minute, channel, max_age=timedelta(hours=1))
        states[minute] = found.alerts[0].state if found.alerts else "ok"

    # Held from minute 1 to 7 (the event of minute 5 lies in windows that end at 6 and 7).
    assert [states[minute] for minute in (1, 3, 4, 7, 11, 12)] == [
        "pending", "pending", "firing", "firing", "firing", "resolved",
    ]  # fmt: skip
    assert [news[1] for news in channel.said()] == ["firing", "resolved"]


def test_a_thousand_groups_are_one_message(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of("name: a, by: [account], window: 5m, when: requests >= 1, notify: [ops, mail]")

    check(stored(tmp_path, [line(0, f"a{number}") for number in range(1_000)]), rules, 1, channel)

    assert [(message.channel, len(message.alerts)) for message in channel.got] == [("mail", 1_000), ("ops", 1_000)]


def test_messages_that_nobody_took_are_sent_by_the_next_run(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of(BUSY)
    store = stored(tmp_path, burst(0))
    channel.down = True
    found = check(store, rules, 1, channel)
    assert exit_code(found, "warning") == 4
    channel.down = False

    again = check(store, rules, 2, channel)

    assert [message.id for message in channel.got] == [message.id for message in found.unsent]
    assert exit_code(again, "warning") == 1
    assert read_memory(store)[0].unsent == ()


def test_a_lost_state_tells_again_and_says_so(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of(BUSY)
    store = stored(tmp_path, burst(0))
    check(store, rules, 1, channel)
    [first] = channel.got
    for damage in (b"{", b"", b"\xff", b'{"version": 9}', b'{"told": 5}'):
        (store / "state" / "alerts.json").write_bytes(damage)
        warnings: list[str] = []
        channel.got = []

        check(store, rules, 1, channel, say=warnings.append)

        assert [message.id for message in channel.got] == [first.id]
        assert len(warnings) == 1


def test_a_rule_that_is_gone_ends_what_was_told(tmp_path: Path, channel: Channel) -> None:
    store = stored(tmp_path, burst(0))
    check(store, rules_of(BUSY), 1, channel)
    channel.said()

    check(store, rules_of("name: other, window: 5m, when: requests > 9"), 2, channel)

    assert channel.got[0].notes == ("the rule is gone, or switched off",)
    assert channel.said() == [("busy", "resolved", ["acme"])]


def test_a_silence_keeps_quiet_until_it_ends(tmp_path: Path, channel: Channel) -> None:
    store = stored(tmp_path, [line for minute in range(0, 8) for line in burst(minute)])
    write_silences(store, [Silence("bu*", NOON + 4 * MINUTE, NOON, {"account": "acme"})], NOON)

    quiet = check(store, rules_of(BUSY), 3, channel)

    assert channel.said() == []
    assert (exit_code(quiet, "warning"), closing_line(quiet)) == (0, "0 passed, 0 failed, 1 silenced")
    check(store, rules_of(BUSY), 5, channel)
    assert channel.said() == [("busy", "firing", ["acme"])]


def test_a_damaged_file_of_silences_silences_nothing(tmp_path: Path, channel: Channel) -> None:
    store = stored(tmp_path, burst(0))
    (store / "state" / "silences.json").write_text("[{")
    warnings: list[str] = []

    check(store, rules_of(BUSY), 1, channel, say=warnings.append)

    assert channel.said() == [("busy", "firing", ["acme"])]
    assert "nothing is silenced" in warnings[0]


def test_input_that_stops_is_no_data_and_no_end_of_anything(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of(BUSY)
    store = stored(tmp_path, burst(0))
    check(store, rules, 1, channel)
    channel.said()

    found = check(store, rules, 200, channel)

    assert exit_code(found, "warning") == 3
    assert channel.said() == [("input", "no_data", [""])]
    assert closing_line(found) == "0 passed, 0 failed, 1 without data"
    check(store, rules, 230, channel)
    assert channel.said() == []
    check(stored(tmp_path, [line(239)]), rules, 240, channel)
    assert channel.said() == [("busy", "resolved", ["acme"]), ("input", "resolved", [""])]


def test_max_age_says_how_old_is_too_old(tmp_path: Path, channel: Channel) -> None:
    store = stored(tmp_path, burst(0))

    assert exit_code(check(store, rules_of(BUSY), 20, channel, max_age=10 * MINUTE), "warning") == 3
    assert exit_code(check(store, rules_of(BUSY), 20, channel, max_age=30 * MINUTE), "warning") == 0


def test_each_source_and_service_is_an_input_of_its_own(tmp_path: Path, channel: Channel) -> None:
    settings = Settings(sources={"edge": SourceSettings(path=str(tmp_path / "{service}.log"))})
    stored(tmp_path, burst(0), settings=settings, name="web.log")
    store = stored(tmp_path, burst(0, "globex"), settings=settings, name="api.log")
    check(store, rules_of(BUSY), 1, channel, settings=settings)
    channel.said()

    stored(tmp_path, [line(150)], settings=settings, name="api.log")
    found = check(store, rules_of(BUSY), 151, channel, settings=settings)

    assert [stale.group for stale in found.stale] == [{"source": "edge", "service": "web"}]
    # The other one is judged all the same.
    assert channel.said() == [
        ("busy", "resolved", ["acme", "globex"]), ("input", "no_data", ["edge, web"]),
    ]  # fmt: skip


def test_a_store_without_events_is_nothing_to_judge(tmp_path: Path, channel: Channel) -> None:
    with pytest.raises(InputError, match="nothing to judge"):
        check(stored(tmp_path, []), rules_of(BUSY), 1, channel)


def test_events_of_the_future_move_nothing(tmp_path: Path, channel: Channel) -> None:
    store = stored(tmp_path, [*burst(0), line(1_200)])

    found = check(store, rules_of(BUSY), 1, channel)

    assert [alert.state for alert in found.alerts] == ["firing"]


def test_a_clock_that_is_set_back_brings_no_burst(tmp_path: Path, channel: Channel) -> None:
    store = stored(tmp_path, burst(0))
    check(store, rules_of(BUSY), 3, channel)
    channel.said()

    found = check(store, rules_of(BUSY), 2, channel)

    assert channel.said() == []
    assert [alert.state for alert in found.alerts] == ["firing"]


def test_only_one_check_runs_at_a_time(tmp_path: Path, channel: Channel) -> None:
    store = stored(tmp_path, burst(0))

    with one_check(store), pytest.raises(StoreBusy, match="another check"):
        check(store, rules_of(BUSY), 1, channel)
    check(store, rules_of(BUSY), 1, channel)


def test_a_dry_run_tells_nobody_and_remembers_nothing(tmp_path: Path, channel: Channel) -> None:
    store = stored(tmp_path, burst(0))
    before = sorted(path.name for path in (store / "state").iterdir())

    found = check(store, rules_of(BUSY), 1, channel, remember=False)

    assert [alert.state for alert in found.alerts] == ["firing"]
    assert channel.said() == []
    assert sorted(path.name for path in (store / "state").iterdir()) == before


def test_an_account_that_was_refused_is_claimed(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of(
        "name: refused, where: status = 401, by: [account], window: 5m, when: requests >= 3\n"
        "name: busy, by: [account], window: 5m, when: requests >= 3"
    )
    store = stored(tmp_path, [*burst(0, "mallory", 401), *burst(0, "acme")])

    found = check(store, rules, 1, channel)

    claimed = {(alert.rule, alert.group["account"]): alert.claimed for alert in found.alerts}
    assert claimed == {("refused", "mallory"): True, ("busy", "mallory"): True, ("busy", "acme"): False}


def test_a_rate_of_nothing_is_no_data(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of(
        "name: a, where: endpoint = 'GET /none', window: 5m, when: error_rate > 0.1\n"
        "name: b, where: endpoint = 'GET /none', window: 5m, when: error_rate > 0.1 AND requests > 5"
    )
    found = check(stored(tmp_path, burst(0)), rules, 1, channel)

    rows = result_of(found, now=NOON, tz="UTC", fail_on="warning", command="").tables[0].rows
    assert rows.select("name", "state").rows() == [("a", "no_data"), ("b", "ok")]


def test_rows_are_rules_by_groups_with_their_dimensions(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of(f"{BUSY}\nname: calm, window: 5m, when: requests > 99")

    found = check(stored(tmp_path, [*burst(0), *burst(0, "globex")]), rules, 1, channel)

    rows = result_of(found, now=NOON, tz="UTC", fail_on="warning", command="").tables[0].rows
    assert rows.columns == [
        "name",
        "kind",
        "state",
        "severity",
        "value",
        "since",
        "until",
        "account",
        "description",
        "reading",
        "silenced",
    ]
    assert sorted(rows.select("name", "state", "value", "account").rows()) == [
        ("busy", "firing", 3.0, "acme"), ("busy", "firing", 3.0, "globex"), ("calm", "ok", None, None),
    ]  # fmt: skip


def test_a_name_that_only_events_show_to_be_wrong_names_its_rule(tmp_path: Path, channel: Channel) -> None:
    rules = rules_of("name: a, where: \"account.paln = 'pro'\", window: 5m, when: requests > 1")

    with pytest.raises(Exception, match=r"rule a: unknown column `account\.paln`"):
        check(stored(tmp_path, burst(0)), rules, 1, channel)


def test_ground_is_what_the_store_holds(tmp_path: Path) -> None:
    assert ground_of(stored(tmp_path, burst(0))).store.actions["num_records"].sum() == 3
