"""Who ended a request that did not go well, out of the flags that proxies log."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

# The first letter of HAProxy's termination state says who, the second when; `L` answered by itself: no failure.
_HAPROXY: Mapping[str, str] = {
    "C": "client_closed", "c": "client_timeout", "S": "upstream_aborted", "s": "upstream_timeout",
    "P": "proxy_blocked", "R": "proxy_overloaded", "I": "proxy_error", "D": "upstream_down", "U": "upstream_up",
    "K": "killed_by_operator",
}  # fmt: skip
_HAPROXY_CONNECTING: Mapping[str, str] = {
    "SC": "upstream_connect_failed", "sC": "upstream_connect_timeout", "sQ": "queue_timeout",
}  # fmt: skip
_ENVOY: Mapping[str, str] = {
    "DC": "client_closed", "DPE": "client_protocol_error", "DT": "client_timeout", "IH": "invalid_header",
    "UF": "upstream_connect_failed", "UH": "no_healthy_upstream", "LH": "no_healthy_upstream",
    "UO": "upstream_overloaded", "UT": "upstream_timeout", "UC": "upstream_aborted", "UR": "upstream_aborted",
    "UPE": "upstream_protocol_error", "URX": "upstream_retries_exceeded", "UMSDR": "upstream_timeout",
    "NR": "no_route", "NC": "no_cluster", "LR": "proxy_reset", "SI": "idle_timeout", "OM": "proxy_overloaded",
    "DO": "proxy_overloaded", "RL": "rate_limited", "RLSE": "rate_limiter_failed", "UAEX": "unauthorized",
    "FI": "fault_injected", "DF": "dns_failed", "NFCF": "proxy_error",
}  # fmt: skip
# An answer from the cache, and one that was only delayed.
_ENVOY_FINE = ("RFCF", "DI")


def haproxy_reason(state: pl.Expr) -> pl.Expr:
    """Return who ended a request by HAProxy's termination state, such as `CD--`; null for a good end."""
    connecting = state.str.head(2).replace_strict(_HAPROXY_CONNECTING, default=None, return_dtype=pl.String)
    return connecting.fill_null(state.str.head(1).replace_strict(_HAPROXY, default=None, return_dtype=pl.String))


def envoy_reason(flags: pl.Expr) -> pl.Expr:
    """Return who ended a request by the first of Envoy's response flags, a flag that is not known as it is."""
    first = flags.str.extract("^([A-Z]+)")
    return pl.when(~first.is_in(_ENVOY_FINE)).then(first.replace(_ENVOY))


def squid_reason(result: pl.Expr) -> pl.Expr:
    """Return who ended a request by Squid's result code, such as `TCP_MISS_ABORTED`; null for a good end."""
    ends: Mapping[str, str] = {"ABORTED": "client_closed", "TIMEOUT": "upstream_timeout", "DENIED": "proxy_blocked"}
    return pl.coalesce(pl.when(result.str.contains(word, literal=True)).then(pl.lit(end)) for word, end in ends.items())
