"""Secrets as keyed hashes: the same key gives the same id in one store, and the id gives nothing back."""

from __future__ import annotations

import base64
import hashlib

import polars as pl

from apilens.enrich.mapping import map_distinct_python


def key_id(value: str, key: bytes, prefix: str = "k") -> str:
    """Return `k_` and 16 base32 characters of BLAKE2b (RFC 7693) keyed with the hash key: 80 bits."""
    # A lone surrogate cannot come out of a parser that reads UTF-8, but a JSON escape or a token can hold one.
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), key=key, digest_size=10).digest()
    return f"{prefix}_{base64.b32encode(digest).decode().lower()}"


def keyed_hashes(values: pl.Series, key: bytes, prefix: str = "k") -> pl.Series:
    """Return the key_id of each value; null stays null."""
    return map_distinct_python(values, lambda value: key_id(value, key, prefix))
