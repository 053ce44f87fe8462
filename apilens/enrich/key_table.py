"""keys.csv, users.csv: whose an API key or a user is. Keys are kept as hashes, in memory alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

import polars as pl

from apilens.csv_table import CsvTable, read_csv
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.enrich.text_map import TextMap

# What all keys that are in no table are called, as one account.
UNKNOWN_KEY = "(unknown key)"

_SHA256 = re.compile("[0-9a-f]{64}")


def read_keys(path: str, hash_key: bytes) -> TextMap:
    """Return the table in a CSV file with `account` and one of `key_sha256`, `prefix`, `id` and `key`.

    key: the key itself · key_sha256: its SHA-256 in hexadecimal · prefix: what it begins with, the longest wins ·
    id: its `k_…` as the store has it, or what the source logs in its place. Raises ConfigError with every mistake.
    """
    table = read_csv(path, required=("account",), one_of=tuple(_KINDS))
    kind = next(kind for kind in _KINDS if kind in table.columns)
    table.need_values("account")
    table.need_values(kind)
    made = _KINDS[kind](table, hash_key)
    table.check()
    return made


def read_users(path: str) -> TextMap:
    """Return the table in a CSV file with `user` and `account`. Raises ConfigError with every mistake."""
    table = read_csv(path, required=("user", "account"))
    table.need_values("user")
    table.need_values("account")
    table.need_distinct("user")
    table.check()
    return _table(table, "user")


def _by_key(table: CsvTable, hash_key: bytes) -> TextMap:
    table.need_distinct("key")
    return _table(table, "key")


def _by_id(table: CsvTable, hash_key: bytes) -> TextMap:
    table.need_distinct("id")
    accounts = dict(zip(table.columns["id"], table.columns["account"], strict=True))

    def work(keys: pl.Series) -> pl.Series:
        pairs = zip(keyed_hashes(keys, hash_key), keys, strict=True)
        return pl.Series([accounts.get(hashed, accounts.get(key)) for hashed, key in pairs], dtype=pl.String)

    return TextMap(work=work)


def _by_sha256(table: CsvTable, hash_key: bytes) -> TextMap:
    digests = [digest.lower() for digest in table.columns["key_sha256"]]
    for row, digest in enumerate(digests):
        if digest and not _SHA256.fullmatch(digest):
            table.add(row, "`key_sha256` is no SHA-256: 64 hexadecimal digits (printf %s KEY | sha256sum)")
    table.need_distinct("key_sha256", digests)
    accounts = dict(zip(digests, table.columns["account"], strict=True))

    def work(keys: pl.Series) -> pl.Series:
        found = (accounts.get(hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()) for key in keys)
        return pl.Series(found, dtype=pl.String)

    return TextMap(work=work)


def _by_prefix(table: CsvTable, hash_key: bytes) -> TextMap:
    table.need_distinct("prefix")
    accounts = dict(zip(table.columns["prefix"], table.columns["account"], strict=True))
    lengths = sorted({len(prefix) for prefix in accounts}, reverse=True)

    def work(keys: pl.Series) -> pl.Series:
        found = (next((accounts[key[:size]] for size in lengths if key[:size] in accounts), None) for key in keys)
        return pl.Series(found, dtype=pl.String)

    return TextMap(work=work)


def _table(table: CsvTable, column: str) -> TextMap:
    made = TextMap()
    texts = pl.Series(table.columns[column], dtype=pl.String)
    made.add(made.hashes(texts), pl.Series(table.columns["account"], dtype=pl.String))
    return made


_KINDS: Mapping[str, Callable[[CsvTable, bytes], TextMap]] = {
    "key_sha256": _by_sha256,
    "prefix": _by_prefix,
    "id": _by_id,
    "key": _by_key,
}
