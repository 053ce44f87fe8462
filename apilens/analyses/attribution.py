"""attribution: which rules find the accounts, and where the requests come from that have none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.heading import attributed
from apilens.result import Result, Table
from apilens.schema import DTYPES

_RULES = ("requests", "share", "accounts", "error_rate", "last_request")
_UNATTRIBUTED = "account IS NULL"
# What is told of requests without an account: name of the table, dimension.
_TOPS = (("unattributed_endpoints", "endpoint"), ("unattributed_user_agents", "user_agent"))
_TOP_METRICS = ("requests", "share", "error_rate", "ips")
LIMIT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionOptions(Scope):
    """What is asked. limit: rows of endpoints and user agents, None for all."""

    limit: int | None = LIMIT


def attribution(events: Events, options: AttributionOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the share of requests by the rule that found their account, and the tops of those that have none.

    A rule without a name (null) stands for the requests that no rule found an account for. In the tops, `share` is of
    those. Raises UsageError for a bad condition.
    """

    questions = [options.ask(events, columns, metrics=_RULES, by=("account_source",))]
    for _, by in _TOPS:
        top = options.ask(events, columns, metrics=_TOP_METRICS, by=(by,), where=(_UNATTRIBUTED,), limit=options.limit)
        questions.append(top)
    rules, *found = answers(questions)
    tables = [Table("rules", rules.fields, rules.rows)]
    for (name, _), answer in zip(_TOPS, found, strict=True):
        if answer.rows.height:
            tables.append(Table(name, answer.fields, answer.rows))
    return Result(
        kind="attribution",
        title="Attribution",
        tables=tuple(tables),
        query={
            "where": list(options.where),
            "limit": "all" if options.limit is None else options.limit,
            **options.query(),
        },
        header=options.header(rules.totals),
        notes=_notes(rules, found),
        command=options.command("attribution", options.flags(limit=options.limit, usual=LIMIT)),
    )


def _notes(rules: Answer, tops: list[Answer]) -> tuple[str, ...]:
    if not rules.totals.requests:
        return ("no request matches: widen --since, or loosen --where",)
    notes = [attributed(rules.totals.attributed_share) or "every request has an account"]
    for (_, by), answer in zip(_TOPS, tops, strict=True):
        if answer.left_out:
            notes.append(f"and {answer.left_out:,} more by {by}; --limit all shows them")
    return tuple(notes)
