"""Secrets as keyed hashes: the same key gives the same id in one store, and the id gives nothing back."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import lru_cache

import polars as pl

from apilens.enrich.text_map import TextMap

_DIGEST_BYTES = 10
_DIGITS = 16


def key_id(value: str, key: bytes, prefix: str = "k") -> str:
    """Return `k_` and 16 base32 characters of BLAKE2b (RFC 7693) keyed with the hash key: 80 bits."""
    return _key_ids([value], key, prefix)[0]


def keyed_hashes(values: pl.Series, key: bytes, prefix: str = "k") -> pl.Series:
    """Return the key_id of each value; null stays null. Block after block has the same keys: each is hashed once."""
    if values.null_count() == len(values):
        # Most logs show no key and no session: a look-up of nothing would take as long as one of a few values.
        return values
    return _known(key, prefix).find(values)


@lru_cache(maxsize=8)
def _known(key: bytes, prefix: str) -> TextMap:
    return TextMap(work=lambda new: pl.Series(_key_ids(new, key, prefix), dtype=pl.String))


def _key_ids(values: Iterable[str], key: bytes, prefix: str) -> list[str]:
    keyed = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES)

    def digest(value: str) -> bytes:
        state = keyed.copy()
        # A lone surrogate cannot come out of a parser that reads UTF-8, but a JSON escape or a token can hold one.
        state.update(value.encode("utf-8", "surrogatepass"))
        return state.digest()

    # 80 bits are 16 characters without padding: all digests are spelled in one go, which is half the time.
    digits = base64.b32encode(b"".join(map(digest, values))).decode().lower()
    return [f"{prefix}_{digits[at : at + _DIGITS]}" for at in range(0, len(digits), _DIGITS)]
