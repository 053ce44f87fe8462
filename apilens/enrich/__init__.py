"""What is added to every event. To add a step: a file with a `Step`, and its name in STEPS where its turn comes.

A step says which columns it reads and which it makes; steps that make nothing the caller wants do not run. The order
matters: identities are found in raw values, and everything that is stored is made from redacted ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import NamedTuple

import polars as pl
from msgspec.structs import replace

from apilens.announced import HEADERS as ANNOUNCING
from apilens.config import ColumnRule, IdentityRule, Settings
from apilens.enrich.auth import AUTH, REQUEST_HEADERS, RESPONSE_HEADERS
from apilens.enrich.base import Context, Step
from apilens.enrich.client import CLIENT, HEALTH_CHECK
from apilens.enrich.client_ip import CLIENT_IP
from apilens.enrich.columns import configured, configured_dtypes
from apilens.enrich.defaults import CONSTANTS, FAILURE_REASON, FINGERPRINT, TIMES
from apilens.enrich.endpoint import ENDPOINT
from apilens.enrich.error import ERROR
from apilens.enrich.identity import ACCOUNT, API_KEY, SESSION, USER, asked_by, rules_of
from apilens.enrich.redact import REDACT_STEPS, reject_shape
from apilens.enrich.version import VERSION
from apilens.schema import DTYPES, conform

__all__ = ["Context", "as_they_are", "asked", "configured_dtypes", "enrich", "needed_columns", "reject_shape"]

STEPS: tuple[Step, ...] = (
    TIMES,
    CLIENT_IP,
    USER,
    API_KEY,
    SESSION,
    ACCOUNT,
    ERROR,
    AUTH,
    FINGERPRINT,
    *REDACT_STEPS,
    ENDPOINT,
    VERSION,
    CLIENT,
    HEALTH_CHECK,
    FAILURE_REASON,
    CONSTANTS,
)


class Asked(NamedTuple):
    """Names that settings ask the format for: request headers, response headers, fields."""

    headers: frozenset[str]
    response_headers: frozenset[str]
    fields: frozenset[str]


def enrich(frame: pl.DataFrame, context: Context, *, columns: Collection[str] | None = None) -> pl.DataFrame:
    """Return a format's frame as rows of the event table: all its columns in order, or the named ones as named."""
    wanted = list(_all_columns(context.settings) if columns is None else columns)
    for step in _needed_steps(wanted, context.settings):
        frame = step.apply(frame, context)
    # Columns that the source lacks are constants: beside `line`, which is always there, they keep the frame's height.
    known = conform(frame, columns=dict.fromkeys(["line", *wanted]), extra=configured_dtypes(context.settings))
    return known.select(wanted)


def as_they_are(frame: pl.DataFrame, context: Context, *, columns: Collection[str] | None = None) -> pl.DataFrame:
    """Return events that were enriched before, in the shape that `enrich` gives.

    Columns that settings configure are fields of their own name by now.
    """
    named = {name: ColumnRule(name, kind) for name, kind in context.settings.column_types().items()}
    settings = replace(context.settings, columns=named)
    frame = configured(settings).apply(frame, dataclasses.replace(context, settings=settings))
    wanted = list(_all_columns(context.settings) if columns is None else columns)
    labels = [pl.lit(context.labels[name]).alias(name) for name in ("source",) if name in context.labels]
    known = conform(
        frame.with_columns(labels), columns=dict.fromkeys(["line", *wanted]), extra=configured_dtypes(context.settings)
    )
    return known.select(wanted)


def needed_columns(columns: Collection[str] | None, settings: Settings) -> frozenset[str] | None:
    """Return the format's columns that are needed to make these event columns (None: all of them)."""
    if columns is None:
        return None
    reads = {name for step in _needed_steps(columns, settings) for name in (*step.reads, *step.also(settings))}
    # A format may state itself what a step would make (an account, a version), so the wanted names count as well.
    return frozenset({"line", "item", "timestamp", "status", *columns, *reads})


def asked(settings: Settings, account: Sequence[IdentityRule], *, columns: Collection[str] | None = None) -> Asked:
    """Return what settings, and the format's own `account` rules, ask the format to look for to make these columns."""
    steps = _needed_steps(_all_columns(settings) if columns is None else columns, settings)
    wants = [asked_by(rule) for rule in rules_of(settings, account)]
    fields = {field for _, field in wants if field} | {rule.from_ for rule in settings.columns.values()}
    headers = {header for header, _ in wants if header} | set(REQUEST_HEADERS)
    answers = {
        *(RESPONSE_HEADERS if AUTH in steps or ERROR in steps else ()),
        *(ANNOUNCING if ENDPOINT in steps else ()),
    }
    return Asked(frozenset(headers), frozenset(answers), frozenset(fields))


def _all_columns(settings: Settings) -> list[str]:
    return [*DTYPES, *configured_dtypes(settings)]


def _needed_steps(columns: Collection[str], settings: Settings) -> list[Step]:
    wanted = set(columns)
    needed = []
    for step in reversed((*STEPS, configured(settings))):
        if wanted & set(step.makes):
            needed.append(step)
            wanted |= {*step.reads, *step.also(settings)}
    return needed[::-1]
