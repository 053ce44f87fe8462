"""The client is the first address from the right that no trusted proxy has."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.config import Settings
from apilens.enrich.base import Context
from apilens.enrich.client_ip import CLIENT_IP, PRIVATE, Trusted, address_of, client_of, clients, hide


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "5.5.5.5", "5.5.5.5"),
        ("10.0.0.1", "6.6.6.6, 5.5.5.5, 10.0.0.2", "5.5.5.5"),
        ("8.8.8.8", "5.5.5.5", "8.8.8.8"),
        ("10.0.0.1", "-", "10.0.0.1"),
        ("10.0.0.1", "unknown", None),
        ("10.0.0.1", "7.7.7.7, unknown", None),
        ("10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("10.0.0.1", "evil, 9.9.9.9:4711", "9.9.9.9"),
        ("unix:", "5.5.5.5", "5.5.5.5"),
        (None, "5.5.5.5", "5.5.5.5"),
        (None, None, None),
        ("::1", '"[2001:DB8::1]:4711"', "2001:db8::1"),
        ("10.0.0.1", 'for="[2001:db8::2]:4711";proto=https', "2001:db8::2"),
    ],
)
def test_the_client_is_the_rightmost_untrusted_address(
    peer: str | None, forwarded: str | None, client: str | None
) -> None:
    found = clients(pl.Series([peer], dtype=pl.String), pl.Series([forwarded], dtype=pl.String))

    assert found.to_list() == [client]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("1.2.3.4", "1.2.3.4"), ("1.2.3.4:5678", "1.2.3.4"), ("[::1]:56348", "::1"), ("2001:DB8:0::1", "2001:db8::1"),
        ("1:2:3:4:5:6:7:8:443", "1:2:3:4:5:6:7:8"), ("fe80::1%eth0", "fe80::1"), ("::ffff:1.2.3.4", "1.2.3.4"),
        ("-", None), ("unknown", None), ("host.example", None), ("256.1.1.1", None), ("1.2.3", None), ("", None),
        ("01.2.3.4", None), ("1.2.3.4\n", "1.2.3.4"),
    ],
)  # fmt: skip
def test_peers_lose_ports_and_what_is_no_address_is_null(text: str, address: str | None) -> None:
    assert clients(pl.Series([text]), None).to_list() == [address]


def test_only_the_named_proxies_are_trusted() -> None:
    peers, forwarded = pl.Series(["203.0.113.9", "10.0.0.1"]), pl.Series(["5.5.5.5", "5.5.5.5"])

    assert clients(peers, forwarded, ("203.0.113.0/24",)).to_list() == ["5.5.5.5", "10.0.0.1"]


def test_policies_hide_addresses() -> None:
    addresses = pl.Series(["1.2.3.4", "2001:db8:1:2::3", None, "1.2.3.4"])

    assert hide(addresses, "keep", b"").equals(addresses)
    assert hide(addresses, "truncate", b"").to_list() == ["1.2.3.0", "2001:db8:1::", None, "1.2.3.0"]
    assert hide(addresses, "drop", b"").null_count() == 4
    hashed = hide(addresses, "hash", b"k" * 32).to_list()
    assert hashed[0] == hashed[3] != hashed[1]
    assert hashed[0].startswith("ip_") and hashed[2] is None


def test_the_step_copes_with_absent_columns() -> None:
    context = Context(Settings(client_ip="truncate"), b"k" * 32)

    assert CLIENT_IP.apply(pl.DataFrame({"line": [1, 2]}), context)["client_ip"].to_list() == [None, None]
    assert CLIENT_IP.apply(pl.DataFrame({"raw_peer": ["1.2.3.4"]}), context)["client_ip"].to_list() == ["1.2.3.0"]


_HOP = st.sampled_from(
    ["1.2.3.4", "9.9.9.9:80", "10.0.0.1", "192.168.1.1", "172.31.255.255", "172.32.0.0", "unknown", "-", "", " ", "::1",
     "[2001:db8::1]:80", "evil1.2.3.4", "1.2.3.4 5.6.7.8", "300.1.1.1", "0.0.0.0", "255.255.255.255", "1.2.3.4."]
)  # fmt: skip


@given(
    st.lists(st.tuples(_HOP, st.lists(_HOP, max_size=6)), min_size=1, max_size=8), st.sampled_from([", ", ",", " ,"])
)
@settings(max_examples=300)
def test_whole_columns_agree_with_one_row_at_a_time(rows: list[tuple[str, list[str]]], comma: str) -> None:
    peers = pl.Series([peer for peer, _ in rows])
    forwarded = pl.Series([comma.join(hops) for _, hops in rows])

    one_by_one = [client_of(peer, hops, Trusted(PRIVATE)) for peer, hops in zip(peers, forwarded, strict=True)]

    assert clients(peers, forwarded).to_list() == one_by_one


@given(st.text(max_size=40))
@settings(max_examples=200)
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = clients(pl.Series([text]), None)[0]

    assert found == (str(address_of(text)) if address_of(text) else None)
