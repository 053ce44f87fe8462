"""Moesif events: collectors' forms, exports, actions, several events a line."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apilens.formats import FORMATS, choose
from apilens.formats.base import Needs, Parsed, ParseOptions
from apilens.formats.moesif import MOESIF
from tests.real_logs import LOGS, needs_real_logs

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
START = datetime(2024, 10, 30, 4, 45, 42, 914_000, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "request": {"time": "2024-10-30T04:45:42.914", "uri": "https://api.acme.com:8443/items/7?x=1", "verb": "POST"},
    "response": {"time": "2024-10-30T04:45:43.164", "status": 200},
    "user_id": "u1",
    "company_id": "c1",
}


def parse(*lines: Any, options: ParseOptions = OPTIONS) -> Parsed:
    return MOESIF.parse("\n".join(json.dumps(line) for line in lines).encode(), 1, options)


def event(line: dict[str, Any], options: ParseOptions = OPTIONS) -> dict[str, Any]:
    return parse(line, options=options).events.row(0, named=True)


def changed(**parts: Any) -> dict[str, Any]:
    """Return EVENT with values merged into its request and response, or set at its top level."""
    line = copy.deepcopy(EVENT)
    for name, value in parts.items():
        if isinstance(value, dict) and name in line:
            line[name] |= value
        else:
            line[name] = value
    return line


def test_an_event_becomes_a_row() -> None:
    found = event(EVENT)

    assert (found["timestamp"], found["status"], found["duration_ms"]) == (START, 200, 250.0)
    assert (found["method"], found["host"]) == ("POST", "api.acme.com")
    assert found["raw_target"] == "https://api.acme.com:8443/items/7?x=1"
    assert (found["account"], found["user"]) == ("c1", "u1")


def test_times_without_a_zone_are_utc_whatever_the_zone_of_other_sources() -> None:
    assert event(EVENT, ParseOptions(OPTIONS.latest, source_tz="Asia/Tokyo"))["timestamp"] == START


def test_camel_case_is_as_good() -> None:
    line = {
        "request": {**EVENT["request"], "apiVersion": "2.0", "ipAddress": "192.0.2.7"},
        "response": {"status": 200},
        "userId": 5,
        "companyId": "c1",
        "sessionToken": "s1",
        "transactionId": "t1",
    }

    found = event(line)

    assert (found["api_version"], found["raw_peer"]) == ("2.0", "192.0.2.7")
    assert (found["user"], found["account"], found["session"], found["event_id"]) == ("5", "c1", "s1", "t1")


@pytest.mark.parametrize("name", ["User-Agent", "user-agent", "USER-AGENT", "User-agent"])
@pytest.mark.parametrize("value", ['acme/1 ("q" \\d)', ['acme/1 ("q" \\d)', "other"]])
def test_headers_are_found_in_any_case_and_as_lists(name: str, value: Any) -> None:
    found = event(changed(request={"headers": {"Accept": "*/*", name: value, "Host": "x"}}))

    assert found["raw_agent"] == 'acme/1 ("q" \\d)'


def test_headers_are_found_on_lines_where_others_are_none() -> None:
    odd = [{"headers": "x"}, {"headers": ["x"]}, {"headers": None}, {"headers": {"user-agent": {"a": 1}}}]
    good = changed(request={"headers": {"user-agent": "a/1"}}, response={"headers": {"X-Request-Id": 7}})
    lines = [good, *(changed(request=part) for part in odd), changed(request=good["request"], response={"headers": 1})]

    for ends in ([], [5]):
        events = parse(*lines, *ends).events
        assert events["raw_agent"].to_list() == ["a/1", None, None, None, None, "a/1"]
        assert events["request_id"].to_list() == ["7", *[None] * 5]


def test_sizes_ids_and_referrers_come_from_headers() -> None:
    request = {"Content-Length": 12, "Referer": "https://a/b", "X-Forwarded-For": "1.1.1.1, 2.2.2.2"}
    response = {"content-length": "345", "x-request-id": "r1"}

    found = event(changed(request={"headers": request}, response={"headers": response}))

    assert (found["request_bytes"], found["response_bytes"], found["request_id"]) == (12, 345, "r1")
    assert found["raw_referrer"] == "https://a/b"
    # What Moesif calls ip_address is the client already, whatever was forwarded.
    assert "raw_forwarded" not in found


def test_a_timeout_has_no_response_and_is_kept() -> None:
    line = {name: value for name, value in EVENT.items() if name != "response"}

    assert parse(line, changed(response=None)).events["status"].to_list() == [None, None]


@pytest.mark.parametrize("status", [True, None, "x", 200.7, [200], 0])
def test_a_response_with_an_unreadable_status_rejects(status: Any) -> None:
    assert parse(changed(response={"status": status})).rejects["reason"].to_list() == ["no readable status"]


@pytest.mark.parametrize(
    "line", [{"a": 1}, {"request": 5}, {"request": {"verb": "GET"}}, changed(request={"time": "x"})]
)
def test_an_event_without_a_readable_time_rejects(line: dict[str, Any]) -> None:
    assert parse(line).rejects["reason"].to_list() == ["no readable time"]


def test_actions_are_no_requests() -> None:
    action = {"action_name": "Signed Up", "company_id": "c1", "request": {"time": "2024-10-30T04:45:42.914Z"}}

    parsed = parse(action, changed(action_name="Created Item"))

    assert parsed.events.select("kind", "action").rows() == [("action", "Signed Up"), (None, "Created Item")]


def test_an_export_wraps_its_events() -> None:
    exported = {
        "_id": "e1",
        "_source": {**EVENT, "duration_ms": 7, "request": {**EVENT["request"], "route": "/items/:id"}},
    }
    page = {"took": 3, "timed_out": False, "hits": {"total": 2, "hits": [exported, {"_id": "e2", "_source": EVENT}]}}

    parsed = parse(exported, page, EVENT)

    assert parsed.events.select("line", "item").rows() == [(1, 0), (2, 0), (2, 1), (3, 0)]
    assert parsed.events["event_id"].to_list() == ["e1", "e1", "e2", None]
    assert parsed.events["duration_ms"].to_list() == [7.0, 7.0, 250.0, 250.0]
    assert parsed.events["route"].to_list() == ["/items/:id", "/items/:id", None, None]
    assert parsed.extra == 1


def test_an_array_of_events_on_one_line_counts_each() -> None:
    parsed = parse([EVENT, {"request": {}}, 5, changed(company_id="c2")], [], EVENT)

    assert parsed.events.select("line", "item", "account").rows() == [(1, 0, "c1"), (1, 3, "c2"), (3, 0, "c1")]
    assert parsed.rejects.select("line", "reason").rows() == [
        (1, "not a JSON object"),
        (1, "no readable time"),
        (2, "not a JSON object"),
    ]
    assert parsed.extra == 3


@pytest.mark.parametrize(
    ("response", "body"),
    [
        ({"status": 422, "body": {"error": {"code": "x"}}}, '{"error": {"code": "x"}}'),
        ({"status": 422, "body": [1]}, "[1]"),
        ({"status": 422, "body": "plain text"}, '"plain text"'),
        ({"status": 422, "body": "eyJjb2RlIjogIngifQ==", "transfer_encoding": "base64"}, '{"code": "x"}'),
        ({"status": 422, "body": "no base64", "transferEncoding": "base64"}, None),
        ({"status": 422, "body": None}, None),
        ({"status": 422}, None),
        ({"status": 422, "body": {"long": "x" * 70_000}}, None),
        ({"body": {"code": "ok", "field": "x"}}, None),
        ({"status": 200, "body": {"errors": [{"message": "m"}]}}, '{"errors": [{"message": "m"}]}'),
    ],
)
def test_bodies_of_errors_are_given_to_be_read(response: dict[str, Any], body: str | None) -> None:
    for form in (changed(response=response), {"_source": changed(response=response)}):
        assert event(form).get("raw_error_body") == body


def test_settings_get_fields_and_headers() -> None:
    needs = Needs(
        headers=frozenset({"x-account"}), response_headers=frozenset({"x-cost"}), fields=frozenset({"metadata.plan"})
    )
    line = changed(
        request={"headers": {"X-Account": "acme"}}, response={"headers": {"X-Cost": "3"}}, metadata={"plan": "pro"}
    )

    for form in (line, {"_source": line}):
        found = event(form, ParseOptions(OPTIONS.latest, needs, columns=frozenset({"timestamp"})))

        assert (found["raw_header.x-account"], found["raw_response_header.x-cost"]) == ("acme", "3")
        assert found["raw_field.metadata.plan"] == "pro"


def test_weight_and_direction() -> None:
    found = event(changed(weight=10, direction="Outgoing"))

    assert (found["weight"], found["direction"]) == (10, "outgoing")


def test_bodies_come_as_json_to_those_who_name_them() -> None:
    options = ParseOptions(OPTIONS.latest, columns=frozenset({"raw_request_body"}))
    body = {"a": 'q " \\ é', "b": [1, None]}

    found = event(changed(request={"body": body}), options)

    assert json.loads(found["raw_request_body"]) == body
    assert "raw_request_body" not in event(changed(request={"body": body}))


@needs_real_logs
def test_the_events_of_the_documentation_are_read() -> None:
    path = LOGS / "moesif_jsonl/moesif_docs_events.jsonl"
    data = path.read_bytes()

    assert choose(data, FORMATS, OPTIONS).format is MOESIF
    events = MOESIF.parse(data, 1, OPTIONS).events
    assert events.select("status", "account", "user", "method").unique().rows() == [(500, "67890", "12345", "POST")]
    assert events["timestamp"].to_list() == [START, START]
