"""What an identity rule finds in each row: in a field, a header, the query, a token, the path, or the remote user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from urllib.parse import unquote, unquote_plus

import polars as pl

from apilens.enrich.mapping import map_distinct, map_distinct_python
from apilens.enrich.text_map import TextMap
from apilens.enrich.tokens import basic_user, claim_of
from apilens.identity_rule import RULE_COLUMNS, IdentityRule, groups_of, place_of

# A proxy logs the whole URL; paths begin behind its host.
_ORIGIN = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?"
_PART = r"[^/?#]+"
# Where a rule's value names a file, only the file's name is shown.
_TABLES = ("api_key", "users", "ip")
# Place of a rule → the columns that it reads, the value in the first.
_READS: Mapping[str, tuple[str, ...]] = {
    "query": ("raw_target",),
    "path": ("raw_target",),
    "remote_user": ("raw_remote_user",),
    "basic": ("raw_remote_user",),
    "api_key": ("raw_key",),
    "users": ("raw_user",),
    "ip": ("raw_client",),
    "join": ("request_id",),
    "client_ip": ("client_ip",),
}


def rule_name(rule: IdentityRule) -> str:
    """Return how account_source names a rule: `header:x-account-id`, `jwt:sub`, `api_key:keys.csv`, `remote_user`."""
    place = place_of(rule)
    value = getattr(rule, place)
    if value is True:
        return place
    if place == "header":
        return f"header:{value.lower()}"
    if place == "join":
        return f"join:{PurePath(value.files[0]).name}"
    return f"{place}:{PurePath(value).name if place in _TABLES else value}"


def asked_by(rule: IdentityRule) -> tuple[str | None, str | None]:
    """Return the request header (in lower case) and the field that a rule needs from the format."""
    credentials = "authorization" if rule.basic or rule.jwt else None
    header = rule.header or rule.from_ or credentials
    return header.lower() if header else None, rule.field


def read_by(rule: IdentityRule) -> tuple[str, ...]:
    """Return the columns that a rule reads besides what it asks the format for."""
    place = place_of(rule)
    if place == "column":
        return (RULE_COLUMNS[rule.column or ""],)
    return _READS.get(place, ())


def find(frame: pl.DataFrame, rule: IdentityRule, lookups: Mapping[IdentityRule, TextMap]) -> pl.Series | None:
    """Return what a rule finds in each row, or None where the source has nothing of the kind."""
    found = text_of(frame, rule)
    if found is None:
        return None
    if rule in lookups:
        return lookups[rule].find(found)
    return _matched(found, rule.regex) if rule.regex else found


def text_of(frame: pl.DataFrame, rule: IdentityRule) -> pl.Series | None:
    """Return what stands where a rule looks, before its regex or table, or None where the source has nothing there."""
    header, field = asked_by(rule)
    if rule.basic:
        return _basic_user(_column(frame, "raw_header.authorization"), _column(frame, "raw_remote_user"))
    if field:
        return _column(frame, f"raw_field.{field}")
    if header:
        values = _column(frame, f"raw_header.{header}")
        claim = rule.jwt
        return (
            values if values is None or not claim else map_distinct_python(values, lambda text: claim_of(text, claim))
        )
    if not rule.query and rule.path is None:
        return _column(frame, read_by(rule)[0])
    targets = _column(frame, "raw_target")
    if targets is None:
        return None
    if rule.query:
        return map_distinct_python(targets.str.extract(query_regex(rule.query)), _of_query)
    return map_distinct_python(targets.str.extract(path_regex(rule.path or 1)), _of_path)


def _basic_user(headers: pl.Series | None, logged: pl.Series | None) -> pl.Series | None:
    """Return the user names of HTTP Basic: from the header, else as the server logged them."""
    if headers is None:
        return logged
    names = map_distinct_python(headers, basic_user)
    return names if logged is None else names.zip_with(names.is_not_null(), logged)


def _matched(texts: pl.Series, pattern: str) -> pl.Series:
    names = groups_of(pattern)
    group = next(at for at, name in enumerate(names, start=1) if not name.isdigit())
    return map_distinct(texts, lambda some: some.str.extract(pattern, group))


def query_regex(name: str) -> str:
    """Return a regex whose first group is the undecoded value of a query parameter."""
    return rf"[?&]{re.escape(name)}=([^&#]*)"


def path_regex(path: str | int) -> str:
    """Return a regex whose first group is the account in a target: its n-th segment, or the `{account}` of a template.

    In a template `*` is any one segment; what lies below the template's last segment is of no concern.
    """
    if isinstance(path, int):
        return rf"{_ORIGIN}(?:/+{_PART}){{{path - 1}}}/+({_PART})"
    parts = ["" if part == "" else _part_regex(part) for part in path.removesuffix("/*").rstrip("/").split("/")]
    return rf"{_ORIGIN}{'/'.join(parts)}(?:[/?#]|$)"


def _part_regex(part: str) -> str:
    if part == "*":
        return _PART
    return re.escape(part).replace(re.escape("{account}"), f"({_PART})")


def _column(frame: pl.DataFrame, name: str) -> pl.Series | None:
    return frame[name] if name in frame.columns else None


def _of_query(value: str) -> str:
    return unquote_plus(value, errors="replace")


def _of_path(value: str) -> str:
    return unquote(value, errors="replace")
