"""Flat JSON lines under the usual key names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apilens.errors import InputError
from apilens.formats import FORMATS, choose
from apilens.formats.base import Needs, Parsed, ParseOptions
from apilens.formats.flat_json import FLAT_JSON
from tests.real_logs import LOGS, needs_real_logs

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
LINE: dict[str, Any] = {"time": "2024-04-08T12:17:58Z", "request": "GET /a HTTP/1.1", "status": 200}


def parse(*objects: dict[str, Any], options: ParseOptions = OPTIONS) -> Parsed:
    return FLAT_JSON.parse("\n".join(json.dumps(value) for value in objects).encode(), 1, options)


def event(options: ParseOptions = OPTIONS, /, **values: Any) -> dict[str, Any]:
    """Return the one event of a line with these values besides time, request and status."""
    return parse(LINE | values, options=options).events.row(0, named=True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time", "[08/Apr/2024:12:17:58 +0000]"),
        ("time_local", "08/Apr/2024:14:17:58 +0200"),
        ("time_iso8601", "2024-04-08T12:17:58+00:00"),
        ("@timestamp", "2024-04-08T12:17:58.000Z"),
        ("msec", "1712578678.000"),
        ("ts", 1712578678),
        ("timestamp", 1712578678000),
        ("Time", "2024-04-08 12:17:58"),
        ("requestTime", "08/Apr/2024:12:17:58 +0000"),
    ],
)
def test_times_are_found_under_the_usual_names(key: str, value: Any) -> None:
    parsed = parse({key: value, "method": "GET", "uri": "/", "status": 200})

    assert parsed.events["timestamp"].to_list() == [datetime(2024, 4, 8, 12, 17, 58, tzinfo=UTC)]


def test_times_without_a_zone_are_in_the_zone_of_the_source() -> None:
    options = ParseOptions(latest=OPTIONS.latest, source_tz="Europe/Berlin")

    assert event(options, time="2024-07-01T12:00:00")["timestamp"] == datetime(2024, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "milliseconds"),
    [
        ({"request_time": "0.250"}, 250),
        ({"requestTime": 0.25}, 250),
        ({"duration_ms": 250}, 250),
        ({"duration_s": 0.25}, 250),
        ({"duration_us": 250_000}, 250),
        ({"duration_ns": 250_000_000}, 250),
        ({"latency": 250}, 250),
        ({"latency": "0.25s"}, 250),
        ({"duration": "250ms"}, 250),
        ({"duration": "250000µs"}, 250),
        ({"duration_ms": -1}, None),
        ({"duration_ms": "NaN"}, None),
        ({"request_time": "-", "duration_ms": 250}, 250),
    ],
)
def test_durations_come_in_the_unit_that_their_name_or_text_says(
    values: dict[str, Any], milliseconds: float | None
) -> None:
    assert event(**values).get("duration_ms") == milliseconds


def test_upstream_lists_are_summed_and_the_last_status_counts() -> None:
    found = event(upstream_response_time="0.100, 0.200 : -", upstream_status="502, 200")

    assert found["upstream_ms"] == pytest.approx(300)
    assert found["upstream_status"] == 200


def test_method_and_target_come_from_a_request_line_or_from_keys_of_their_own() -> None:
    parsed = parse(
        LINE,
        {"time": 1712578678, "status": 200, "request_method": "PUT", "uri": "/x", "args": "a=1"},
        {"time": 1712578678, "status": 200, "method": "PUT", "request_uri": "/x?b=2", "args": "a=1"},
        {"time": 1712578678, "status": 400, "request": "\x16\x03\x01"},
    )

    assert parsed.events.select("method", "raw_target").rows() == [
        ("GET", "/a"),
        ("PUT", "/x?a=1"),
        ("PUT", "/x?b=2"),
        (None, None),
    ]


@pytest.mark.parametrize(
    "key", ["account", "account_id", "accountId", "company_id", "companyId", "tenant", "AccountID"]
)
def test_accounts_are_found_under_the_usual_names(key: str) -> None:
    assert event(**{key: "acme"})["account"] == "acme"


def test_empty_texts_and_dashes_are_absent() -> None:
    assert event(remote_user="", account_id="-", tenant="acme")["account"] == "acme"
    assert event(remote_user="")["raw_remote_user"] is None


@pytest.mark.parametrize("status", ["abc", 200.7, True, None, [200], 2_000_000, "２００", 99, 10**30])
def test_a_status_that_is_none_rejects(status: Any) -> None:
    parsed = parse(LINE, LINE | {"status": status})

    assert parsed.rejects.select("line", "reason").rows() == [(2, "no readable status")]
    assert parsed.events.height == 1


@pytest.mark.parametrize("status", [200, "200", 200.0])
def test_a_status_may_be_text_or_a_number(status: Any) -> None:
    assert event(status=status)["status"] == 200


def test_a_request_without_any_status_is_kept() -> None:
    assert parse({"time": 1712578678, "uri": "/"}).events["status"].to_list() == [None]


@pytest.mark.parametrize("time", ["1969-01-01T00:00:00Z", "9999-01-01T00:00:00Z", 7, "2031-01-01T00:00:00Z"])
def test_times_beyond_belief_reject(time: Any) -> None:
    assert parse(LINE | {"time": time}).rejects["reason"].to_list() == ["time out of range"]


def test_optional_values_that_cannot_be_read_are_null() -> None:
    found = event(body_bytes_sent=-5, request_length=10**30, request_time="soon", account=None)

    assert [found.get(name) for name in ("response_bytes", "request_bytes", "duration_ms", "account")] == [None] * 4


def test_lines_of_an_application_in_between_are_other() -> None:
    parsed = parse(LINE, {"level": "info", "time": "2024-04-08T12:17:58Z", "msg": "started"}, {"msg": "x"}, {})

    assert (parsed.events.height, parsed.other) == (1, 2)
    assert parsed.rejects["reason"].to_list() == ["empty JSON object"]


def test_settings_get_headers_and_fields() -> None:
    needs = Needs(headers=frozenset({"x-account-id"}), fields=frozenset({"ctx.plan", "ctx"}))
    found = event(ParseOptions(OPTIONS.latest, needs), http_x_account_id="acme", ctx={"plan": "pro"})

    assert found["raw_header.x-account-id"] == "acme"
    assert found["raw_field.ctx.plan"] == "pro"
    assert json.loads(found["raw_field.ctx"]) == {"plan": "pro"}


def test_keys_that_first_appear_late_are_not_lost() -> None:
    parsed = parse(*[LINE] * 500, LINE | {"company_id": "acme", "userId": 5})

    assert parsed.events.select("account", "user").row(-1) == ("acme", "5")


def test_detection_leaves_logs_alone_whose_names_mean_something_else() -> None:
    # Like Traefik's, where `Duration` is in nanoseconds and the status has another name.
    line = {"time": LINE["time"], "Duration": 1234567, "AnsweredWith": 200, "RequestMethod": "GET"}

    with pytest.raises(InputError, match="no format reads this log"):
        choose((json.dumps(line).encode() + b"\n") * 3, FORMATS, OPTIONS)


@needs_real_logs
def test_the_nginx_sample_is_read() -> None:
    path = LOGS / "nginx_json/yesnik_guide.jsonl"
    data = path.read_bytes()

    assert choose(data, FORMATS, OPTIONS).format is FLAT_JSON
    row = FLAT_JSON.parse(data, 1, OPTIONS).events.row(0, named=True)
    assert (row["timestamp"], row["status"]) == (datetime(2024, 4, 8, 12, 17, 58, tzinfo=UTC), 304)
    assert (row["method"], row["raw_target"], row["raw_peer"]) == ("GET", "/", "172.26.0.1")
