"""apilens.yaml as typed settings, every mistake found at once and named with its file and line."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from apilens.channel_checks import channel_problems
from apilens.channel_settings import ChannelSettings, Heartbeat, Route, heartbeat_of
from apilens.cohort_settings import Cohort, cohort_problems
from apilens.cost_settings import COST, cost_problem
from apilens.deprecation_settings import Deprecated, deprecation_problems
from apilens.error_settings import ErrorPaths, ErrorSettings, error_problems
from apilens.errors import ConfigError, UsageError
from apilens.format_settings import CustomFormat, format_problems
from apilens.funnel_settings import FunnelSettings, funnel_problems
from apilens.identity_rule import IdentityRule as IdentityRule
from apilens.identity_rule import regex_problem, resolved, rule_problems
from apilens.link_settings import link_problems
from apilens.mark_settings import mark_problems
from apilens.quota_columns import QUOTAS
from apilens.route_template import template_problem
from apilens.scope_settings import ScopeSettings, scope_problems
from apilens.sdk_settings import SdkRule, sdk_problems
from apilens.source_settings import CHAINS, FIELDS, ColumnType, Dedupe, SourceSettings, source_problems
from apilens.store_settings import AgeOut, StoreSettings, store_problems
from apilens.window import parse_duration, zone_of
from apilens.workflow_settings import Workflows, workflow_problems
from apilens.yaml_nodes import Keys, Mistakes, YamlMistake, read_yaml, typed

FILE_NAME = "apilens.yaml"

# Settings → what is wrong with them, each with the place that it is about.
Check = Callable[["Settings"], Iterable[tuple[Keys, str]]]


class ColumnRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the source kept as a column: `input_tokens: {from: response.body.usage.prompt_tokens, type: int}`."""

    from_: str = msgspec.field(name="from")
    type: ColumnType = "string"


class RedactSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Additions to the built-in redaction: names of secrets, regex shapes, and names that are no secrets."""

    names: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What commands assume when a flag is not given."""

    since: str | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything apilens.yaml can say. `account: ()` means: the format's own rules, then remote_user.

    accounts: a CSV or Parquet file about accounts, of which `show` names the columns to stand beside the account.
    openapi: descriptions of the API. endpoints: route templates such as `/genre/{name}`. sdks: clients of your own that
    apilens does not know by itself. cohorts: saved sets of accounts. sources: logs by name, read by `apilens ingest`.
    funnels: by the names that `apilens funnel` takes. workflows: orders in which calls are expected. dedupe: the id
    that counts once; None: what the format says.
    links: URLs to see events at, with columns in them.
    cost: what a request costs, as arithmetic over its numbers.
    channels: who can be told of alerts. routes: which alerts go where. heartbeat_url: called after a complete check.
    deprecated: what is to go.
    funnels: by the names that `apilens funnel` takes. marks: a CSV file of moments, such as deploys. dedupe: the id
    that counts once; None: what the format says.
    funnels: by the names that `apilens funnel` takes. dedupe: the id that counts once; None: what the format says.
    links: URLs to see events at, with columns in them. scope: which traffic counts.
    """

    store: str | StoreSettings | None = None
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
    accounts: str | None = None
    show: tuple[str, ...] = ()
    errors: ErrorSettings = ErrorSettings()
    error_paths: ErrorPaths = ErrorPaths()
    openapi: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    sdks: tuple[SdkRule, ...] = ()
    cohorts: dict[str, Cohort] = {}
    sources: dict[str, SourceSettings] = {}
    funnels: dict[str, FunnelSettings] = {}
    workflows: Workflows = {}
    marks: str | None = None
    dedupe: Dedupe | None = None
    age_out: AgeOut = AgeOut()
    links: dict[str, str] = {}
    channels: dict[str, ChannelSettings] = {}
    routes: tuple[Route, ...] = ()
    heartbeat_url: str | Heartbeat | None = None
    deprecated: tuple[Deprecated, ...] = ()
    scope: ScopeSettings = ScopeSettings()
    cost: str | None = None

    @property
    def place(self) -> StoreSettings:
        """What `store` says, in its long form."""
        return self.store if isinstance(self.store, StoreSettings) else StoreSettings(self.store)

    def column_types(self) -> dict[str, ColumnType]:
        """Return name → type name of every configured column, those that sources fill included."""
        filled = {name: FIELDS[name] for source in self.sources.values() for name in source.fields if name in FIELDS}
        return {**filled, **{name: rule.type for name, rule in self.columns.items()}}

    def asked_types(self) -> dict[str, ColumnType]:
        """Return name → type name of what questions may name besides the event table: columns, `cost` where set, and
        the quotas that a file of accounts may have.
        """
        quotas: dict[str, ColumnType] = dict.fromkeys(QUOTAS, "int") if self.accounts else {}
        return {**self.column_types(), **({COST: "float"} if self.cost is not None else {}), **quotas}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How inputs are read, from flags: a format or log_format string instead of detection, the zone of naive times, and
    the id that counts once."""

    input_format: str | None = None
    log_format: str | None = None
    source_tz: str | None = None
    dedupe: Dedupe | None = None


def resolve(flag: Path | None, env: Mapping[str, str], also: Check | None = None) -> tuple[Settings, Path | None]:
    """Return the settings in force and the file they come from: `flag`, else $APILENS_CONFIG, else what `find` finds.

    Without any file, the defaults and None. also, and raises: as `load` has them.
    """
    named = flag or (Path(env["APILENS_CONFIG"]) if env.get("APILENS_CONFIG") else None)
    path = named or find(Path.cwd())
    return (load(path, also), path) if path else (Settings(), None)


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


def load(path: Path, also: Check | None = None) -> Settings:
    """Return the settings in a file, its `store` resolved against the folder of the file.

    also: gives mistakes that only those parts of apilens know which the settings are about. Raises ConfigError with
    every mistake, one `file:line: what` a line.
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
    found = [*_problems(settings or Settings()), *(also(settings or Settings()) if also else ())]
    for place, what in [problem for problem in found if not mistakes.within(problem[0])]:
        mistakes.at(place, what)
    if mistakes.found:
        raise ConfigError("\n".join(f"{name}:{line}: {what}" for line, what in sorted(mistakes.found)))
    return _with_places(settings, path)


def lines_of(path: Path) -> dict[str, int]:
    """Return key → line of each key at the top of a settings file that `load` could read."""
    root = read_yaml(path.read_bytes())
    return {str(key.value): key.line for key, _ in root.pairs} if root else {}


def _with_places(settings: Settings, path: Path) -> Settings:
    """Return the settings with every path that they name taken from the folder of their file."""
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would follow links

    def placed(named: str | None) -> str | None:
        return named if named is None or "://" in named else str(folder / Path(named).expanduser())

    store = msgspec.structs.replace(settings.place, path=placed(settings.place.path))
    places = {
        "store": store if store.group else store.path, "accounts": placed(settings.accounts),
        "marks": placed(settings.marks),
    }  # fmt: skip
    openapi = tuple(str(folder / Path(named).expanduser()) for named in settings.openapi)
    chains = {name: tuple(resolved(rule, folder) for rule in getattr(settings, name)) for name in CHAINS}
    cohorts = {
        name: msgspec.structs.replace(cohort, file=str(folder / Path(cohort.file).expanduser()))
        if cohort.file
        else cohort
        for name, cohort in settings.cohorts.items()
    }
    sources = {name: source.placed(folder) for name, source in settings.sources.items()}
    channels = {name: channel.placed(folder) for name, channel in settings.channels.items()}
    heartbeat = heartbeat_of(settings.heartbeat_url)
    return msgspec.structs.replace(
        settings, **places, **chains, openapi=openapi, cohorts=cohorts, sources=sources, channels=channels,
        heartbeat_url=heartbeat.placed(folder) if heartbeat else None,
    )  # fmt: skip


def _problems(settings: Settings) -> Iterator[tuple[Keys, str]]:
    """Give what types cannot say, each with the place it is about."""
    yield from ((("store", *place), what) for place, what in store_problems(settings.store))
    yield from ((("age_out", *place), what) for place, what in settings.age_out.problems())
    if settings.accounts == "":
        yield ("accounts",), "is empty"
    yield from channel_problems(settings.channels, settings.routes, settings.heartbeat_url)
    yield from ((("marks",), what) for what in mark_problems(settings.marks))
    for field in CHAINS:
        for at, rule in enumerate(getattr(settings, field)):
            yield from (((field, at), problem) for problem in rule_problems(rule, field))
    yield from ((("formats", *place), what) for place, what in format_problems(settings.formats))
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
    if settings.show and settings.accounts is None:
        yield ("show",), "shows columns of `accounts: FILE`, and there is none"
    yield from ((("sources", *place), what) for place, what in source_problems(settings.sources, settings.columns))
    if problem := cost_problem(settings.cost, settings.column_types()):
        yield ("cost",), problem
    extra = settings.asked_types()
    yield from ((("errors", *place), what) for place, what in error_problems(settings.errors, extra))
    has_accounts = settings.accounts is not None
    found = cohort_problems(settings.cohorts, extra, has_accounts=has_accounts)
    yield from ((("cohorts", *place), what) for place, what in found)
    for name, funnel in settings.funnels.items():
        yield from ((("funnels", name, *place), what) for place, what in funnel_problems(funnel, extra))
    yield from ((("scope", *place), what) for place, what in scope_problems(settings.scope, extra))
    yield from ((("links", *place), what) for place, what in link_problems(settings.links, extra))
    yield from ((("deprecated", *place), what) for place, what in deprecation_problems(settings.deprecated))
    yield from ((("workflows", *place), what) for place, what in workflow_problems(settings.workflows, extra))
    for at, pattern in enumerate(settings.endpoints):
        if problem := template_problem(pattern):
            yield ("endpoints", at), f"{pattern!r} {problem}"
    for at, rule in enumerate(settings.sdks):
        yield from ((("sdks", at), problem) for problem in sdk_problems(rule))
    yield from ((("error_paths", *place), what) for place, what in settings.error_paths.problems())
    if settings.defaults.since is not None:
        try:
            parse_duration(settings.defaults.since)
        except UsageError as error:
            yield ("defaults", "since"), error.message


def _column_problem(name: str) -> str | None:
    if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", name) or name.startswith("raw_"):
        return "a column is named in lower case, with letters, digits and `_`, and not `raw_…`"
    # Slow to import (it brings Polars), and few settings have columns.
    from apilens.schema import DTYPES

    return "every event has a column of that name: choose another" if name in DTYPES else None
