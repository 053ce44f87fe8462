"""Accounts out of the operator's own tables: keys, users, networks, and another log by request id."""

from __future__ import annotations

import base64
import gzip
import hashlib
import ipaddress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apilens.config import Settings
from apilens.enrich import enrich
from apilens.enrich.base import Context
from apilens.enrich.key_table import UNKNOWN_KEY, read_keys, read_users
from apilens.enrich.keyed_hash import key_id
from apilens.enrich.network_table import read_networks
from apilens.enrich.text_map import TextMap
from apilens.errors import ConfigError
from apilens.identity_rule import IdentityRule, JoinRule
from apilens.joined_log import read_join
from apilens.lookups import read_lookups

KEY = b"k" * 32
ONE_KEY = "needs exactly one column of key_sha256, prefix, id, key"


def written(folder: Path, text: str | bytes, name: str = "t.csv") -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def identified(columns: dict[str, list[Any]], settings: Settings) -> dict[str, list[Any]]:
    """Return account, its source and the key of events that have these columns."""
    frame = pl.DataFrame(columns).with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"),
        pl.lit(0, dtype=pl.Int32).alias("item"),
        pl.lit("2026-11-01T12:00:00Z").str.to_datetime(time_unit="us", time_zone="UTC").alias("timestamp"),
    )
    context = Context(settings, KEY, lookups=read_lookups(settings.account, KEY))
    return enrich(frame, context, columns=["account", "account_source", "api_key", "user"]).to_dict(as_series=False)


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def found(table: TextMap, *texts: str | None) -> list[str | None]:
    return table.find(pl.Series(texts, dtype=pl.String)).to_list()


def test_a_key_belongs_to_an_account_however_the_table_states_it(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"sk-1").hexdigest()
    for text in (
        "account,key\nacme,sk-1\nglobex,sk-22\n",
        f"key_sha256,account\n{digest.upper()},acme\n{hashlib.sha256(b'sk-22').hexdigest()},globex\n",
        f"note,account,id\nx,acme,{key_id('sk-1', KEY)}\ny,globex,sk-22\n",
        "account,prefix\nacme,sk-\nglobex,sk-2\n",
        '\ufeffaccount,key\r\n"acme", sk-1 \r\n\r\nglobex,"sk-22"\r\n',
    ):
        table = read_keys(written(tmp_path, text), KEY)

        # Twice: the second time from what is remembered.
        for _ in range(2):
            assert found(table, "sk-1", None, "sk-22", "other", "sk-1") == ["acme", None, "globex", None, "acme"]


def test_keys_are_looked_up_whatever_rule_finds_them_and_unknown_ones_are_one_group(tmp_path: Path) -> None:
    keys = IdentityRule(api_key=written(tmp_path, "account,key\nacme,k1\nglobex,k2\n"))
    settings = Settings(
        api_key=(IdentityRule(header="X-Key"), IdentityRule(query="key"), IdentityRule(basic=True)),
        account=(IdentityRule(field="org"), keys, IdentityRule(client_ip=True)),
    )
    columns = {
        "raw_header.x-key": ["k1", None, None, "lost", None, "k1"],
        "raw_header.authorization": [None, None, basic("k1", ""), None, None, None],
        "raw_target": ["/", "/?key=k2", "/", "/", "/", "/"],
        "raw_peer": ["192.0.2.1"] * 6,
        "raw_field.org": [None, None, None, None, None, "stated"],
    }

    made = identified(columns, settings)

    assert made["account"] == ["acme", "globex", "acme", UNKNOWN_KEY, "192.0.2.1", "stated"]
    assert made["account_source"] == [
        *["api_key:t.csv"] * 3, "unknown_key", "client_ip", "field:org",
    ]  # fmt: skip
    assert made["api_key"] == [
        key_id("k1", KEY), key_id("k2", KEY), key_id("k1", KEY), key_id("lost", KEY), None, key_id("k1", KEY),
    ]  # fmt: skip


def test_a_second_table_of_keys_is_asked_before_a_key_is_unknown(tmp_path: Path) -> None:
    one = IdentityRule(api_key=written(tmp_path, "account,key\nacme,k1\n", "one.csv"))
    two = IdentityRule(api_key=written(tmp_path, "account,prefix\nglobex,k\n", "two.csv"))
    settings = Settings(api_key=(IdentityRule(field="key"),), account=(one, two))

    assert identified({"raw_field.key": ["k1", "k9", "x"]}, settings)["account"] == ["acme", "globex", UNKNOWN_KEY]


def test_users_belong_to_accounts_also_those_whose_name_is_hidden(tmp_path: Path) -> None:
    users = IdentityRule(users=written(tmp_path, "user,account\nann@example.com,acme\n7,globex\n"))
    settings = Settings(user=(IdentityRule(field="email"),), account=(users,))

    made = identified({"raw_field.email": ["ann@example.com", None, "x"], "user": [None, "7", None]}, settings)

    assert made["account"] == ["acme", "globex", None]
    assert made["user"] == [key_id("ann@example.com", KEY), "7", key_id("x", KEY)]
    assert found(read_users(users.users or ""), "7", "8") == ["globex", None]


def test_the_longest_prefix_of_an_address_counts_whatever_is_stored_of_it(tmp_path: Path) -> None:
    text = "network,account\n10.0.0.0/8,big\n10.1.0.0/16,small\n10.1.2.3,one\n2001:db8::/32,six\n::/0,rest\n"
    settings = Settings(account=(IdentityRule(ip=written(tmp_path, text)),), client_ip="drop")
    peers = ["10.9.9.9", "10.1.0.0", "10.1.2.3", "10.2.0.0", "9.255.255.255", "2001:db8::5", "::1", "-", "host"]

    made = identified({"raw_peer": peers}, settings)

    assert made["account"] == ["big", "small", "one", "big", None, "six", "rest", None, None]


def networks(version: int) -> st.SearchStrategy[str]:
    # Few and near each other, so that they lie within each other.
    base, bits = (10 << 24, 32) if version == 4 else (0x20010DB8 << 96, 128)
    address = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    return st.builds(
        lambda low, length: str(ipaddress.ip_network((str(address(base + low)), length), strict=False)),
        st.integers(0, 40), st.integers(bits - 7, bits),
    )  # fmt: skip


@hypothesis_settings(max_examples=60)
@given(st.lists(networks(4) | networks(6), min_size=1, max_size=12, unique=True))
def test_networks_agree_with_trying_each_one(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    rows = "".join(f"{name},{name}\n" for name in names)
    table = read_networks(written(tmp_path_factory.mktemp("n"), "network,account\n" + rows))
    texts = [str(ipaddress.ip_address((10 << 24) + low)) for low in range(60)]
    texts += [str(ipaddress.ip_address((0x20010DB8 << 96) + low)) for low in range(60)]

    def longest(text: str) -> str | None:
        holding = [net for net in map(ipaddress.ip_network, names) if ipaddress.ip_address(text) in net]
        return str(max(holding, key=lambda net: net.prefixlen)) if holding else None

    assert found(table, *texts) == [longest(text) for text in texts]


def test_another_log_knows_the_account_of_a_request(tmp_path: Path) -> None:
    written(
        tmp_path,
        '{"ctx":{"rid":"r1"},"tenant":"acme"}\n{"x":1}\nno json\n{"ctx":{"rid":"r1"},"tenant":"b"}\n',
        "a.jsonl",
    )
    written(tmp_path, gzip.compress(b'{"ctx":{"rid":"r2"},"tenant":7}\n{"ctx":{"rid":"r3"},"tenant":""}'), "b.jsonl.gz")
    by_path = JoinRule(files=(f"{tmp_path}/*.jsonl*",), request_id="ctx.rid", account="tenant")
    text = written(
        tmp_path, "10:00 auth ok rid=r1 account=acme\nnothing here\n10:01 auth ok rid=r2 account=7\n", "auth.log"
    )
    by_regex = JoinRule(files=(text,), regex=r"rid=(?P<request_id>\S+) account=(?P<account>\S+)")

    for join in (by_path, by_regex):
        settings = Settings(account=(IdentityRule(join=join),))
        made = identified({"request_id": ["r1", "r2", "r3", None]}, settings)
        assert made["account"] == ["acme", "7", None, None]
    assert made["account_source"] == ["join:auth.log", "join:auth.log", None, None]


def test_a_joined_log_is_bounded_and_keeps_its_end(tmp_path: Path) -> None:
    text = written(tmp_path, "".join(f"r{number} a{number}\n" for number in range(100)))
    rule = JoinRule(files=(text,), regex=r"^(?P<request_id>\S+) (?P<account>\S+)")

    table = read_join(rule, most=10)

    assert len(table) == 10
    assert found(table, "r89", "r90", "r99") == [None, "a90", "a99"]


def test_a_joined_log_without_pairs_is_told_of(tmp_path: Path) -> None:
    rule = IdentityRule(join=JoinRule(files=(written(tmp_path, "nothing\n"),), regex="(?P<request_id>a)(?P<account>b)"))
    said: list[str] = []

    read_lookups((rule,), KEY, warn=said.append)

    assert len(said) == 1 and "t.csv has a request id and an account" in said[0]


@pytest.mark.parametrize(
    ("rule", "text", "mistakes"),
    [
        ("api_key", "account,kye\na,b\n", [f"1: {ONE_KEY} (`kye`: did you mean `key`?)"]),
        ("api_key", "account,key,id\na,b,c\n", [f"1: {ONE_KEY}, has id and key"]),
        ("api_key", "acount,key\n", ["1: no column `account` (`acount`: did you mean `account`?)"]),
        ("api_key", "", ["1: is empty"]),
        ("api_key", b"account,key\na,\xff\n", ["2: is no UTF-8"]),
        ("api_key", 'account,key\n"a,b\n', ["2: is no CSV: unexpected end of data"]),
        (
            "api_key", "account,key\na,SECRET\n\n,b\nc\nd,SECRET\ne,\n",
            ["5: has 1 cells, the header 2", "4: `account` is empty", "5: `key` is empty", "7: `key` is empty",
             "6: the same `key` as in line 2"],
        ),
        (
            "api_key", "account,key_sha256\na,SECRET\n",
            ["2: `key_sha256` is no SHA-256: 64 hexadecimal digits (printf %s KEY | sha256sum)"],
        ),
        (
            "ip", "network,account\n10.0.0.1/8,a\n10.0.0.0/40,b\n10.0.0.0/8,c\n10.0.0.0/8,d\n",
            ["2: '10.0.0.1/8' has host bits set: write 10.0.0.0/8", "3: '10.0.0.0/40' is no network",
             "5: the same `network` as in line 4"],
        ),
        ("users", "user,account\n\"a\nb\",x\nc,\n", ["4: `account` is empty"]),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_line_and_no_key_is(
    tmp_path: Path, rule: str, text: str | bytes, mistakes: list[str]
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        read_lookups((IdentityRule(**{rule: path}),), KEY)

    assert caught.value.message.splitlines() == [f"{path}:{mistake}" for mistake in mistakes]
    assert "SECRET" not in caught.value.message + str(caught.value.hint)


def test_the_mistakes_of_all_files_come_at_once(tmp_path: Path) -> None:
    rules = (
        IdentityRule(api_key=str(tmp_path / "gone.csv")),
        IdentityRule(users=written(tmp_path, "user\nx\n")),
        IdentityRule(join=JoinRule(files=(str(tmp_path / "gone.log"),), request_id="a", account="b")),
    )

    with pytest.raises(ConfigError) as caught:
        read_lookups(rules, KEY)

    assert caught.value.message.splitlines() == [
        f"cannot read {tmp_path}/gone.csv: No such file or directory",
        f"{tmp_path}/t.csv:1: no column `account`",
        f"join: {tmp_path}/gone.log: no such file",
    ]


def test_basic_user_names_are_accounts_and_keys_among_them_are_hidden() -> None:
    token = "aZ3kQ9xY7bN2mP5rT8wV1c"
    headers = [
        basic("acme", "pw"),
        basic("sk-key", ""),
        basic("key2", "X"),
        basic(token, "pw"),
        "Basic !",
        "Bearer x",
        None,
    ]
    logged = [None, None, None, None, None, None, "ann"]

    made = identified(
        {"raw_header.authorization": headers, "raw_remote_user": logged}, Settings(account=(IdentityRule(basic=True),))
    )

    assert made["account"] == [
        "acme", key_id("sk-key", KEY), key_id("key2", KEY), key_id(token, KEY), None, None, "ann",
    ]  # fmt: skip


def test_a_regex_takes_the_account_out_of_a_text() -> None:
    rules = (
        IdentityRule(column="host", regex=r"^(?P<account>[a-z]+)\.api\.example\.com$"),
        IdentityRule(field="sub", regex="^(?:user|(svc)):(?P<org>[^:]+)"),
        IdentityRule(column="target", regex="[?&]key=(?P<key>[^&]+)"),
    )
    columns = {
        "host": ["acme.api.example.com", "www.example.com", None, None, None],
        "raw_field.sub": ["user:x", "svc:globex:7", "nothing", None, None],
        "raw_target": ["/", "/", "/", "/?key=canary1", "/?key=canary2&a=1"],
    }

    made = identified(columns, Settings(account=rules))

    # What redaction would take away is a secret: two keys stay two accounts, and no one reads them.
    assert made["account"] == ["acme", "globex", None, key_id("canary1", KEY), key_id("canary2", KEY)]
    assert made["account_source"] == ["column:host", "field:sub", None, "column:target", "column:target"]


@given(st.lists(st.none() | st.sampled_from(["a", "b", "c", "", "é"]) | st.text(max_size=3)))
def test_a_text_map_agrees_with_a_dict(texts: list[str | None]) -> None:
    learns = TextMap(work=lambda new: new + "!")
    knows = TextMap()
    knows.add(knows.hashes(pl.Series(["a", "b"])), pl.Series(["1", "2"]))

    for half in (texts[: len(texts) // 2], texts):
        series = pl.Series(half, dtype=pl.String)
        assert learns.find(series).to_list() == [None if text is None else f"{text}!" for text in half]
        assert knows.find(series).to_list() == [{"a": "1", "b": "2"}.get(text or "") for text in half]
