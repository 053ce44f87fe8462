"""A network's pattern finds the addresses that Python's ipaddress finds."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apilens.address_pattern import network_problem, pattern_of

# Groups that are often zero: that is where `::` comes from.
_groups = st.lists(
    st.sampled_from([0, 0, 0, 1, 0x10, 0xDB8, 0xFD00, 0xFFFF]) | st.integers(0, 0xFFFF), min_size=8, max_size=8
)


def v6(groups: list[int]) -> ipaddress.IPv6Address:
    return ipaddress.IPv6Address(":".join(f"{group:x}" for group in groups))


@settings(max_examples=300, deadline=None)
@given(base=st.integers(0, 2**32 - 1), length=st.integers(0, 32), bit=st.integers(0, 32))
def test_addresses_of_version_4(base: int, length: int, bit: int) -> None:
    network = ipaddress.IPv4Network((base, length), strict=False)
    near = ipaddress.IPv4Address(base ^ (2**bit >> 1))

    assert bool(re.search(pattern_of(str(network)), str(near))) == (near in network)


@settings(max_examples=500, deadline=None)
@given(base=_groups, length=st.integers(0, 128), other=_groups, keep=st.integers(0, 8))
@example(base=[0x2001, 0xDB8, 0, 0, 0, 0, 0, 0], length=32, other=[0x2001, 0xDB8, 0, 0, 0, 0, 0, 1], keep=0)
@example(base=[0x2001, 0xDB8, 0, 0, 0, 0, 0, 0], length=64, other=[0x2001, 0xDB8, 0, 0, 5, 0, 0, 0], keep=0)
@example(base=[0xFC00, 0, 0, 0, 0, 0, 0, 0], length=7, other=[0xFD12, 0, 0, 0, 0, 0, 0, 1], keep=0)
def test_addresses_of_version_6(base: list[int], length: int, other: list[int], keep: int) -> None:
    network = ipaddress.IPv6Network((int(v6(base)), length), strict=False)
    near = v6([*base[:keep], *other[keep:]])
    if network_problem(str(network)):
        return

    assert bool(re.search(pattern_of(str(network)), str(near))) == (near in network), pattern_of(str(network))


@pytest.mark.parametrize("network", ["10.0.0.0/8", "172.16.0.0/12", "::1", "fc00::/7", "fe80::/10", "2001:db8::/32"])
def test_the_usual_networks_can_be_named(network: str) -> None:
    assert network_problem(network) is None


def test_what_is_none_is_said() -> None:
    assert network_problem("10.0.0") == "'10.0.0' is no address or network such as 10.0.0.0/8"
    assert "`::` in the middle" in str(network_problem("2001:0:0:1::/64"))
