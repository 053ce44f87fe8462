"""What `apilens init` proposes: how these logs read, and which rules find the accounts in them, with what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from apilens.account_candidates import KEY_RULES, account_variables, found_rules, header_of, named_rules
from apilens.account_search import Search, search
from apilens.config import IdentityRule, ReadOptions, Settings
from apilens.enrich.identity_rules import asked_by
from apilens.errors import InputError
from apilens.format_settings import CustomFormat
from apilens.formats import Needs, ParseOptions
from apilens.formats.detect import SAMPLE_BYTES
from apilens.pieces import Log
from apilens.pipeline import Pipeline
from apilens.sources import Block, Source, expand
from apilens.window import CLOCK_SLACK

# Enough for shares to be true to a percent, and read in a second.
_SAMPLE = 4 << 20
_MOST_FILES = 12


@dataclass(frozen=True, slots=True)
class Sampled:
    """A log that was looked at: its name, what reads it, and how many of the lines looked at that does."""

    name: str
    format: str
    title: str
    hits: int
    looks: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is known after looking.

    inputs: what the user named. logs: what was read. search: the accounts in them. guesses: rules by names in
    log_formats alone, where there was no request to try them on. formats: what the logs may be in, by name. source_tz:
    the zone of times that state none. problems: logs that could not be read.
    """

    inputs: tuple[str, ...]
    logs: tuple[Sampled, ...]
    search: Search
    guesses: tuple[IdentityRule, ...] = ()
    formats: tuple[tuple[str, CustomFormat], ...] = ()
    source_tz: str | None = None
    problems: tuple[InputError, ...] = ()

    @property
    def knows_accounts(self) -> bool:
        """Whether accounts were found, or where there was nothing to look at, a name says where they are."""
        stated = not self.search.requests and any("account" in (custom.fields or {}) for _, custom in self.formats)
        return bool(self.search.found or self.guesses or stated)


def propose(
    inputs: Sequence[str], *, formats: Sequence[tuple[str, CustomFormat]] = (), source_tz: str | None = None,
    now: datetime,
) -> Proposal:  # fmt: skip
    """Look at the first 4 MiB of each of the newest logs that `inputs` mean.

    formats: what they may be in besides the known formats. Raises UsageError for one that cannot be.
    """
    settings = Settings(formats=dict(formats), source_tz=source_tz)
    # Nothing is stored, so hashes are compared with nothing.
    pipeline = Pipeline(settings, ReadOptions(), key=b"", now=now, block_bytes=_SAMPLE)
    sources, problems = expand(inputs)
    logs: list[Sampled] = []
    frames: list[pl.DataFrame] = []
    own: list[IdentityRule] = []
    rules: list[IdentityRule] = []
    for source in sources[-_MOST_FILES:]:
        if (first := _first_block(pipeline, source)) is None:
            continue
        log, block = first
        tried = [*log.format.account, *named_rules(block.data[:SAMPLE_BYTES].decode("utf-8", "replace"))]
        tried += named_rules(" ".join(custom.log_format or "" for _, custom in formats))
        sampled, frame = _requests(log, block, tried, settings, now)
        logs.append(sampled)
        frames.append(frame)
        own += log.format.account
        rules += [*tried, *found_rules(frame)]
    found = search(frames, rules, own=own)
    # A folder holds what is no log, too; what the user named is one.
    unread = pipeline.problems if any(source.named for source in sources) or not logs else []
    return Proposal(
        tuple(inputs), tuple(logs), found, () if found.requests else _guesses(formats),
        tuple(formats), source_tz, (*problems, *unread),
    )  # fmt: skip


def _first_block(pipeline: Pipeline, source: Source) -> tuple[Log, Block] | None:
    return next(pipeline.blocks([str(source.path or "-")], final=True), None)


def _requests(
    log: Log, block: Block, rules: Sequence[IdentityRule], settings: Settings, now: datetime
) -> tuple[Sampled, pl.DataFrame]:
    """Return how well a block reads, and its requests as the format gives them, with what the rules ask for."""
    wants = [asked_by(rule) for rule in (*rules, *KEY_RULES)]
    headers = frozenset({"authorization", *(header for header, _ in wants if header)})
    needs = Needs(headers=headers, fields=frozenset(field for _, field in wants if field))
    options = ParseOptions(
        latest=now + CLOCK_SLACK, needs=needs, source_tz=settings.source_tz or "UTC", prelude=block.prelude
    )
    parsed = log.format.parse(block.data, block.first_line, options)
    events = parsed.events
    looks = events.height + parsed.rejects.height
    sampled = Sampled(log.source.name, log.format.name, log.format.title, events.height, looks)
    if "kind" in events.columns:
        events = events.filter(pl.col("kind").ne_missing("action"))
    return sampled, events


def _guesses(formats: Sequence[tuple[str, CustomFormat]]) -> tuple[IdentityRule, ...]:
    """Return the rules that log_formats alone suggest: the header or variable whose name says account."""
    named = dict.fromkeys(name for _, custom in formats for name in account_variables(custom.log_format or ""))
    return tuple(
        IdentityRule(header=header_of(name)) if name.startswith("http_") else IdentityRule(field=name) for name in named
    )
