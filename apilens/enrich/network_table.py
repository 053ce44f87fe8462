"""networks.csv: whose a client address is, by the longest prefix."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable

import polars as pl

from apilens.csv_table import read_csv
from apilens.enrich.text_map import TextMap

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(path: str) -> TextMap:
    """Return a map from addresses to accounts by a CSV file with `network` (a CIDR or an address) and `account`.

    Of networks that hold an address the one with the longest prefix counts. Raises ConfigError with every mistake.
    """
    table = read_csv(path, required=("network", "account"))
    table.need_values("network")
    table.need_values("account")
    networks: list[Network | None] = []
    for row, text in enumerate(table.columns["network"]):
        networks.append(None)
        try:
            networks[row] = ipaddress.ip_network(text)
        except ValueError as error:
            if text:
                host_bits = "host bits" in str(error)
                mended = f": write {ipaddress.ip_network(text, strict=False)}" if host_bits else ""
                table.add(row, f"{text!r} " + ("has host bits set" + mended if host_bits else "is no network"))
    table.need_distinct("network", [str(network) if network else None for network in networks])
    table.check()
    known = [(network, account) for network, account in zip(networks, table.columns["account"], strict=True) if network]
    ranges = {version: _flat(pair for pair in known if pair[0].version == version) for version in (4, 6)}

    def account(text: str) -> str | None:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return None
        first, accounts = ranges[address.version]
        return accounts[bisect_right(first, int(address)) - 1]

    return TextMap(work=lambda addresses: pl.Series(map(account, addresses), dtype=pl.String))


def _flat(networks: Iterable[tuple[Network, str]]) -> tuple[list[int], list[str | None]]:
    """Return the networks as ranges that do not overlap: where each begins, and whose it is.

    Networks lie within each other or apart, never across: a stack of those that are open is enough.
    """
    starts: list[int] = []
    owners: list[str | None] = []

    def begin(at: int, owner: str | None) -> None:
        if starts and starts[-1] == at:
            owners[-1] = owner
        else:
            starts.append(at)
            owners.append(owner)

    begin(0, None)
    open_networks: list[tuple[int, str]] = []
    for network, account in sorted(networks, key=lambda pair: (int(pair[0].network_address), pair[0].prefixlen)):
        first = int(network.network_address)
        while open_networks and open_networks[-1][0] < first:
            last, _ = open_networks.pop()
            begin(last + 1, open_networks[-1][1] if open_networks else None)
        begin(first, account)
        open_networks.append((int(network.broadcast_address), account))
    while open_networks:
        last, _ = open_networks.pop()
        begin(last + 1, open_networks[-1][1] if open_networks else None)
    return starts, owners
