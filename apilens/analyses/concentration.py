"""concentration: who causes an error: the share that each account has of it, and how few accounts it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import polars as pl

from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.dimensions import BY_NAME as DIMENSIONS
from apilens.engine import frame
from apilens.error_settings import DEFAULT_WHEN
from apilens.errors import UsageError
from apilens.heading import attributed, percent
from apilens.metric import weight, weight_where
from apilens.query import matching_events
from apilens.ranking import placed, top
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES
from apilens.short_filters import quoted

Of = Literal["status", "status_class", "error_code"]
KINDS: tuple[Of, ...] = ("status", "status_class", "error_code")
LIMIT = 20
ACCOUNTS = 5
# From this share on, and so many errors, an account is said to cause them.
_MOST, _ENOUGH, _SENTENCES = 0.5, 10, 3
# What --account takes as it stands.
_PLAIN = re.compile(r"[\w.@-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentrationOptions(Scope):
    """What is asked. of: what tells errors apart. limit: kinds of errors, accounts: accounts of each; None for all."""

    of: Of = "status"
    limit: int | None = LIMIT
    accounts: int | None = ACCOUNTS

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*Scope.texts(self), "account", self.of]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "of": self.of,
            "accounts": "all" if self.accounts is None else self.accounts,
            "limit": "all" if self.limit is None else self.limit,
            "where": list(self.where),
            **Scope.query(self),
        }


def concentration(
    events: Events, options: ConcentrationOptions, *, columns: Mapping[str, pl.DataType] = DTYPES
) -> Result:
    """Return each kind of error with the account that has most of it, and a second table with the shares of accounts.

    Raises UsageError for an unknown kind or a bad condition.
    """
    if options.of not in KINDS:
        raise UsageError(f"--of {options.of!r} tells no errors apart", hint=f"one of {', '.join(KINDS)}")
    # Events are read once; of what is many, accounts with errors, there are no more than a million or two.
    pairs = frame(*collect([_pairs(events, options, columns)]))
    ranked = placed(pairs, within=[options.of], by="requests", name="account")
    shown = ranked if options.accounts is None else ranked.filter(
        (nw.col("#place") <= options.accounts) | nw.col("account").is_null()
    )  # fmt: skip
    [whole] = answers([options.ask(events, columns, metrics=("requests", "errors"))])
    kinds, causes, groups = collect(
        [
            top(_kinds(pairs, options.of), by="errors", keys=[options.of], limit=options.limit),
            shown,
            pairs.select(nw.col(options.of).n_unique().alias("kinds")),
        ]
    )
    found = _concentrated(kinds, causes, options.of)
    left_out = int(groups.item()) - kinds.height if kinds.height else 0
    return Result(
        kind="concentration",
        title="Who causes errors",
        tables=(found, *([_shares(kinds, causes, options.of)] if kinds.height else [])),
        query=options.query(),
        header=options.header(whole.totals),
        notes=(
            *_sentences(found.rows, options),
            *_notes(options, kinds, left_out=left_out, requests=whole.totals.requests),
            *filter(None, [attributed(whole.totals.attributed_share)]),
        ),
        command=_command(options),
    )


def _condition(options: ConcentrationOptions) -> str:
    # A GraphQL error comes with status 200, and has its code.
    return "error_code IS NOT NULL" if options.of == "error_code" else options.errors or DEFAULT_WHEN


def _pairs(events: Events, options: ConcentrationOptions, columns: Mapping[str, pl.DataType]) -> Events:
    """Return kind of error and account, with the errors, and those whose account the server did not confirm."""
    where = (*options.where, _condition(options), "kind = 'request'")
    matching = matching_events(
        events, where=where, window=options.window, dtypes=columns, leave=options.leaves(columns)
    )
    rows = matching.select(
        DIMENSIONS[options.of].expr.alias(options.of),
        "account",
        weight().alias("requests"),
        weight_where(~nw.col("account_verified")).alias("claimed"),
    )
    # Engines have types of their own for sums, some of which divide as whole numbers.
    sums = [nw.col(name).sum().cast(nw.Int64) for name in ("requests", "claimed")]
    return rows.group_by(options.of, "account").agg(*sums)


def _kinds(pairs: Events, of: str) -> Events:
    known = nw.when(~nw.col("account").is_null()).then(nw.col("requests")).otherwise(nw.lit(0))
    rows = pairs.with_columns(known.alias("#known")).with_columns(
        (nw.col("#known").cast(nw.Float64) ** 2).alias("#squares")
    )
    return rows.group_by(of).agg(
        nw.col("requests").sum().cast(nw.Int64).alias("errors"),
        nw.col("account").count().cast(nw.Int64).alias("accounts"),
        nw.col("#known").sum().cast(nw.Int64),
        nw.col("#squares").sum(),
    )


def _concentrated(kinds: pl.DataFrame, causes: pl.DataFrame, of: str) -> Table:
    """Return a row for each kind. The index of Herfindahl and Hirschman is that of the errors that have an account."""
    first = causes.filter((pl.col("#place") == 1) & pl.col("account").is_not_null())
    beside = first.select(of, top_account="account", top_requests="requests", top_claimed="claimed")
    whole, known = pl.col("errors"), pl.col("#known").cast(pl.Float64)
    rows = kinds.join(beside, on=of, how="left", nulls_equal=True, maintain_order="left").select(
        of,
        whole,
        "accounts",
        "top_account",
        pl.when(whole > 0).then((pl.col("top_requests") / whole).round(6)).alias("top_share"),
        pl.when(known > 0).then((pl.col("#squares") / known**2).round(6)).alias("hhi"),
        (whole - pl.col("#known")).alias("unattributed"),
        "top_requests",
        "top_claimed",
    )
    fields = (
        Field(of), Field("errors", "count", "lower"), Field("accounts", "count"), Field("top_account"),
        Field("top_share", "ratio"), Field("hhi", "number"), Field("unattributed", "count"),
        Field("top_requests", "count"), Field("top_claimed", "count"),
    )  # fmt: skip
    return Table("concentration", fields, rows)


def _shares(kinds: pl.DataFrame, causes: pl.DataFrame, of: str) -> Table:
    beside = kinds.select(of, pl.col("errors").alias("#errors")).with_row_index("#order")
    rows = causes.join(beside, on=of, how="inner", nulls_equal=True).sort("#order", "#place")
    share = pl.when(pl.col("#errors") > 0).then((pl.col("requests") / pl.col("#errors")).round(6)).alias("share")
    fields = (
        Field(of), Field("account"), Field("requests", "count", "lower"), Field("share", "ratio", bar=True),
        Field("claimed", "count"),
    )  # fmt: skip
    return Table("accounts", fields, rows.select(of, "account", "requests", share, "claimed"))


def _sentences(rows: pl.DataFrame, options: ConcentrationOptions) -> Iterator[str]:
    told = rows.filter((pl.col("top_share") >= _MOST) & (pl.col("errors") >= _ENOUGH))
    for row in told.sort("top_requests", options.of, descending=[True, False]).head(_SENTENCES).iter_rows(named=True):
        kind, account, count = row[options.of], row["top_account"], row["top_requests"]
        noun = f"{kind}s" if options.of == "status" else f"{kind} errors"
        name = f"{account} (claimed: the server refused its credentials)" if row["top_claimed"] * 2 > count else account
        causes = f"{name} causes {percent(row['top_share'])} of {noun}: {count:,} of {row['errors']:,}"
        yield f"{causes} → {_drill(options, account, kind)}"


def _drill(options: ConcentrationOptions, account: str, kind: object) -> str:
    """Return the command that shows where an account gets an error."""
    of = options.of
    if _PLAIN.fullmatch(account) and of != "error_code":
        named: list[tuple[str, str | None]] = [("--account", account), ("--status", str(kind))]
    else:
        same = str(kind) if of == "status" else quoted(str(kind))
        named = [("--where", f"account = {quoted(account)} AND {of} = {same}")]
    flags = options.flags(limit=LIMIT, usual=LIMIT)
    return options.command("report", [("--by", "endpoint,error_code"), *named, *flags])


def _notes(
    options: ConcentrationOptions, kinds: pl.DataFrame, *, left_out: int, requests: int
) -> Iterator[str]:  # fmt: skip
    if not requests:
        yield "no request matches: widen --since, or loosen --where"
    elif not kinds.height:
        yield f"no error among them: none has {'an error code' if options.of == 'error_code' else _condition(options)}"
    if left_out:
        yield f"and {left_out:,} more; --limit all shows them"
    if options.accounts is not None and (kinds["accounts"] > options.accounts).any():
        some = "account that has" if options.accounts == 1 else f"{options.accounts} accounts that have"
        yield f"only the {some} most of each; --accounts all shows the others"
    if kinds.height:
        yield "claimed: requests whose account the server did not confirm (401, 403): anybody can name an account"


def _command(options: ConcentrationOptions) -> str:
    accounts = "all" if options.accounts is None else str(options.accounts)
    own = [
        ("--of", options.of if options.of != "status" else ""),
        ("--accounts", accounts if options.accounts != ACCOUNTS else ""),
    ]
    return options.command("concentration", [*own, *options.flags(limit=options.limit, usual=LIMIT)])
