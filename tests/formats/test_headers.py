"""Logs whose directive or header lines say what stands where: the traps of real ones, and headers that change."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apilens.config import CustomFormat, ReadOptions, Settings
from apilens.errors import InputError, UsageError
from apilens.formats import FORMATS, Format, Needs, Parsed, ParseOptions, choose
from apilens.formats.csv_map import NO_HEADER, csv_format
from apilens.formats.values import NO_TIME
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.recognition import custom_formats
from apilens.store import Store
from tests.real_logs import LOGS, needs_real_logs

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
BY_NAME = {format.name: format for format in FORMATS}
W3C, CLOUDFRONT, ZEEK, LTSV = (BY_NAME[name] for name in ("w3c", "cloudfront", "zeek", "ltsv"))
TABLE = csv_format(
    "table",
    {"timestamp": "When", "status": "Code", "method": "Verb", "path": "Path", "account": "Tenant"},
    separator=",",
)

LONG = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status time-taken"
SHORT = "#Fields: time date c-ip cs-method cs-uri-stem sc-status"
LONG_ROW = "2024-01-02 10:00:00 10.0.0.1 GET /a - 203.0.113.9 curl/8.4 200 0.5"
SHORT_ROW = "10:00:01 2024-01-02 203.0.113.9 POST /b 404"


def parsed(format: Format, *lines: str, options: ParseOptions = OPTIONS) -> Parsed:
    return format.parse("\n".join([*lines, ""]).encode(), 1, options)


def only(format: Format, *lines: str, options: ParseOptions = OPTIONS) -> dict[str, object]:
    """Return the one event that the lines give."""
    [event] = parsed(format, *lines, options=options).events.to_dicts()
    return event


def test_fields_that_change_in_the_middle_count_from_there() -> None:
    events = parsed(W3C, LONG, LONG_ROW, SHORT, "", SHORT_ROW, "# a comment", LONG, LONG_ROW).events

    assert events.select("line", "method", "raw_target", "status", "duration_ms").rows() == [
        (2, "GET", "/a", 200, 500.0), (5, "POST", "/b", 404, None), (8, "GET", "/a", 200, 500.0),
    ]  # fmt: skip


def test_the_same_fields_again_after_a_restart_are_comments() -> None:
    found = parsed(W3C, "#Software: X", LONG, LONG_ROW, "#Software: X", "#Date: 2024-01-03 00:00:00", LONG, LONG_ROW)

    assert (found.events.height, found.comments, found.rejects.height) == (2, 5, 0)


def test_fields_shorter_than_the_rows_are_a_usual_order_cut_off() -> None:
    row = "2015-01-13 00:32:17 10.0.0.1 GET /robots.txt - 80 - 203.0.113.9 Bot/2.0+(x) - 404 0 2 1405 242 283"

    event = only(W3C, "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query", row)

    assert (event["status"], event["response_bytes"], event["raw_agent"]) == (404, 1405, "Bot/2.0 (x)")


def test_values_in_quotes_hold_blanks_and_keep_their_plus() -> None:
    row = '2024-01-02 10:00:00 10.0.0.1 GET /a - 203.0.113.9 "My ""odd"" client+ (x)" 200 0.5'

    event = only(W3C, LONG, row)

    assert (event["raw_agent"], event["status"]) == ('My "odd" client+ (x)', 200)


def test_a_lone_quote_in_a_value_moves_nothing() -> None:
    event = only(W3C, LONG, LONG_ROW.replace("curl/8.4", '"x').replace("/a", '/a"b'))

    assert (event["raw_agent"], event["raw_target"], event["status"]) == ('"x', '/a"b', 200)


def test_plus_is_a_blank_in_user_agents_and_cookies_and_stays_in_targets() -> None:
    fields = "#Fields: date time cs-method cs-uri-stem cs-uri-query cs(User-Agent) cs(Cookie) sc-status"
    options = replace(OPTIONS, needs=Needs(headers=frozenset({"cookie"})))

    event = only(W3C, fields, "2024-01-02 10:00:00 GET /a+b c+d A+B x=1;+y=2 200", options=options)

    assert (event["raw_agent"], event["raw_header.cookie"], event["raw_target"]) == ("A B", "x=1; y=2", "/a+b?c+d")


def test_a_missing_date_is_that_of_the_directive_and_goes_on_past_midnight() -> None:
    fields = ["#Date: 2024-01-31 22:30:00", "#Fields: time cs-method cs-uri-stem sc-status"]

    events = parsed(W3C, *fields, "22:29:58 GET /a 200", "23:59:59 GET /a 200", "00:00:01 GET /a 200").events

    assert events["timestamp"].to_list() == [
        datetime(2024, 1, 31, 22, 29, 58, tzinfo=UTC),
        datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2024, 2, 1, 0, 0, 1, tzinfo=UTC),
    ]


def test_without_any_date_rows_have_no_time() -> None:
    rejects = parsed(W3C, "#Fields: time cs-method cs-uri-stem sc-status", "22:29:58 GET /a 200").rejects

    assert rejects["reason"].to_list() == [NO_TIME]


def test_local_times_are_read_in_the_zone_that_is_told_and_give_way_to_utc() -> None:
    berlin = replace(OPTIONS, source_tz="Europe/Berlin")
    local = only(W3C, "#Fields: date-local time-local sc-status", "2024-01-02 11:00:00 200", options=berlin)
    both = only(
        W3C, "#Fields: date-local time-local time date sc-status", "2024-01-02 11:00:00 10:00:00 2024-01-02 200",
        options=berlin,
    )  # fmt: skip

    assert local["timestamp"] == both["timestamp"] == datetime(2024, 1, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("front", "fields", "milliseconds"),
    [
        ("#Software: nothing known", "", 1500.0),
        ("#Software: Microsoft Internet Information Services 10.0", "", 1.5),
        ("#Version: 1.0", " sc-win32-status", 1.5),
    ],
)
def test_time_taken_is_seconds_by_the_standard_and_milliseconds_of_iis(
    front: str, fields: str, milliseconds: float
) -> None:
    event = only(W3C, front, f"#Fields: date time sc-status time-taken{fields}", "2024-01-02 10:00:00 200 1.5 0")

    assert event["duration_ms"] == milliseconds


def test_a_zero_width_space_is_no_part_of_a_field_name() -> None:
    event = only(W3C, "#Fields: date time cs-method\u200b cs-uri-stem sc-status", "2024-01-02 10:00:00 GET /a 200")

    assert (event["method"], event["raw_target"]) == ("GET", "/a")


def test_ftp_commands_and_idle_connections_are_no_requests() -> None:
    found = parsed(
        W3C,
        "#Date: 2000-10-09 16:44:49",
        "#Fields: time c-ip cs-method cs-uri-stem sc-status",
        "16:44:49 1.1.1.1 [2]USER anonymous 331",
        "16:44:50 1.1.1.1 - - -",
        "16:44:51 1.1.1.1 GET /a -",
    )

    assert found.other == 2
    assert found.events.select("method", "status").rows() == [("GET", None)]


def test_fields_and_headers_of_ones_own_are_found_in_any_case() -> None:
    options = replace(OPTIONS, needs=Needs(headers=frozenset({"x-account"}), fields=frozenset({"X-Plan"})))

    event = only(
        W3C, "#Fields: date time sc-status cs(X-Account) x-plan", "2024-01-02 10:00:00 200 acme gold", options=options
    )

    assert (event["raw_header.x-account"], event["raw_field.X-Plan"]) == ("acme", "gold")


def test_cloudfront_has_the_host_that_was_asked_for_and_no_status_where_the_client_went_away() -> None:
    fields = "#Fields: date time x-edge-location c-ip cs-method cs(Host) cs-uri-stem sc-status x-host-header"

    event = only(
        CLOUDFRONT, fields, "2024-01-02\t10:00:00\tFRA\t203.0.113.9\tGET\td1.cloudfront.net\t/a\t000\tapi.example"
    )

    assert (event["host"], event["status"], event["failure_reason"]) == ("api.example", None, "client_closed")


def test_zeek_names_its_own_separator_and_words() -> None:
    event = only(
        ZEEK,
        r"#separator \x7c",
        "#unset_field|NONE",
        "#fields|ts|method|uri|status_code|user_agent",
        r"1320279566.5|GET|/a|NONE|a\x7cb",
    )

    assert (event["status"], event["raw_agent"], event["raw_target"]) == (None, "a|b", "/a")
    assert event["timestamp"] == datetime(2011, 11, 3, 0, 19, 26, 500_000, tzinfo=UTC)


def test_ltsv_lines_may_have_their_labels_in_any_order() -> None:
    options = replace(OPTIONS, needs=Needs(fields=frozenset({"plan"})))

    events = parsed(
        LTSV,
        "time:[02/Jan/2024:10:00:00 +0000]\treq:GET /a HTTP/1.1\tstatus:200\tplan:gold",
        "status:404\ttime:2024-01-02T10:00:00Z\turi:/b\tmethod:POST",
        options=options,
    ).events

    assert events.select("status", "method", "raw_target", "raw_field.plan").rows() == [
        (200, "GET", "/a", "gold"), (404, "POST", "/b", None),
    ]  # fmt: skip


def test_a_table_may_have_quotes_a_new_header_and_blank_lines() -> None:
    found = parsed(
        TABLE,
        "When,Code,Verb,Path,Tenant",
        '2024-01-02 10:00:00,200,GET,"/a,""b""?x=1","acme, inc"',
        "",
        "Code,When,Path,Verb",
        "404,2024-01-02T10:00:01Z,/c,POST",
    )

    assert found.events.select("line", "status", "method", "raw_target", "account").rows() == [
        (2, 200, "GET", '/a,"b"?x=1', "acme, inc"), (5, 404, "POST", "/c", None),
    ]  # fmt: skip
    assert (found.comments, found.blank) == (2, 1)


def test_rows_without_a_header_are_rejected_and_say_so() -> None:
    assert parsed(TABLE, "200,2024-01-02T10:00:01Z").rejects["reason"].to_list() == [NO_HEADER]


def test_tables_are_declared_in_settings() -> None:
    formats = custom_formats(Settings(formats={"t": CustomFormat(fields={"timestamp": "t", "status": "s"}, csv=";")}))

    assert only(formats["t"], "t;s", "2024-01-02T10:00:00Z;200")["status"] == 200
    with pytest.raises(UsageError, match="no column 'statsu'"):
        csv_format("t", {"timestamp": "t", "statsu": "s"}, separator=",")


HEADERS: dict[str, tuple[Format, list[str]]] = {
    "w3c": (W3C, [LONG, SHORT, LONG_ROW, SHORT_ROW, "#Date: 2024-01-02 09:00:00", "# other", "", "10:00:00 x"]),
    "cloudfront": (
        CLOUDFRONT,
        ["#Fields: date time x-edge-location sc-status", "#Fields: sc-status date time x-edge-location", "nothing",
         "2024-01-02\t10:00:00\tFRA\t200", "404\t2024-01-02\t10:00:00\tFRA"],
    ),
    "zeek": (
        ZEEK,
        ["#fields\tts\tmethod\tstatus_code", "#fields\tstatus_code\tts", r"#separator \x09", r"#separator \x7c",
         "1320279566.5\tGET\t200", "404\t1320279566.5", "1320279566.5|GET|200"],
    ),
    "csv": (
        TABLE,
        ["When,Code", 'Code,Verb,"When"', "2024-01-02T10:00:00Z,200", "404,GET,2024-01-02T10:00:00Z", '"a,b",1', ""],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_log_reads_the_same_in_one_block_and_line_by_line(name: str, data: st.DataObject) -> None:
    format, lines = HEADERS[name]
    chosen = data.draw(st.lists(st.sampled_from(lines), max_size=12))
    assert format.prelude

    whole = parsed(format, *chosen) if chosen else format.parse(b"", 1, OPTIONS)
    prelude, events, rejects, comments = b"", [], [], 0
    for number, line in enumerate(chosen, 1):
        one = format.parse(f"{line}\n".encode(), number, replace(OPTIONS, prelude=prelude))
        prelude = format.prelude(prelude, f"{line}\n".encode())
        events.append(one.events)
        rejects.append(one.rejects)
        comments += one.comments

    assert whole.comments == comments
    assert prelude == format.prelude(b"", "\n".join([*chosen, ""]).encode())
    if chosen:
        alone = pl.concat(events, how="diagonal")
        both = [
            pl.concat([one, other.clear()], how="diagonal")
            for one, other in ((whole.events, alone), (alone, whole.events))
        ]
        assert_frame_equal(*both, check_column_order=False)
        assert_frame_equal(whole.rejects, pl.concat(rejects))


@pytest.mark.parametrize("name", HEADERS)
def test_ten_thousand_damaged_lines_and_directives_balance(name: str) -> None:
    format, lines = HEADERS[name]
    dice = random.Random(1)
    block = []
    for _ in range(10_000):
        line = bytearray(dice.choice(lines).encode())
        at = dice.randrange(len(line) + 1)
        odd = dice.choices(b'"# \t|,:\0\xff\xef\xbb\xbf\r0GET', k=dice.randrange(4))
        if dice.random() < 0.4:
            line[at : at + len(odd)] = bytes(odd)
        block.append(bytes(line))
    data = b"\n".join([*block, b""])

    found = format.parse(data, 1, OPTIONS)

    assert found.events.height > 100
    assert found.events.height + found.rejects.height + found.other + found.blank + found.comments == 10_000


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Summary]:
    def run(*, block_bytes: int = 1 << 20, **settings_: object) -> Summary:
        return ingest(
            [str(tmp_path / "a.log")], tmp_path / "store", settings=Settings(**settings_), options=ReadOptions(),
            key=b"k" * 32, now=datetime(2024, 1, 3, tzinfo=UTC), block_bytes=block_bytes,
        )  # fmt: skip

    return run


def rows(store: Path) -> list[tuple[object, ...]]:
    columns = ["line", "method", "path", "status"]
    files = Store.open(store).files()
    return (
        pl.concat(pl.read_parquet(file, columns=columns, hive_partitioning=False) for file in files).sort("line").rows()
    )


def test_fields_are_in_force_across_blocks_and_runs(tmp_path: Path, read: Callable[..., Summary]) -> None:
    log = tmp_path / "a.log"
    log.write_text("\n".join([LONG, *[LONG_ROW] * 20, SHORT, *[SHORT_ROW] * 20, ""]))

    # A block holds about two lines, so that no row but the first of its header's block sees that header.
    first = read(block_bytes=200)
    with log.open("a") as file:
        file.write(SHORT_ROW + "\n")
    second = read()
    with log.open("a") as file:
        file.write("\n".join([LONG, LONG_ROW, ""]))
    third = read()

    assert [(one.counts.stored, one.counts.rejected) for one in (first, second, third)] == [(40, 0), (1, 0), (1, 0)]
    assert rows(tmp_path / "store") == [
        *[(line, "GET", "/a", 200) for line in range(2, 22)],
        *[(line, "POST", "/b", 404) for line in range(23, 44)],
        (45, "GET", "/a", 200),
    ]


def test_the_header_of_a_table_is_in_force_across_blocks_and_runs(tmp_path: Path, read: Callable[..., Summary]) -> None:
    table = {"t": CustomFormat(fields={"timestamp": "t", "status": "s", "method": "m", "path": "p"}, csv=True)}
    log = tmp_path / "a.log"
    log.write_text("t,s,m,p\n" + "2024-01-02T10:00:00Z,200,GET,/a\n" * 20)

    first = read(block_bytes=70, formats=table)
    with log.open("a") as file:
        file.write("2024-01-02T10:00:00Z,201,PUT,/b\n")
    second = read(formats=table)

    assert (first.counts.stored, second.counts.stored, second.counts.rejected) == (20, 1, 0)
    assert rows(tmp_path / "store")[-1] == (22, "PUT", "/b", 201)


@needs_real_logs
@pytest.mark.parametrize(
    ("name", "format", "stored", "rejected"),
    [
        ("iis_w3c/elastic_iis_xff_extended_noheader.log", "w3c", 3, 0),
        ("iis_w3c/lnav_w3c.0.log", "w3c", 1, 0),
        ("iis_w3c/lnav_w3c.5.log", "w3c", 1, 0),
        ("iis_w3c/lnav_w3c.6.log", "w3c", 1, 0),
        ("iis_w3c/lnav_w3c_big.0.log", "w3c", 210, 0),
        ("aws_cloudfront/opensearch_cloudfront_raw.log", "cloudfront", 40, 0),
        ("zeek_http_tsv/lnav_bro_http.log.0.log", "zeek", 197, 0),
        ("ltsv/nekrassov_ltsv.log", "ltsv", 5, 0),
        ("ltsv/nekrassov_ltsv_with_bad_lines.log", "ltsv", 4, 1),
    ],
)
def test_real_logs_are_told_and_read(name: str, format: str, stored: int, rejected: int) -> None:
    data = (LOGS / name).read_bytes()

    found = choose(data, FORMATS, OPTIONS).format
    whole = found.parse(data, 1, OPTIONS)

    assert (found.name, whole.events.height, whole.rejects.height) == (format, stored, rejected)
    assert data.count(b"\n") == stored + rejected + whole.other + whole.blank + whole.comments


@needs_real_logs
def test_a_log_of_ftp_is_no_log_of_requests() -> None:
    with pytest.raises(InputError) as error:
        choose((LOGS / "iis_w3c/lnav_w3c.2.log").read_bytes(), FORMATS, OPTIONS)

    assert error.value.hint and "FTP" in error.value.hint
