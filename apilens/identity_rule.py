"""IdentityRule: one place to look for who called, as apilens.yaml states it, and what can be wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from apilens.spelling import nearest

# Name in a rule → column that formats yield.
RULE_COLUMNS: Mapping[str, str] = {
    "host": "host", "target": "raw_target", "route": "route", "referrer": "raw_referrer", "user_agent": "raw_agent",
    "remote_user": "raw_remote_user", "client_ip": "raw_client", "forwarded_for": "raw_forwarded",
    "account": "account", "user": "user", "session": "session", "request_id": "request_id", "trace_id": "trace_id",
    "service": "service", "environment": "environment", "node": "node", "api_version": "api_version",
}  # fmt: skip
PLACES = (
    "field", "header", "query", "jwt", "path", "column", "remote_user", "basic",
    "api_key", "users", "ip", "join", "client_ip",
)  # fmt: skip
# What answers by a table of the user's, or is no more than an address, finds accounts only.
_ACCOUNT_ONLY = ("api_key", "users", "ip", "join", "client_ip")
_WITH_REGEX = ("field", "header", "query", "jwt", "column", "remote_user")
_FLAGS = ("remote_user", "basic", "client_ip")
_FILES = ("api_key", "users", "ip")


class JoinRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Another log that knows the account of a request by its id.

    files: paths and globs · request_id, account: dotted paths in its JSON lines · regex: for lines of text, with the
    named groups `request_id` and `account`.
    """

    files: tuple[str, ...]
    request_id: str | None = None
    account: str | None = None
    regex: str | None = None


class IdentityRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One place to look for an identity. Exactly one of PLACES is set; `from_` goes with `jwt`, `regex` with a text.

    field: dotted path in a JSON event (`company.id`) or a `$variable` of a log_format, without the dollar ·
    header: request header · query: query parameter · jwt: claim of the bearer token, read without verification
    (token in the Authorization header, or in the header that `from` names) · path: a path template with one
    `{account}` placeholder (`/tenants/{account}/*`), or the number of a segment, from 1 · column: one of RULE_COLUMNS ·
    remote_user: true · basic: true, the user name of HTTP Basic · regex: its one named group is the identity.

    For accounts only: api_key, users, ip: a CSV file that gives the account of a key, a user, an address · join:
    another log · client_ip: true, the address itself.
    """

    field: str | None = None
    header: str | None = None
    query: str | None = None
    jwt: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    path: str | int | None = None
    column: str | None = None
    remote_user: bool | None = None
    basic: bool | None = None
    api_key: str | None = None
    users: str | None = None
    ip: str | None = None
    join: JoinRule | None = None
    client_ip: bool | None = None
    regex: str | None = None


def place_of(rule: IdentityRule) -> str:
    """Return which of PLACES a rule names."""
    return next(place for place in PLACES if getattr(rule, place) is not None)


def resolved(rule: IdentityRule, folder: Path) -> IdentityRule:
    """Return the rule with its files named from `folder`."""
    files = {name: str(folder / Path(getattr(rule, name)).expanduser()) for name in _FILES if getattr(rule, name)}
    if rule.join:
        named = tuple(str(folder / Path(name).expanduser()) for name in rule.join.files)
        return msgspec.structs.replace(rule, join=msgspec.structs.replace(rule.join, files=named))
    return msgspec.structs.replace(rule, **files) if files else rule


def rule_problems(rule: IdentityRule, chain: str) -> Iterator[str]:
    """Give what is wrong with a rule in the chain `account`, `user`, `api_key` or `session`, beyond its types."""
    given = [name for name in PLACES if getattr(rule, name) is not None]
    if len(given) != 1:
        yield f"needs exactly one of {', '.join(PLACES)}" + (f", has {' and '.join(given)}" if given else "")
    for name in given:
        if name in _ACCOUNT_ONLY and chain != "account":
            yield f"`{name}` finds accounts: it belongs under `account`"
    if rule.from_ is not None and rule.jwt is None:
        yield "`from` goes with `jwt` only"
    for name in ("field", "header", "query", "jwt", *_FILES):
        if getattr(rule, name) == "":
            yield f"`{name}` is empty"
    for name in _FLAGS:
        if getattr(rule, name) is False:
            yield f"`{name}` can only be true: leave the rule out instead"
    if rule.column is not None and rule.column not in RULE_COLUMNS:
        yield f"no column `{rule.column}` ({nearest(rule.column, RULE_COLUMNS) or 'one of ' + ', '.join(RULE_COLUMNS)})"
    if isinstance(rule.path, str) and (not rule.path.startswith("/") or rule.path.count("{account}") != 1):
        yield "a path begins with `/` and holds `{account}` once, as in `/tenants/{account}/*`"
    if isinstance(rule.path, int) and rule.path < 1:
        yield "segments of a path count from 1"
    if rule.regex is not None:
        if len(given) == 1 and given[0] not in _WITH_REGEX:
            yield f"`regex` goes with {', '.join(_WITH_REGEX)}"
        yield from _regex_problems(rule.regex, None)
    if rule.join is not None:
        yield from _join_problems(rule.join)


def _join_problems(join: JoinRule) -> Iterator[str]:
    if not join.files or not all(join.files):
        yield "`join.files` names no file"
    by_path = join.request_id is not None or join.account is not None
    if (join.regex is not None) == by_path or (by_path and not (join.request_id and join.account)):
        yield "a join needs `request_id` and `account`, paths in JSON lines, or `regex` for lines of text"
    if join.regex is not None:
        yield from _regex_problems(join.regex, ("request_id", "account"))


def _regex_problems(pattern: str, names: tuple[str, ...] | None) -> Iterator[str]:
    problem = regex_problem(pattern)
    if problem:
        yield f"`regex` {problem}"
        return
    found = [name for name in groups_of(pattern) if not name.isdigit()]
    if names is None and len(found) != 1:
        yield f"`regex` needs one named group, as in `(?P<account>[a-z]+)`, has {len(found)}"
    if names is not None and sorted(found) != sorted(names):
        yield "`regex` needs the named groups " + " and ".join(f"`(?P<{name}>…)`" for name in names)


def groups_of(pattern: str) -> list[str]:
    """Return the names of a regex's groups in order; one without a name is called by its number."""
    import polars as pl

    return list(pl.Series([""]).str.extract_groups(pattern).struct.fields)


def regex_problem(pattern: str) -> str | None:
    """Return why a pattern cannot be used on log data (it does not compile, or matches the empty text), or None."""
    # Slow to import, and few settings have a pattern. Polars' engine is linear in the text; Python's is not.
    import polars as pl

    try:
        pl.Series([""]).str.replace_all(pattern, "")
        matches_nothing = bool(pl.Series([""]).str.contains(pattern)[0])
    except pl.exceptions.PolarsError as error:
        reason = re.findall(r"(?m)^ *error: (.+)", str(error))
        return f"is no regular expression: {reason[-1] if reason else str(error).splitlines()[0]}"
    return "matches the empty text" if matches_nothing else None
