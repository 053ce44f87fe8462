"""Named sources of logs: where they lie, how they are read, and what holds for every line of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from apilens.errors import UsageError
from apilens.file_pattern import PLACEHOLDERS, pattern_problems, placeholders_of
from apilens.identity_rule import IdentityRule, resolved, rule_problems
from apilens.spelling import nearest
from apilens.window import parse_duration, zone_of
from apilens.yaml_nodes import Keys

ColumnType = Literal["int", "float", "string", "bool"]
# Columns of which an event with a value that is in the store already is not stored again.
Dedupe = Literal["event_id", "request_id", "none"]
# The keys that hold identity rules.
CHAINS = ("account", "user", "api_key", "session")
# Columns that a source may fill though nothing under `columns:` declares them (webhooks), and their types.
FIELDS: Mapping[str, ColumnType] = {"destination": "string", "attempt": "int", "delivery_id": "string"}

_BUCKET = re.compile(r"s3://[A-Za-z0-9._-]+/")


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Logs of one kind: `{path: '/logs/{environment}/{service}/access.log*', format: combined}`.

    path: a file, folder or glob; `{service}`, `{environment}` and `{node}` stand for a part of it and fill that column.
    format, log_format, source_tz, account, user, api_key, session, dedupe: in the place of what holds for all logs.
    service, environment, node, direction: where the lines themselves do not say. fields: column → field of the
    source, for the columns of FIELDS and those under `columns:`. settle: how long events may take to arrive, in the
    place of what the format is known for.
    """

    path: str
    format: str | None = None
    log_format: str | None = None
    source_tz: str | None = None
    account: tuple[IdentityRule, ...] = ()
    user: tuple[IdentityRule, ...] = ()
    api_key: tuple[IdentityRule, ...] = ()
    session: tuple[IdentityRule, ...] = ()
    service: str | None = None
    environment: str | None = None
    node: str | None = None
    direction: Literal["incoming", "outgoing", "internal"] | None = None
    fields: dict[str, str] = {}
    settle: str | None = None
    dedupe: Dedupe | None = None

    def labels(self) -> dict[str, str]:
        """Return the columns that are the same in every line."""
        given = {name: getattr(self, name) for name in (*PLACEHOLDERS, "direction")}
        return {name: value for name, value in given.items() if value is not None}

    def placed(self, folder: Path) -> SourceSettings:
        """Return the source with its paths taken from a folder."""
        chains = {name: tuple(resolved(rule, folder) for rule in getattr(self, name)) for name in CHAINS}
        path = self.path if "://" in self.path else str(folder / Path(self.path).expanduser())
        return msgspec.structs.replace(self, path=path, **chains)


def source_problems(sources: Mapping[str, SourceSettings], columns: Collection[str]) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with the sources beyond types; columns: those that `columns:` declares."""
    for name, source in sources.items():
        yield from (((name, *place), what) for place, what in _problems(source, columns))


def _problems(source: SourceSettings, columns: Collection[str]) -> Iterator[tuple[Keys, str]]:
    if source.path in ("", "-"):
        yield ("path",), "names no file"
    elif "://" in source.path and not _BUCKET.match(source.path):
        yield ("path",), "of URLs only s3://bucket/… is read, and the bucket has no wildcards"
    yield from ((("path",), f"{source.path!r}: {what}") for what in pattern_problems(source.path))
    for name in sorted(placeholders_of(source.path) & source.labels().keys()):
        yield (name,), f"the path says it already, by `{{{name}}}`"
    yield from (((name,), "is empty") for name, value in source.labels().items() if not value)
    if source.format is not None and source.log_format is not None:
        yield ("log_format",), "goes without `format`: give one of them"
    for chain in CHAINS:
        for at, rule in enumerate(getattr(source, chain)):
            yield from (((chain, at), problem) for problem in rule_problems(rule, chain))
    known = [*FIELDS, *columns]
    for name, place in source.fields.items():
        if name not in known:
            hint = nearest(name, known) or f"known: {', '.join(known)}; others are declared under `columns`"
            yield ("fields", name), f"no column `{name}` ({hint})"
        if not place:
            yield ("fields", name), "names no field"
    for key, check in (("source_tz", zone_of), ("settle", parse_duration)):
        if (text := getattr(source, key)) is not None:
            try:
                check(text)
            except UsageError as error:
                yield (key,), error.message
