"""Where in a log the account may stand: rules worth a try, found by the names that are in the log.

Teams call their customers by few words (`tenant`, `org`, `x-account-id`); a field, header, claim or parameter of such a
name is tried, and a path or host name that has such a place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl

from apilens.config import IdentityRule
from apilens.enrich.path_template import template
from apilens.enrich.tokens import claims

_WORDS = frozenset(
    [
        "account", "customer", "tenant", "organization", "organisation", "org", "company", "workspace", "merchant",
        "consumer", "subscriber", "partner",
    ]
)  # fmt: skip
# What such a name may end with: `account_plan` and `customer_email` are other things.
_ENDS = frozenset(
    [
        "id", "name", "slug", "key", "uuid", "uid", "username", "number", "no", "identifier", "ref", "custom", "code",
    ]
)  # fmt: skip
_PLURALS = re.compile(
    r"/(accounts?|customers?|tenants?|orgs?|organizations?|companies|company|workspaces?|merchants?)/"
)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*")
_VARIABLE = re.compile(r"\$\{?(\w+)")
# A key of JSON that is no such thing is a value: `{"by_account": {"acme inc": …}}`.
_PATH = re.compile(r"[A-Za-z_@][A-Za-z0-9_@-]{0,63}(?:\.[A-Za-z0-9_@-]{1,64}){0,8}")
# What stands in a body is what was asked for, not who asked.
_BODY = re.compile(r"(?i)(?:^|[._])(?:body|postdata|payload)(?:[._]|$)")
_KEY_NAMES = ("x-api-key", "apikey", "api-key", "x-apikey")
_KEY_PARAMETERS = ("api_key", "apikey", "api-key", "key")
KEY_RULES: tuple[IdentityRule, ...] = (
    *(IdentityRule(header=name) for name in _KEY_NAMES),
    *(IdentityRule(query=name) for name in _KEY_PARAMETERS),
)
# Whom a token was made for is the caller, though not what its team calls it.
SUBJECT_RULES: tuple[IdentityRule, ...] = (IdentityRule(jwt="azp"), IdentityRule(jwt="sub"))
# More names, lines and tokens than these would only take time.
_MOST_NAMES = 60
_MOST_LINES = 200
_DEEPEST = 8


def is_account_name(name: str) -> bool:
    """Say whether a field of this name may hold the account: `tenantId`, `x-org`, `http_x_customer_id`."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    if not parts or parts[-1] not in _WORDS | _ENDS:
        return False
    # `client` alone is an address.
    return not _WORDS.isdisjoint(parts) or parts[-2:] == ["client", "id"]


def account_variables(log_format: str) -> list[str]:
    """Return the variables of an nginx log_format whose name says account, without the dollar."""
    return [name for name in _VARIABLE.findall(log_format) if is_account_name(name)]


def header_of(field: str) -> str:
    """Return the header that a field holds if it holds one: `http_x_org` and `headers.X-Org` are `x-org`."""
    return field.rpartition(".")[2].lower().removeprefix("http_").replace("_", "-")


def named_rules(text: str) -> list[IdentityRule]:
    """Return rules for the fields and headers whose names stand in a text: a log's first lines, or a log_format."""
    paths = dict.fromkeys(path for line in text.splitlines()[:_MOST_LINES] for path in _json_paths(line))
    known = [path for path in paths if _PATH.fullmatch(path) and not _BODY.search(path)]
    rules: dict[IdentityRule, None] = {}
    for name in [name for name in dict.fromkeys([*known, *_NAME.findall(text)]) if _is_leaf(name)][:_MOST_NAMES]:
        rules[IdentityRule(header=header_of(name))] = None
        rules[IdentityRule(field=name)] = None
    return list(rules)


def found_rules(frame: pl.DataFrame) -> list[IdentityRule]:
    """Return rules for credentials, query parameters, paths and hosts that are in these events."""
    return [*_credential_rules(frame), *_query_rules(frame), *_path_rules(frame), *_host_rules(frame)]


def _is_leaf(name: str) -> bool:
    return is_account_name(name.rpartition(".")[2])


def _credential_rules(frame: pl.DataFrame) -> Iterator[IdentityRule]:
    if "raw_header.authorization" not in frame.columns:
        return
    headers = frame["raw_header.authorization"].drop_nulls().unique(maintain_order=True)
    if headers.str.contains("(?i)^ *basic ").any():
        yield IdentityRule(basic=True)
    names = dict.fromkeys(path for token in headers.head(_MOST_LINES) for path in _paths(claims(token), ""))
    yield from (IdentityRule(jwt=name) for name in names if _PATH.fullmatch(name) and _is_leaf(name))
    yield from (rule for rule in SUBJECT_RULES if rule.jwt in names)


def _query_rules(frame: pl.DataFrame) -> Iterator[IdentityRule]:
    targets = _targets(frame)
    asked = targets.str.extract_all(r"[?&][A-Za-z0-9_.-]{1,40}=").explode(empty_as_null=False)
    names = asked.str.strip_chars("?&=").value_counts(sort=True).to_series().head(_MOST_NAMES)
    yield from (IdentityRule(query=name) for name in names if is_account_name(name))


def _path_rules(frame: pl.DataFrame) -> Iterator[IdentityRule]:
    # The same place in most paths: `/v1/tenants/acme/…`. Deeper down it is what the customer asks for.
    heads = _targets(frame).str.extract(r"^((?:/[^/?#]+){0,2}/[^/?#]+/)").drop_nulls().unique().sort()
    for head in template(heads.head(_MOST_LINES * 10)).str.replace_all("{id}", "*", literal=True).unique().sort():
        if found := _PLURALS.search(f"{head}/"):
            yield IdentityRule(path=f"{head[: found.end() - 1]}/{{account}}/*")


def _host_rules(frame: pl.DataFrame) -> Iterator[IdentityRule]:
    if "host" not in frame.columns:
        return
    hosts = frame["host"].drop_nulls().unique().sort().head(_MOST_LINES * 10)
    parents = hosts.str.extract(r"^[a-z0-9-]+\.((?:[a-z0-9-]+\.)+[a-z]{2,})$").drop_nulls().value_counts(sort=True)
    for parent, count in parents.head(1).iter_rows():
        if count > 2:
            yield IdentityRule(column="host", regex=rf"^(?P<account>[a-z0-9-]+)\.{re.escape(parent)}$")


def _targets(frame: pl.DataFrame) -> pl.Series:
    """Return what was asked for, without the origin that some logs put in front."""
    if "raw_target" not in frame.columns:
        return pl.Series([], dtype=pl.String)
    return frame["raw_target"].str.replace(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", "").drop_nulls()


def _json_paths(line: str) -> Iterator[str]:
    """Give the paths of the texts and numbers in a line's JSON object, whatever stands before it."""
    start = line.find("{")
    if start < 0:
        return
    try:
        yield from _paths(msgspec.json.decode(line[start:]), "")
    except (msgspec.DecodeError, RecursionError):
        return


def _paths(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict) and depth < _DEEPEST:
        for name, item in value.items():
            yield from _paths(item, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, str) and value.startswith("{"):
        # A shipper wraps the line in a field of its own: what is within has paths of its own.
        yield from _json_paths(value)
    elif isinstance(value, str | int) and path:
        yield path
