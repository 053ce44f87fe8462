"""The request line of an access log, and the escapes that servers write in it and in header values."""

from __future__ import annotations

import re

import polars as pl

from apilens.formats.pattern import Capture, captured

# Targets of GraphQL: of these requests the body says what they ask for.
GRAPHQL = r"/(?:graphql|gql)/*(?:[?#]|$)"
_LINE = (
    Capture("method", "[A-Z][A-Z_-]{0,19}"),
    " +",
    Capture("target", ".*?"),
    "(?: +HTTP/",
    Capture("protocol", "[0-9]{1,2}(?:[.][0-9]{1,2})?"),
    ")? *",
)
_ABSOLUTE = "^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?"
_AUTHORITY = r"(\[[0-9A-Fa-f:.%]*\]|[^/?#:@]+)(?::[0-9]*)?"
_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\bnrtv]))')
_LETTERS = {b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def split_requests(texts: pl.DataFrame) -> pl.DataFrame:
    """Replace `request` by `method`, `target`, `protocol` and, where an absolute URL names one, `target_host`.

    What is no request (`-`, nothing, TLS bytes, one word, a target that is none) gives nulls. Targets stay as logged,
    except that escaped quotes are quotes again.
    """
    split = texts.with_columns(*captured("request", _LINE)).drop("request")
    return check_targets(split.with_columns(pl.col("target").str.replace_all(r'\\(?:"|x22)', '"')))


def check_targets(texts: pl.DataFrame) -> pl.DataFrame:
    """Leave `method` and `target` only where the target is one; absolute URLs become path and `target_host`.

    A target is a path, `*`, an absolute URL, or host:port after CONNECT.
    """
    target, method = pl.col("target"), pl.col("method")
    if texts.select((target.str.starts_with("/") | target.is_null()).all()).item():
        return texts
    is_url = target.str.contains(_ABSOLUTE + _AUTHORITY)
    is_tunnel = (method == "CONNECT") & target.str.contains(f"^{_AUTHORITY}$")
    is_target = target.str.starts_with("/") | (target == "*") | is_url | is_tunnel
    path = target.str.replace(_ABSOLUTE + "[^/?#]*", "")
    rooted = pl.when(path.str.starts_with("/")).then(path).otherwise("/" + path)
    url_host = target.str.extract(_ABSOLUTE + _AUTHORITY)
    tunnel_host = target.str.extract("^" + _AUTHORITY)
    return texts.with_columns(
        method=pl.when(is_target).then(method),
        target=pl.when(is_url).then(rooted).when(is_target).then(target),
        target_host=pl.when(is_url).then(url_host).when(is_tunnel).then(tunnel_host),
    )


def unescaped(texts: pl.Series) -> pl.Series:
    """Return texts with Apache's and nginx's escapes undone: `\\"`, `\\\\`, `\\n`, and `\\xHH` as bytes of UTF-8."""
    escaped = texts.str.contains("\\", literal=True).fill_null(False)
    if not escaped.any():
        return texts
    # Polars cannot turn \xHH into bytes; user agents and referrers with escapes are few, and fewer when unique.
    values = texts.filter(escaped).unique()
    plain = pl.Series([_unescape(value) for value in values], dtype=pl.String)
    return texts.replace(values, plain)


def _unescape(text: str) -> str:
    def letter(found: re.Match[bytes]) -> bytes:
        if found[1]:
            return bytes.fromhex(found[1].decode())
        return _LETTERS.get(found[2], found[2])

    return _ESCAPE.sub(letter, text.encode()).decode("utf-8", "replace")
