"""The settings that shape what is stored, part by part: which days of a store were read with older ones.

A part is what one kind of change is about: an account rule, the columns. Every data file carries the id of the settings
that it was read with (store/shapes.py). What is asked at query time only (`errors:`, `accounts:`) is no part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Any

import msgspec

from apilens.config import IdentityRule, Settings
from apilens.file_pattern import placeholders_of
from apilens.source_settings import SourceSettings
from apilens.store import Store
from apilens.store.shapes import older_days

# What an overview is about, which names nothing.
_OVERVIEW = ("account", "endpoint")


@dataclass(frozen=True, slots=True)
class Part:
    """Settings that shape some columns. revision: of what apilens has built in for them; raise it when that changes.

    stated: the settings as JSON can have them. words: what one with older ones was read with.
    """

    name: str
    words: str
    columns: tuple[str, ...]
    stated: Callable[[Settings], Any] = lambda settings: None
    revision: int = 1


PARTS: tuple[Part, ...] = (
    Part(
        "account", "an older account rule", ("account", "account_source", "account_verified"),
        lambda settings: (chains(settings, "account"), settings.allow_email),
    ),
    Part("user", "an older user rule", ("user",), lambda settings: chains(settings, "user")),
    Part("api_key", "an older API key rule", ("api_key", "auth_scheme"), lambda settings: chains(settings, "api_key")),
    Part("session", "an older session rule", ("session",), lambda settings: chains(settings, "session")),
    Part(
        "client_ip", "an older rule for addresses", ("client_ip",),
        lambda settings: (settings.client_ip, settings.trusted_proxies),
    ),
    Part("endpoint", "older endpoints", ("endpoint", "is_health_check"), lambda settings: settings.endpoints),
    Part("api_version", "an older rule for versions", ("api_version",)),
    Part("sdk", "an older list of SDKs", ("sdk", "sdk_version", "is_bot"), lambda settings: settings.sdks),
    Part(
        "errors", "older error paths", ("error_code", "error_field", "auth_failure"),
        lambda settings: settings.error_paths,
    ),
    Part(
        "columns", "other columns", (),
        lambda settings: (settings.columns, _said(settings, lambda source: source.fields)),
    ),
    Part(
        "redact", "an older redaction", ("path", "query_keys", "query_values", "referrer", "user_agent"),
        lambda settings: (settings.redact, settings.query_values),
    ),
    Part(
        "formats", "older formats", (),
        lambda settings: (
            settings.formats, settings.log_format, settings.source_tz,
            _said(settings, lambda source: [source.format, source.log_format, source.source_tz]),
        ),
    ),
    Part(
        "sources", "other sources", ("service", "environment", "node", "direction"),
        lambda settings: _said(settings, lambda source: [source.labels(), sorted(placeholders_of(source.path))]),
    ),
)  # fmt: skip
# Beside the parts: what stood in the files of account rules. Nobody is told when it is older: such files change each
# time a customer comes, and mostly say the same of those who were there before.
FILES = "account files"
EMAILS = "allow_email"


def shape_of(settings: Settings) -> dict[str, str]:
    """Return part → hash of its settings."""
    shape = {part.name: hash_of([part.revision, part.stated(settings)]) for part in PARTS}
    files = hash_of([_content(path) for path in _files(settings)])
    return {**shape, FILES: files, EMAILS: hash_of(settings.allow_email)}


def columns_of(parts: Sequence[str], settings: Settings) -> list[str]:
    """Return the columns that parts shape."""
    found = [column for part in PARTS if part.name in parts for column in part.columns]
    return [*found, *(settings.columns if "columns" in parts else ())]


def older(store: Store, settings: Settings, texts: Sequence[str] | None = None) -> str | None:
    """Say how many days of a store were read with older settings, or return None where none was.

    texts: the names and conditions of a question; only the parts that shape their columns are then looked at.
    """
    told = [part for part in PARTS if texts is None or _concerns(part, settings, texts)]
    days, by_part, unknown = older_days(store, shape_of(settings))
    said = [(by_part[part.name], part.words) for part in told if by_part.get(part.name)]
    said += [(unknown, "settings that are not known")] if unknown else []
    if not said:
        return None
    (count, words), *more = said
    first = f"{count} of {days} days {'was' if days == 1 else 'were'} read with {words}"
    others = [f"{number} with {words}" for number, words in more]
    return f"{', '.join([first, *others])}: apilens store rebuild"


def _concerns(part: Part, settings: Settings, texts: Iterable[str]) -> bool:
    named = set(re.findall(r"\w+", " ".join(texts))) or set(_OVERVIEW)
    return bool(named & set(columns_of([part.name], settings)))


def chains(settings: Settings, name: str) -> Any:
    """Return identity rules as JSON can have them: those that hold for all logs, and those of sources."""
    return portable(getattr(settings, name)), _said(settings, lambda source: portable(getattr(source, name)))


def _said(settings: Settings, of: Callable[[SourceSettings], Any]) -> list[tuple[str, Any]]:
    """Return path → what a source says, in their order, which decides to which one a log belongs."""
    said = [(source.path, of(source)) for source in settings.sources.values()]
    return said if any(_holds(what) for _, what in said) else []


def _holds(what: Any) -> bool:
    return any(map(_holds, what)) if isinstance(what, list) else bool(what)


def portable(rules: Sequence[IdentityRule]) -> list[IdentityRule]:
    """Return rules without the folders of their files: these differ from machine to machine."""
    return [
        msgspec.structs.replace(
            rule,
            **{name: PurePath(path).name for name in ("api_key", "users", "ip") if (path := getattr(rule, name))},
            join=rule.join
            and msgspec.structs.replace(rule.join, files=tuple(PurePath(path).name for path in rule.join.files)),
        )
        for rule in rules
    ]


def _files(settings: Settings) -> list[str]:
    """Return the tables that decide about accounts; joined logs grow all the time."""
    rules = [*settings.account, *(rule for source in settings.sources.values() for rule in source.account)]
    return [path for rule in rules if (path := rule.api_key or rule.users or rule.ip)]


def _content(path: str) -> str | None:
    try:
        return blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return None


def hash_of(value: Any) -> str:
    # Short: of a file of keys it must not tell more than that it is another one.
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=4).hexdigest()
