"""Short filters as SQL conditions: what `--sdk 'acme-python<2.0,acme-node'` or `--status 4xx,429` mean as `--where`.

A list takes what matches any of its items and none of those that begin with `!`. `*` stands for any text, every other
character for itself. To add a filter: a line in SHORT_FILTERS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from apilens.errors import UsageError
from apilens.versions import is_version

_SDK = re.compile(r"(?P<name>[^<>=!]+)(?P<bounds>(?:(?:<=|>=|<|>|==|=|!=)[^<>=!]+)*)")
_ENDPOINT = re.compile(r"(?:(?P<method>[A-Za-z]+|\*) )?(?P<path>/\S*)")
_ACTION = re.compile(r"[\w.*-]+")
_BOUND = re.compile(r"(<=|>=|<|>|==|=|!=)([^<>=!]+)")
_STATUS = re.compile(r"(?P<first>[1-9]\d\d)(?:-(?P<last>[1-9]\d\d))?|(?P<hundred>[1-9])xx", re.IGNORECASE)
_METHOD = re.compile(r"[A-Za-z]+|\*")
# What tables show in place of no account, and what a person who reads them will type.
NO_ACCOUNT = "(unattributed)"


@dataclass(frozen=True, slots=True)
class ShortFilter:
    """A flag for a column: what its help says, and the conditions of one item, all of which must hold."""

    help: str
    conditions: Callable[[str], list[str]]


def condition(flag: str, text: str) -> str:
    """Return the condition of a short filter of that name (`sdk`, `status` …). Raises UsageError for a bad list."""
    short = SHORT_FILTERS[flag]
    items = _items(text)
    if not items:
        raise UsageError(f"--{flag} names nothing", hint=f"--{flag} takes {short.help}")
    wanted = [short.conditions(item) for item in items if not item.startswith("!")]
    # An event without a value is none of the unwanted ones.
    unwanted = [
        f"NOT coalesce({' AND '.join(short.conditions(item[1:].strip()))}, false)"
        for item in items
        if item.startswith("!")
    ]
    either = [f"({' OR '.join(map(_both, wanted))})"] if len(wanted) > 1 else [part for item in wanted for part in item]
    return " AND ".join([*either, *unwanted])


def event_condition(text: str, columns: Collection[str] = ()) -> str:
    """Return the condition of the events that a text means: an endpoint (`POST /signup`, `/v1/*` by any method), an
    action (`signed_in`, unless a column has that name), or else the SQL condition that it is.
    """
    text = text.strip()
    if found := _ENDPOINT.fullmatch(text):
        return _matches("endpoint", f"{(found['method'] or '*').upper()} {found['path']}")
    if _ACTION.fullmatch(text) and text not in columns:
        return _matches("action", text)
    return text


def _items(text: str) -> list[str]:
    """Split a list; `acme-python>=1.4,<2.0` is one item: what begins with a bound belongs to the name before it."""
    items: list[str] = []
    for item in (part.strip() for part in text.split(",")):
        if items and re.match(r"[<>=]|!=", item):
            items[-1] += item
        elif item:
            items.append(item)
    return items


def _both(conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"({' AND '.join(conditions)})"


def _column(name: str) -> Callable[[str], list[str]]:
    return lambda item: [_matches(name, item)]


def _account(item: str) -> list[str]:
    return ["account IS NULL"] if item == NO_ACCOUNT else [_matches("account", item)]


def _cohort(item: str) -> list[str]:
    return [f"cohort({quoted(item)})"]


def _method(item: str) -> list[str]:
    if not _METHOD.fullmatch(item):
        raise UsageError(f"--method: {item!r} is no method", hint="for example --method GET,POST")
    return [_matches("method", item.upper())]


def _status(item: str) -> list[str]:
    found = _STATUS.fullmatch(item)
    if not found:
        raise UsageError(f"--status: {item!r} is no status", hint="for example --status 4xx,!404 or --status 500-503")
    if found["hundred"]:
        return [f"status BETWEEN {found['hundred']}00 AND {found['hundred']}99"]
    if found["last"]:
        return [f"status BETWEEN {found['first']} AND {found['last']}"]
    return [f"status = {found['first']}"]


def _sdk(item: str) -> list[str]:
    found = _SDK.fullmatch(item)
    if not found:
        raise UsageError(f"--sdk: {item!r} is no name with bounds", hint="for example --sdk 'acme-python>=1.4,<2.0'")
    parts = [_matches("sdk", found["name"].strip())]
    for bound, text in _BOUND.findall(found["bounds"]):
        version = text.strip()
        if "*" in version and bound in ("=", "=="):
            parts.append(_matches("sdk_version", version))
        elif is_version(version):
            parts.append(f"version(sdk_version) {bound.replace('==', '=')} version({quoted(version)})")
        else:
            raise UsageError(f"--sdk {item!r}: {version!r} is no version", hint="a version begins with a number: 2.0")
    return parts


def _matches(column: str, glob: str) -> str:
    """Return the condition of a text in which `*` stands for any text."""
    middle = glob.strip("*")
    if "*" not in glob:
        return f"{column} = {quoted(glob)}"
    if not middle:
        return f"{column} IS NOT NULL"
    if "*" in middle:
        literal = re.sub(r"[\\%_]", r"\\\g<0>", glob)
        escape = r" ESCAPE '\'" if literal != glob else ""
        return f"{column} LIKE {quoted(re.sub('[*]+', '%', literal))}{escape}"
    if glob[0] == "*" and glob[-1] == "*":
        return f"contains({column}, {quoted(middle)})"
    return f"{'ends_with' if glob[0] == '*' else 'starts_with'}({column}, {quoted(middle)})"


def quoted(text: str) -> str:
    """Return the text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


# In the order of `--help`.
SHORT_FILTERS: Mapping[str, ShortFilter] = {
    "account": ShortFilter("accounts: acme, 'ac*', '!acme', '(unattributed)'", _account),
    "endpoint": ShortFilter("endpoints: 'GET /v1/*', '!* /healthz'", _column("endpoint")),
    "status": ShortFilter("statuses: 4xx, 429, 500-503, '!404'", _status),
    "method": ShortFilter("methods: GET, POST", _method),
    "sdk": ShortFilter("SDKs: 'acme-python<2.0', 'acme-*', '!curl'", _sdk),
    "api-version": ShortFilter("API versions: v1, '2026-*'", _column("api_version")),
    "user": ShortFilter("users", _column("user")),
    "service": ShortFilter("services", _column("service")),
    "environment": ShortFilter("environments: prod, '!staging'", _column("environment")),
    "cohort": ShortFilter("cohorts of apilens.yaml: vip, '!pilots'", _cohort),
}
