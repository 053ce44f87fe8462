"""apilens.yaml as typed settings, every mistake found at once and named with its file and line."""

from __future__ import annotations

from typing import Literal

import msgspec


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
    """A field of the source kept as a column of its own: `input_tokens: {from: response.body.usage.prompt_tokens, type: int}`."""

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
