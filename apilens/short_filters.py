"""Short filters as SQL conditions: what `--sdk 'acme-python<2.0,acme-node'` means as `--where`.

A list takes what matches any of its items and none of those that begin with `!`. `*` stands for any text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from apilens.errors import UsageError
from apilens.versions import is_version

_SDK = re.compile(r"(?P<name>[^<>=!]+)(?P<bounds>(?:(?:<=|>=|<|>|==|=|!=)[^<>=!]+)*)")
_ENDPOINT = re.compile(r"(?:(?P<method>[A-Za-z]+|\*) )?(?P<path>/\S*)")
_ACTION = re.compile(r"[\w.*-]+")
_BOUND = re.compile(r"(<=|>=|<|>|==|=|!=)([^<>=!]+)")


def sdk_condition(text: str) -> str:
    """Return the condition of `--sdk`: names, each with bounds on its version if wanted.

    `acme-python>=1.4,<2.0` is one item: what begins with a bound belongs to the name before it. Raises UsageError.
    """
    items: list[str] = []
    for item in (part.strip() for part in text.split(",")):
        if items and re.match(r"[<>=]|!=", item):
            items[-1] += item
        elif item:
            items.append(item)
    if not items:
        raise UsageError("--sdk names no SDK", hint="for example --sdk 'acme-python<2.0,acme-node'")
    return _any_of(items, _sdk)


def cohort_condition(text: str) -> str:
    """Return the condition of `--cohort`: names of cohorts in apilens.yaml. Raises UsageError."""
    items = [item for part in text.split(",") if (item := part.strip())]
    if not items:
        raise UsageError("--cohort names no cohort", hint="`apilens cohorts` lists them")
    return _any_of(items, lambda name: [f"cohort({_quoted(name.strip())})"])


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


def _any_of(items: list[str], conditions: Callable[[str], list[str]]) -> str:
    """Return the condition of a list, of whose items `conditions` gives what must hold for one."""
    wanted = [conditions(item) for item in items if not item.startswith("!")]
    # An event without an SDK is none of the unwanted ones.
    unwanted = [f"NOT coalesce({' AND '.join(conditions(item[1:]))}, false)" for item in items if item.startswith("!")]
    either = [f"({' OR '.join(map(_both, wanted))})"] if len(wanted) > 1 else [part for item in wanted for part in item]
    return " AND ".join([*either, *unwanted])


def _both(conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"({' AND '.join(conditions)})"


def _sdk(item: str) -> list[str]:
    """Return the conditions of one item, all of which must hold."""
    found = _SDK.fullmatch(item.strip())
    if not found:
        raise UsageError(f"--sdk: {item!r} is no name with bounds", hint="for example --sdk 'acme-python>=1.4,<2.0'")
    parts = [_matches("sdk", found["name"].strip())]
    for bound, text in _BOUND.findall(found["bounds"]):
        version = text.strip()
        if "*" in version and bound in ("=", "=="):
            parts.append(_matches("sdk_version", version))
        elif is_version(version):
            parts.append(f"version(sdk_version) {bound.replace('==', '=')} version({_quoted(version)})")
        else:
            raise UsageError(f"--sdk {item!r}: {version!r} is no version", hint="a version begins with a number: 2.0")
    return parts


def _matches(column: str, glob: str) -> str:
    """Return the condition of a text in which `*` stands for any text."""
    middle = glob.strip("*")
    if "*" not in glob:
        return f"{column} = {_quoted(glob)}"
    if not middle:
        return f"{column} IS NOT NULL"
    if "*" in middle:
        return f"{column} LIKE {_quoted(re.sub('[*]+', '%', glob))}"
    if glob[0] == "*" and glob[-1] == "*":
        return f"contains({column}, {_quoted(middle)})"
    return f"{'ends_with' if glob[0] == '*' else 'starts_with'}({column}, {_quoted(middle)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
