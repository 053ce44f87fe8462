"""apilens.yaml as typed settings, every mistake found at once and named with its file and line."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from apilens.errors import ConfigError, UsageError
from apilens.window import parse_duration, zone_of
from apilens.yaml_nodes import Mistakes, YamlMistake, read_yaml, typed
from apilens.yaml_nodes import Path as Place

FILE_NAME = "apilens.yaml"


class IdentityRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One place to look for an identity. Exactly one of the fields is set; `from_` goes with `jwt` alone.

    field: dotted path in a JSON event (`company.id`) or a `$variable` of a log_format, without the dollar ·
    header: request header · query: query parameter · jwt: claim of the bearer token, read without verification
    (token in the Authorization header, or in the header that `from` names) · path: a path template with one
    `{account}` placeholder (`/tenants/{account}/*`), or the number of a segment, from 1 · remote_user: true.
    """

    field: str | None = None
    header: str | None = None
    query: str | None = None
    jwt: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    path: str | int | None = None
    remote_user: bool | None = None


class ColumnRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the source kept as a column: `input_tokens: {from: response.body.usage.prompt_tokens, type: int}`."""

    from_: str = msgspec.field(name="from")
    type: Literal["int", "float", "string", "bool"] = "string"


class RedactSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Additions to the built-in redaction: names of secrets, regex shapes, and names that are no secrets."""

    names: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


class CustomFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A format that the user declares: a log_format/LogFormat string, or a map from event columns to JSON fields."""

    log_format: str | None = None
    fields: dict[str, str] | None = None
    time_is: Literal["start", "end"] | None = None


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What commands assume when a flag is not given."""

    since: str | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything apilens.yaml can say. `account: ()` means: the format's own rules, then remote_user."""

    store: str | None = None
    tz: str = "UTC"
    source_tz: str | None = None
    log_format: str | None = None
    formats: dict[str, CustomFormat] = {}
    account: tuple[IdentityRule, ...] = ()
    user: tuple[IdentityRule, ...] = ()
    api_key: tuple[IdentityRule, ...] = ()
    session: tuple[IdentityRule, ...] = ()
    allow_email: bool = False
    client_ip: Literal["keep", "truncate", "hash", "drop"] = "keep"
    trusted_proxies: tuple[str, ...] = ()
    query_values: tuple[str, ...] = ()
    redact: RedactSettings = RedactSettings()
    columns: dict[str, ColumnRule] = {}
    defaults: Defaults = Defaults()


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How inputs are read, from flags: a format or log_format string instead of detection, the zone of naive times."""

    input_format: str | None = None
    log_format: str | None = None
    source_tz: str | None = None


def resolve(flag: Path | None, env: Mapping[str, str]) -> tuple[Settings, Path | None]:
    """Return the settings in force and the file they come from: `flag`, else $APILENS_CONFIG, else what `find` finds.

    Without any file, the defaults and None. Raises ConfigError as `load` does.
    """
    named = flag or (Path(env["APILENS_CONFIG"]) if env.get("APILENS_CONFIG") else None)
    path = named or find(Path.cwd())
    return (load(path), path) if path else (Settings(), None)


def find(start: Path) -> Path | None:
    """Return the nearest apilens.yaml in `start` or above it, up to the root of the repository or the home folder."""
    home = os.environ.get("HOME")
    for folder in (start, *start.parents):
        path = folder / FILE_NAME
        if path.is_file():
            return path
        if (folder / ".git").exists() or (home and folder == Path(home)):
            return None
    return None


def load(path: Path) -> Settings:
    """Return the settings in a file, its `store` resolved against the folder of the file.

    Raises ConfigError with every mistake, one `file:line: what` a line.
    """
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror}") from None
    mistakes = Mistakes()
    try:
        root = read_yaml(data)
    except YamlMistake as mistake:
        raise ConfigError(f"{name}:{mistake.line}: {mistake.what}") from None
    settings = typed(root, Settings, mistakes) if root else Settings()
    for place, what in _problems(settings or Settings()):
        mistakes.at(place, what)
    if mistakes.found:
        raise ConfigError("\n".join(f"{name}:{line}: {what}" for line, what in sorted(mistakes.found)))
    return _with_store(settings, path)


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


def _with_store(settings: Settings, path: Path) -> Settings:
    if settings.store is None or "://" in settings.store:
        return settings
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would follow links
    return msgspec.structs.replace(settings, store=str(folder / Path(settings.store).expanduser()))


def _problems(settings: Settings) -> Iterator[tuple[Place, str]]:
    """Give what types cannot say, each with the place it is about."""
    if settings.store == "":
        yield ("store",), "is empty"
    for field in ("account", "user", "api_key", "session"):
        for at, rule in enumerate(getattr(settings, field)):
            yield from (((field, at), problem) for problem in _rule_problems(rule))
    for name, custom in settings.formats.items():
        if (custom.log_format is None) == (custom.fields is None):
            yield ("formats", name), "needs either `log_format` or `fields`"
    for at, network in enumerate(settings.trusted_proxies):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            yield ("trusted_proxies", at), f"{network!r} is no address or network such as 10.0.0.0/8"
    for field, zone in (("tz", settings.tz), ("source_tz", settings.source_tz)):
        try:
            zone_of(zone or "UTC")
        except UsageError as error:
            yield (field,), error.message
    for at, shape in enumerate(settings.redact.shapes):
        if problem := regex_problem(shape):
            yield ("redact", "shapes", at), f"{shape!r} {problem}"
    for name in settings.columns:
        if problem := _column_problem(name):
            yield ("columns", name), problem
    if settings.defaults.since is not None:
        try:
            parse_duration(settings.defaults.since)
        except UsageError as error:
            yield ("defaults", "since"), error.message


def _rule_problems(rule: IdentityRule) -> Iterator[str]:
    places = ("field", "header", "query", "jwt", "path", "remote_user")
    given = [name for name in places if getattr(rule, name) is not None]
    if len(given) != 1:
        yield f"needs exactly one of {', '.join(places)}" + (f", has {' and '.join(given)}" if given else "")
    if rule.from_ is not None and rule.jwt is None:
        yield "`from` goes with `jwt` only"
    for name in ("field", "header", "query", "jwt"):
        if getattr(rule, name) == "":
            yield f"`{name}` is empty"
    if rule.remote_user is False:
        yield "`remote_user` can only be true: leave the rule out instead"
    if isinstance(rule.path, str) and (not rule.path.startswith("/") or rule.path.count("{account}") != 1):
        yield "a path begins with `/` and holds `{account}` once, as in `/tenants/{account}/*`"
    if isinstance(rule.path, int) and rule.path < 1:
        yield "segments of a path count from 1"


def _column_problem(name: str) -> str | None:
    if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", name) or name.startswith("raw_"):
        return "a column is named in lower case, with letters, digits and `_`, and not `raw_…`"
    # Slow to import (it brings Polars), and few settings have columns.
    from apilens.schema import DTYPES

    return "every event has a column of that name: choose another" if name in DTYPES else None
