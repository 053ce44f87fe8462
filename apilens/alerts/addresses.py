"""Which network addresses a notification may go to: what a name resolves to is checked, and that address connected to.

A webhook's address comes from settings, but whoever answers for its name could point it into the own network, at the
credentials that clouds serve on link-local addresses for example.
"""

from __future__ import annotations

import ipaddress
import socket

from apilens.errors import DeliveryError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Written out: `is_private` misses 100.64.0.0/10, and differs between versions of Python.
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "::/128",
            "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "fc00::/7", "fec0::/10",
        ),
    )
)  # fmt: skip
# Link-local ones, where clouds serve credentials, and those that are no single machine: not even with allow_private.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        ("169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "fe80::/10", "ff00::/8", "fd00:ec2::254/128"),
    )
)
# Networks of IPv6 whose addresses hold one of IPv4, and how many bits stand behind it.
_HOLDING = tuple(
    (ipaddress.IPv6Network(network), behind)
    for network, behind in (("::/96", 0), ("::ffff:0:0/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80))
)


def connected(host: str, port: int, *, timeout_s: float, allow_private: bool) -> socket.socket:
    """Return a connection to the first address of a name that may be one and answers.

    Raises DeliveryError where none may be, OSError where none answers.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "no name of a host") from None
    allowed = [entry for entry in found if is_allowed(str(entry[4][0]), allow_private=allow_private)]
    if not allowed:
        raise DeliveryError(
            f"{host} is an address of the own network, or of no network",
            hint=None if allow_private else "`allow_private: true` on the channel, if that is meant",
        )
    failure: OSError | None = None
    for family, kind, protocol, _, address in allowed:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout_s)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    assert failure is not None
    raise failure


def is_allowed(text: str, *, allow_private: bool) -> bool:
    """Say whether an address may be connected to."""
    address = _innermost(ipaddress.ip_address(text.partition("%")[0]))
    if any(address in network for network in _NEVER):
        return False
    return allow_private or not any(address in network for network in _PRIVATE)


def _innermost(address: Address) -> Address:
    """Return the address of IPv4 that one of IPv6 stands for, or the address itself."""
    if address.version == 6 and int(address) > 1:
        for network, behind in _HOLDING:
            if address in network:
                return ipaddress.IPv4Address((int(address) >> behind) & 0xFFFFFFFF)
    return address
