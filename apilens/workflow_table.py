"""Tables of workflows, from the small frames that apilens.workflows plans."""

from __future__ import annotations

import polars as pl

from apilens.workflows import BIT

_ENDS = ("from_endpoint", "to_endpoint")


def transition_rows(counts: pl.DataFrame) -> pl.DataFrame:
    """Return how often each endpoint is called next after another: `transitions`, and `share` of what comes next after
    `from_endpoint`; the most frequent first.
    """
    whole = _summed(counts, _ENDS, ("transitions",))
    of_all = pl.col("transitions").sum().over("from_endpoint")
    rows = whole.with_columns((pl.col("transitions") / of_all).round(6).alias("share"))
    return rows.sort("transitions", *_ENDS, descending=[True, False, False], nulls_last=True)


def tandem_rows(sets: pl.DataFrame, codes: pl.DataFrame) -> pl.DataFrame:
    """Return for each pair of endpoints in how many of the sessions that call the one the other is called too, and how
    many of the accounts that call the one never call the other; the pairs of most sessions first.
    """
    whole = _summed(sets, ("account", "set"), ("sessions",))
    members = whole.select("set").unique().join(codes, how="cross").filter((pl.col("set") & pl.col(BIT)) != 0)
    members = members.select("set", "endpoint")
    by_set = whole.group_by("set").agg(pl.col("sessions").sum())
    pairs = _pairs(by_set.join(members, on="set"), ["set", "sessions"], pl.col("sessions").sum().alias("together"))
    alone = by_set.join(members, on="set").group_by("endpoint").agg(pl.col("sessions").sum())
    theirs = (
        whole.filter(pl.col("account").is_not_null()).join(members, on="set").select("account", "endpoint").unique()
    )
    shared = _pairs(theirs, ["account"], pl.len().alias("both"))
    accounts = theirs.group_by("endpoint").agg(pl.len().cast(pl.Int64).alias("accounts"))
    rows = (
        pairs.join(alone, on="endpoint")
        .join(accounts, on="endpoint", how="left")
        .join(shared, on=["endpoint", "other_endpoint"], how="left")
        .with_columns(pl.col("accounts").fill_null(0))
        .with_columns(
            (pl.col("together") / pl.col("sessions")).round(6).alias("together_share"),
            (pl.col("accounts") - pl.col("both").fill_null(0)).cast(pl.Int64).alias("accounts_never"),
        )
    )
    return rows.sort("together", "endpoint", "other_endpoint", descending=[True, False, False])


def login_rows(counts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what is called before the first login of a session, or without any, by endpoint; and by account how many
    sessions begin with a login.
    """
    numbers = ("calls", "logins", "before", "without")
    whole = _summed(counts, ("account", "endpoint", "begins"), numbers)
    early = whole.filter(pl.col("before") + pl.col("without") > 0)
    endpoints = early.group_by("endpoint").agg(
        pl.col("before", "without").sum(), pl.col("account").drop_nulls().n_unique()
    )
    endpoints = endpoints.rename({"account": "accounts"}).with_columns(pl.col("accounts").cast(pl.Int64))
    first = pl.col("begins")
    accounts = whole.group_by("account").agg(
        pl.col("calls").filter(first).sum().alias("sessions"),
        pl.col("logins").sum(),
        pl.col("logins").filter(first).sum().alias("login_first"),
        pl.col("before").filter(first).sum().alias("login_later"),
        pl.col("without").filter(first).sum().alias("login_never"),
    )
    late = (pl.col("login_later") + pl.col("login_never")) / pl.col("sessions")
    return (
        endpoints.sort("before", "without", "endpoint", descending=[True, True, False], nulls_last=True),
        accounts.with_columns(late.round(6).alias("no_login_first_share")).sort(
            "login_later", "login_never", "account", descending=[True, True, False], nulls_last=True
        ),
    )


def kept_rows(name: str, counts: pl.DataFrame) -> pl.DataFrame:
    """Return by account how its sessions keep an order of calls, who breaks it most first."""
    whole = _summed(counts, ("account",), ("sessions", "completed", "unfinished", "broken"))
    rows = whole.select(
        pl.lit(name).alias("workflow"), pl.all(), (pl.col("broken") / pl.col("sessions")).round(6).alias("broken_share")
    )
    return rows.sort("broken", "unfinished", "account", descending=[True, True, False], nulls_last=True)


def workflow_rows(accounts: pl.DataFrame) -> pl.DataFrame:
    """Return how the sessions of all accounts keep each order of calls."""
    return accounts.group_by("workflow", maintain_order=True).agg(
        pl.col("sessions", "completed", "unfinished", "broken").sum(),
        (pl.col("broken").sum() / pl.col("sessions").sum()).round(6).alias("broken_share"),
        pl.len().cast(pl.Int64).alias("accounts"),
        (pl.col("broken") > 0).sum().cast(pl.Int64).alias("breaking_accounts"),
    )


def _summed(counts: pl.DataFrame, keys: tuple[str, ...], numbers: tuple[str, ...]) -> pl.DataFrame:
    texts = [pl.col(key).cast(pl.String) for key in keys if isinstance(counts.schema[key], pl.Categorical)]
    return counts.group_by(keys).agg(pl.col(*numbers).sum()).with_columns(texts)


def _pairs(rows: pl.DataFrame, on: list[str], number: pl.Expr) -> pl.DataFrame:
    both = rows.join(rows.rename({"endpoint": "other_endpoint"}), on=on)
    both = both.filter(pl.col("endpoint") != pl.col("other_endpoint"))
    return both.group_by("endpoint", "other_endpoint").agg(number)
