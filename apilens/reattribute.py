"""Accounts found again in stored rows, as far as the rules read what is stored.

What a rule found cannot be looked up where it read a header. But a row says which rule found its account, and so that
the rules in front of it found nothing: a rule that was in force then is known for the rows that it or a later one
found. So a chain can be reordered, shortened, and lengthened by rules that read stored columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from apilens.config import IdentityRule, Settings
from apilens.enrich.base import Context
from apilens.enrich.identity import FORMAT_SOURCE, REMOTE_USER_RULE, UNKNOWN_KEY_SOURCE
from apilens.enrich.identity_rules import find, rule_name
from apilens.enrich.identity_secrets import hidden
from apilens.enrich.key_table import UNKNOWN_KEY
from apilens.enrich.redact import hide_identities
from apilens.file_pattern import FilePattern, whole_path
from apilens.formats import Format
from apilens.formats.log_format import BY_LOG_FORMAT
from apilens.identity_rule import place_of
from apilens.shaping import EMAILS, FILES, hash_of, portable
from apilens.store.shapes import Shape

_HIDDEN = r"\[R:|^k_"
# Place or column of a rule → the stored column that has what it reads, and what it is called while a line is read.
_STORED: Mapping[str, tuple[str, str]] = {
    "path": ("path", "raw_target"), "host": ("host", "host"), "user_agent": ("user_agent", "raw_agent"),
    "request_id": ("request_id", "request_id"), "trace_id": ("trace_id", "trace_id"),
    "join": ("request_id", "request_id"),
    "users": ("user", "raw_user"), "ip": ("client_ip", "raw_client"), "client_ip": ("client_ip", "client_ip"),
}  # fmt: skip
# What must not have changed for a rule to be known by what it found, and what else for one that looks in a table.
_SAME = ("api_key", "session", "redact", EMAILS)
_SAME_TABLES = ("user", "client_ip", FILES)
_TABLES = ("api_key", "users", "ip", "join", "client_ip")
_FORMAT_LINK = (FORMAT_SOURCE, "")
# The account rules in force, as shapes keep them.
CHAIN = "account rules"

# A rule: its name, and a hash of all that it says.
Link = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reattributed:
    """Rows with their accounts, and how many of them only their log can tell."""

    rows: pl.DataFrame
    left: int


@dataclass(frozen=True, slots=True)
class _Told:
    """What a rule says of each row: a value, null for nothing, or that nobody knows."""

    name: str
    values: pl.Series
    unknown: pl.Series


@dataclass(frozen=True, slots=True)
class _Before:
    """The rules that were in force, in their order, and the parts of the settings that are the same now."""

    links: Sequence[Link]
    same: set[str]


class Attribution:
    """Finds accounts by the rules that are in force now."""

    def __init__(self, context: Context, formats: Mapping[str, Format]) -> None:
        self._context = context
        self._formats = formats
        sources = context.settings.sources.values()
        self._own = [FilePattern.of(source.path) for source in sources if source.account]

    def again(self, rows: pl.DataFrame, old: Shape, now: Shape) -> Reattributed:
        """Return rows of the store with their accounts found again; `old` are the settings that shaped them."""
        if not may_differ(old, now):
            return Reattributed(rows, 0)
        numbered = rows.with_row_index("row_at")
        apart = rows["source"].is_in(self._of_own_rules(rows["source"]))
        known = numbered.filter(~apart)
        parts = [self._of_format(str(name), part, old, now) for (name,), part in known.group_by("format")]
        parts.append(Reattributed(numbered.filter(apart), int(apart.sum())))
        done = pl.concat([part.rows for part in parts]).sort("row_at").drop("row_at")
        return Reattributed(done, sum(part.left for part in parts))

    def _of_own_rules(self, logs: pl.Series) -> list[str]:
        """Return those of the logs that belong to a source with account rules of its own: they stay as they are."""
        return [name for name in logs.unique() if any(own.values(whole_path(name)) is not None for own in self._own)]

    def _of_format(self, name: str, rows: pl.DataFrame, old: Shape, now: Shape) -> Reattributed:
        format = self._formats.get(name.rpartition(":")[2])
        if format is None and name != BY_LOG_FORMAT:
            return Reattributed(rows, rows.height)
        if format and format.normalised:
            return Reattributed(rows, 0)
        own = format.account if format else ()
        rules = self._context.settings.account or own
        if REMOTE_USER_RULE not in rules:
            behind: list[tuple[Link, IdentityRule | None]] = [(link_of(REMOTE_USER_RULE), REMOTE_USER_RULE)]
        else:
            behind = []
        before = _Before(_links(old, own), {part for part in now if old.get(part) == now[part]})
        told = [
            (self._stored(rule, rows, before) if rule else None) or _by_name(link, rule, before, rows)
            for link, rule in [*((link_of(rule), rule) for rule in rules), (_FORMAT_LINK, None), *behind]
        ]
        last_keys = max((at for at, rule in enumerate(rules) if rule.api_key), default=None)
        if last_keys is not None:
            told.insert(last_keys + 1, _unknown_keys(rows, before))
        return self._settled(rows, told, own)

    def _stored(self, rule: IdentityRule, rows: pl.DataFrame, before: _Before) -> _Told | None:
        """Return what a rule finds in stored columns, None where it reads others."""
        place, settings = place_of(rule), self._context.settings
        known = _STORED.get(rule.column or "" if place == "column" else place)
        if known is None or (place in ("ip", "client_ip") and "client_ip" not in before.same):
            return None
        if (place == "users" and "user" not in before.same) or (place == "ip" and settings.client_ip != "keep"):
            return None
        column, raw = known
        texts = rows[column]
        unknown = texts.str.contains(_HIDDEN).fill_null(False) if place != "client_ip" else texts.is_null() & False
        frame = rows.select(texts.alias(raw))
        found = find(frame, rule, self._context.lookups)
        if found is None:
            return None
        shown = hidden(frame, rule, found, self._context)
        return _Told(rule_name(rule), hide_identities(shown, self._context), unknown)

    def _settled(self, rows: pl.DataFrame, told: Sequence[_Told], own: Sequence[IdentityRule]) -> Reattributed:
        """Return the first value of each row, if nothing in front of it is unknown."""
        account = source = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
        open_rows = pl.repeat(True, rows.height, dtype=pl.Boolean, eager=True)
        left = ~open_rows
        for item in told:
            left |= open_rows & item.unknown
            open_rows &= ~item.unknown
            found = open_rows & item.values.is_not_null() & ~item.values.is_in(["", "-"]).fill_null(False)
            account = item.values.zip_with(found, account)
            source = pl.select(pl.when(found).then(pl.lit(item.name)).otherwise(source)).to_series()
            open_rows &= ~found
        stated = [FORMAT_SOURCE, *(() if self._context.settings.account else map(rule_name, own))]
        refused = rows["status"].is_in([401, 403]).fill_null(False)
        verified = (~refused | source.is_in(stated).fill_null(False)).set(account.is_null(), None)
        made = {"account": account, "account_source": source, "account_verified": verified}
        return Reattributed(
            rows.with_columns(new.zip_with(~left, rows[name]).alias(name) for name, new in made.items()),
            int(left.sum()),
        )


def may_differ(old: Shape, now: Shape) -> bool:
    """Say whether accounts may come out otherwise under the settings of `now`."""
    return any(old.get(part) != now[part] for part in ("account", *_SAME, *_SAME_TABLES))


def link_of(rule: IdentityRule) -> Link:
    """Return what tells a rule from others."""
    return rule_name(rule), hash_of(portable([rule]))


def chain_of(settings: Settings) -> dict[str, str]:
    """Return the account rules as a part of a shape: null where a source has its own, so that no one list held."""
    own = any(source.account for source in settings.sources.values())
    return {CHAIN: json.dumps(None if own else [link_of(rule) for rule in settings.account])}


def _links(old: Shape, own: Sequence[IdentityRule]) -> list[Link]:
    """Return the rules that were in force for a format with these of its `own`, and what always comes behind.

    Of settings that are unknown, or with other rules for some sources, none.
    """
    known = json.loads(old.get(CHAIN, "null"))
    if known is None:
        return []
    links = [(name, said) for name, said in known] or [link_of(rule) for rule in own]
    remote_user = link_of(REMOTE_USER_RULE)
    last_keys = max((at for at, (name, _) in enumerate(links) if name.startswith("api_key:")), default=None)
    if last_keys is not None:
        links.insert(last_keys + 1, (UNKNOWN_KEY_SOURCE, ""))
    return [*links, _FORMAT_LINK, *([] if remote_user in links else [remote_user])]


def _unknown_keys(rows: pl.DataFrame, before: _Before) -> _Told:
    """Return the group of keys that are in no table, which stands behind the tables."""
    group = pl.when(pl.col("api_key").is_not_null()).then(pl.lit(UNKNOWN_KEY))
    same = pl.repeat("api_key" not in before.same, rows.height, dtype=pl.Boolean, eager=True)
    return _Told(UNKNOWN_KEY_SOURCE, rows.select(group).to_series(), same)


def _by_name(link: Link, rule: IdentityRule | None, before: _Before, rows: pl.DataFrame) -> _Told:
    """Return what is known of a rule that was in force when the rows were read."""
    name = link[0]
    names = [item[0] for item in before.links]
    nothing = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    in_table = rule is not None and place_of(rule) in _TABLES
    needed = {*_SAME, *(_SAME_TABLES if in_table else ())}
    if not needed <= before.same or link not in before.links or names.count(name) > 1:
        return _Told(name, nothing, nothing.is_null())
    places = {known: at for at, known in enumerate(names)}
    found = rows["account_source"].replace_strict(places, default=-1, return_dtype=pl.Int64)
    # Without an account, none of them found one.
    found = found.set(rows["account_source"].is_null(), len(names))
    at = places[name]
    return _Told(name, rows["account"].set(found != at, None), found < at)
