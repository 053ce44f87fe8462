"""What an identity rule finds in each row: in a field, a header, the query, a token, the path, or the remote user."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

import polars as pl

from apilens.config import IdentityRule
from apilens.enrich.mapping import map_distinct_python
from apilens.enrich.tokens import claim_of

# A proxy logs the whole URL; paths begin behind its host.
_ORIGIN = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?"
_PART = r"[^/?#]+"


def rule_name(rule: IdentityRule) -> str:
    """Return how account_source names a rule: `header:x-account-id`, `jwt:sub`, `remote_user`."""
    if rule.remote_user:
        return "remote_user"
    if rule.header is not None:
        return f"header:{rule.header.lower()}"
    kind = next(kind for kind in ("field", "query", "jwt", "path") if getattr(rule, kind) is not None)
    return f"{kind}:{getattr(rule, kind)}"


def asked_by(rule: IdentityRule) -> tuple[str | None, str | None]:
    """Return the request header (in lower case) and the field that a rule needs from the format."""
    header = rule.header or (rule.from_ or "authorization" if rule.jwt else None)
    return header.lower() if header else None, rule.field


def find(frame: pl.DataFrame, rule: IdentityRule) -> pl.Series | None:
    """Return what a rule finds in each row, or None where the source has nothing of the kind."""
    header, field = asked_by(rule)
    if rule.remote_user:
        return _column(frame, "raw_remote_user")
    if field:
        return _column(frame, f"raw_field.{field}")
    if header:
        values = _column(frame, f"raw_header.{header}")
        claim = rule.jwt
        return (
            values if values is None or not claim else map_distinct_python(values, lambda text: claim_of(text, claim))
        )
    targets = _column(frame, "raw_target")
    if targets is None:
        return None
    if rule.query:
        return map_distinct_python(targets.str.extract(query_regex(rule.query)), _of_query)
    return map_distinct_python(targets.str.extract(path_regex(rule.path or 1)), _of_path)


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
