"""Whose address a request came from: the peer, or what a trusted proxy says of it in X-Forwarded-For."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.enrich.mapping import map_distinct_python

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses that no client on the internet has: RFC 1918, 1122, 3927, 6598, 4193, 4291.
PRIVATE = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
    "::1/128", "fc00::/7", "fe80::/10",
)  # fmt: skip
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN_V4 = rf"^(?:{_OCTET}\.){{3}}{_OCTET}$"
# More proxies than that in a row are rare.
_QUICK_HOPS = 3
_SEPARATOR = "\x00"


class Trusted:
    """A set of networks, asked in logarithmic time."""

    def __init__(self, networks: Sequence[str]) -> None:
        parsed = [ipaddress.ip_network(network, strict=False) for network in networks]
        self._ranges: dict[int, tuple[list[int], list[int]]] = {}
        for version in (4, 6):
            some = [network for network in parsed if network.version == version]
            merged = sorted((int(n.network_address), int(n.broadcast_address)) for n in _collapse(some))
            self._ranges[version] = ([first for first, _ in merged], [last for _, last in merged])

    def ranges(self, version: Literal[4, 6]) -> list[tuple[int, int]]:
        """Return the first and last address of each range, as numbers."""
        return list(zip(*self._ranges[version], strict=True))

    def __contains__(self, address: Address) -> bool:
        first, last = self._ranges[address.version]
        at = bisect_right(first, int(address)) - 1
        return at >= 0 and int(address) <= last[at]


def address_of(text: str) -> Address | None:
    """Return the address in `1.2.3.4:5678`, `[::1]:443`, `for="…"` or a plain one; None for host names and the like.

    A port behind an IPv6 address without brackets is seen only where the address would be too long with it.
    """
    text = text.strip()
    if text[:4].lower() == "for=":
        text = text[4:].partition(";")[0].strip()
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    for candidate in (text, text.rpartition(":")[0]):
        try:
            address = ipaddress.ip_address(candidate.partition("%")[0])
        except ValueError:
            continue
        return getattr(address, "ipv4_mapped", None) or address
    return None


def client_of(peer: str, forwarded: str, trusted: Trusted) -> str | None:
    """Return the client by the forwarded-for rule: from the right, the first address that is no trusted proxy.

    Only a trusted peer is believed; a peer that is no address (`unix:`, or none was logged) is this machine. Where all
    are trusted, the left-most. None where the place of the client holds no address (`unknown`).
    """
    at_peer = address_of(peer)
    if at_peer is not None and at_peer not in trusted:
        return str(at_peer)
    hops = [hop for hop in forwarded.split(",") if hop.strip() not in ("", "-")]
    if not hops:
        return str(at_peer) if at_peer else None
    for hop in reversed(hops):
        address = address_of(hop)
        if address is None:
            return None
        if address not in trusted:
            break
    return str(address)


def clients(peers: pl.Series, forwarded: pl.Series | None, networks: Sequence[str] = ()) -> pl.Series:
    """Return the client address of each row; networks (default: PRIVATE) are the trusted proxies."""
    alone = _addresses(peers)
    if forwarded is None:
        return alone
    told = (forwarded.is_not_null() & ~forwarded.is_in(["", "-"])).fill_null(False).arg_true()
    if not told.len():
        return alone
    trusted = _trusted(tuple(networks) or PRIVATE)
    return alone.clone().scatter(told, _forwarded(peers.gather(told), forwarded.gather(told), trusted))


def hide(addresses: pl.Series, policy: str, key: bytes) -> pl.Series:
    """Return addresses by policy: `keep`, `truncate` (/24 and /48), `hash` (keyed, `ip_…`) or `drop` (null)."""
    if policy == "keep":
        return addresses
    if policy == "hash":
        return keyed_hashes(addresses, key, "ip")
    if policy == "drop":
        return pl.repeat(None, addresses.len(), dtype=pl.String, eager=True).alias(addresses.name)
    shorter = addresses.str.replace(r"\.[0-9]+$", ".0")
    v6 = shorter.str.contains(":", literal=True).fill_null(False).arg_true()
    if not v6.len():
        return shorter
    return shorter.clone().scatter(v6, map_distinct_python(shorter.gather(v6), _network_48))


def _network_48(text: str) -> str:
    return str(ipaddress.ip_network((text, 48), strict=False).network_address)


def _collapse(
    networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return list(ipaddress.collapse_addresses(networks))  # type: ignore[type-var]


@lru_cache(maxsize=16)
def _trusted(networks: tuple[str, ...]) -> Trusted:
    return Trusted(networks)


def _addresses(texts: pl.Series) -> pl.Series:
    """Return the address in each text. Plain IPv4 is only checked; the rest is read once per distinct text."""
    other = (~texts.str.contains(_PLAIN_V4)).fill_null(False).arg_true()
    if not other.len():
        return texts
    return texts.clone().scatter(other, map_distinct_python(texts.gather(other), _address_text))


def _address_text(text: str) -> str | None:
    address = address_of(text)
    return str(address) if address else None


def _forwarded(peers: pl.Series, forwarded: pl.Series, trusted: Trusted) -> pl.Series:
    """Return the client of each row by client_of: whole columns where all is plain IPv4, else once per distinct pair.

    There may be as many different lists as clients, and Python takes 10 µs for one.
    """
    peers = peers.fill_null("")
    believed = _is_trusted(peers, trusted) | (peers == "")
    found = pl.select(pl.when(~believed).then(peers)).to_series()
    rest = forwarded
    open_rows = believed
    for _ in range(_QUICK_HOPS):
        last = rest.str.extract(r"(?:^|,)\s*([0-9.]+)\s*$")
        at_last = _is_trusted(last, trusted)
        before = rest.str.replace(r"(?:^|,)\s*[0-9.]+\s*$", "")
        is_client = open_rows & (~at_last | (at_last & (before == "")))
        found = pl.select(pl.when(is_client).then(last).otherwise(found)).to_series()
        open_rows, rest = open_rows & at_last & (before != ""), before
        if not open_rows.any():
            break
    unread = found.is_null().arg_true()
    if not unread.len():
        return found
    pairs = peers.gather(unread) + _SEPARATOR + forwarded.gather(unread)
    return found.scatter(unread, map_distinct_python(pairs, lambda pair: client_of(*_pair(pair), trusted)))


def _pair(text: str) -> tuple[str, str]:
    peer, _, forwarded = text.partition(_SEPARATOR)
    return peer, forwarded


def _is_trusted(texts: pl.Series, trusted: Trusted) -> pl.Series:
    """Return whether each plain IPv4 address is trusted; null where the text is something else."""
    octets = texts.str.split_exact(".", 3).struct.unnest()
    number = pl.lit(0, dtype=pl.Int64)
    for octet in octets.columns:
        number = number * 256 + pl.col(octet).cast(pl.Int64, strict=False)
    numbers = octets.select(number).to_series()
    inside = pl.any_horizontal(pl.lit(False), *(pl.lit(numbers).is_between(*limits) for limits in trusted.ranges(4)))
    return pl.select(pl.when(texts.str.contains(_PLAIN_V4)).then(inside)).to_series()


def _client_ip(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    nothing = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    peers = frame["raw_peer"] if "raw_peer" in frame.columns else nothing
    forwarded = frame["raw_forwarded"] if "raw_forwarded" in frame.columns else None
    found = clients(peers, forwarded, context.settings.trusted_proxies)
    shown = hide(found, context.settings.client_ip, context.hash_key)
    # Networks of customers are told by the whole address, whatever is stored of it.
    return frame.with_columns(shown.alias("client_ip"), found.alias("raw_client"))


CLIENT_IP = Step("client_ip", reads=("raw_peer", "raw_forwarded"), makes=("client_ip", "raw_client"), apply=_client_ip)
