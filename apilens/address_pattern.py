"""A network as a regular expression over addresses as text: what any engine can filter by."""

from __future__ import annotations

import ipaddress
from itertools import pairwise

_GROUP = "[0-9a-f]{1,4}"
_GROUPS, _GROUP_BITS, _OCTET_BITS = 8, 16, 8


def network_problem(text: str) -> str | None:
    """Return what is wrong with the text of a network, in one line."""
    try:
        pattern_of(text)
    except ValueError as error:
        return str(error)
    return None


def pattern_of(text: str) -> str:
    """Return the regular expression of the addresses in a network, each written as RFC 5952 has it.

    Raises ValueError for what is no network, and for an IPv6 one with `::` in the middle of its prefix.
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no address or network such as 10.0.0.0/8") from None
    if isinstance(network, ipaddress.IPv4Network):
        return _v4(network)
    if network.prefixlen == network.max_prefixlen:
        return f"^{network.network_address}$"
    return _v6(network)


def _v4(network: ipaddress.IPv4Network) -> str:
    whole, bits = divmod(network.prefixlen, _OCTET_BITS)
    octets = str(network.network_address).split(".")
    parts = octets[:whole]
    if bits:
        first = int(octets[whole])
        numbers = "|".join(map(str, range(first, first + 2 ** (_OCTET_BITS - bits))))
        parts.append(f"(?:{numbers})")
    parts += ["[0-9]{1,3}"] * (4 - len(parts))
    return rf"^{'[.]'.join(parts)}$"


def _v6(network: ipaddress.IPv6Network) -> str:
    whole, bits = divmod(network.prefixlen, _GROUP_BITS)
    groups = [int(group, 16) for group in network.network_address.exploded.split(":")]
    fixed = groups[:whole]
    first = groups[whole]
    last = first + 2 ** (_GROUP_BITS - bits) - 1 if bits else None
    # Zeros at the end of the prefix may be written out, or be `::`, alone or with what comes after them.
    zeros = 0
    while zeros < len(fixed) and fixed[-1 - zeros] == 0:
        zeros += 1
    head = fixed[: len(fixed) - zeros]
    if any(left == right == 0 for left, right in pairwise(head)):
        raise ValueError(
            f"{str(network)!r} has `::` in the middle of its prefix: name its addresses, or a wider network"
        )
    start = "".join(f"{group:x}:" for group in head)
    part = _between(first, last) if last is not None else ""
    left = _GROUPS - len(fixed) - (last is not None)
    ways = [f"{start}{'0:' * zeros}{part}{':' if part and left else ''}{'' if left else '$'}"]
    if part and zeros > 1:
        ways.append(f"{start or ':'}:{part}{f':{_GROUP}' * left}$")
    if last is None or first == 0:
        hidden = max(zeros + (last is not None), 2)
        after = _GROUPS - len(head) - hidden
        tail = f"(?:{_GROUP}(?::{_GROUP}){{0,{after - 1}}})?" if after > 0 else ""
        if zeros or last is not None:
            ways.append(f"{start or ':'}:{tail}$")
    return f"^(?:{'|'.join(ways)})"


def _between(first: int, last: int) -> str:
    """Return the pattern of a group between two numbers that differ in their last bits alone, in hexadecimal."""
    free = len(f"{last ^ first:x}") - 1
    ways = []
    for number in range(first >> 4 * free, (last >> 4 * free) + 1):
        if number:
            ways.append(f"{number:x}[0-9a-f]{{{free}}}")
        else:
            ways.append(f"[0-9a-f]{{1,{free}}}" if free else "0")
    return f"(?:{'|'.join(ways)})"
