"""From who uses a deprecated thing to rows: how far they have moved, how many days are left, and who is at risk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import polars as pl

from apilens.deprecation_settings import moment
from apilens.schema import TIME
from apilens.short_filters import quoted
from apilens.things import Thing

# Who still calls so many days before the end will hardly have moved by then.
SHORT = 30
DEPRECATED, SUNSET = "endpoint.deprecated", "endpoint.sunset"

# What is known of each thing, beside what usage.plan_usage counts for an account.
_STATED = {
    "thing": pl.String(), "kind": pl.String(), "since": TIME, "sunset": TIME, "replacement": pl.String(),
    "said_by": pl.String(),
}  # fmt: skip


def declared(usage: pl.DataFrame, thing: Thing) -> pl.DataFrame:
    """Return who uses a thing, with the thing beside; of one that nothing replaces, `replaced` is null."""
    stated = {"thing": thing.name, **{name: getattr(thing, name) for name in list(_STATED)[1:]}}
    replaced = pl.col("replaced") if thing.replaced else pl.lit(None, pl.Int64)
    return _whole(usage.with_columns(replaced.alias("replaced")), stated)


def described(usage: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Return who uses endpoints that a description or a response calls deprecated; stated: as Endpoints has it."""
    rows = stated.select("endpoint", "#since", "#said_by", "endpoint.sunset").iter_rows()
    known = pl.DataFrame(
        [(*said, moment(sunset)) for *said, sunset in rows],
        {"endpoint": pl.String, "since": TIME, "said_by": pl.String, "sunset": TIME}, orient="row",
    )  # fmt: skip
    named = usage.join(known, on="endpoint", how="left").with_columns(
        pl.col("endpoint").alias("thing"), pl.lit(None, pl.Int64).alias("replaced")
    )
    return _whole(named, {"kind": "endpoint", "replacement": None})


def things_described(stated: pl.DataFrame, things: Iterable[Thing]) -> tuple[Thing, ...]:
    """Return what descriptions and responses call deprecated and give a sunset: the endpoints of one day are one thing.

    stated: as Endpoints has it. things: what is declared of an endpoint goes before what others say of it.
    """
    declared = "".join(f" AND NOT coalesce(({item.condition}), false)" for item in things if item.kind == "endpoint")
    ends = stated.filter(DEPRECATED).drop_nulls(SUNSET).group_by(SUNSET).agg(pl.col("#said_by").min()).sort(SUNSET)
    return tuple(
        Thing(
            name=f"endpoints until {text}", kind="endpoint", column="endpoint", sunset=end, said_by=said_by,
            condition=f"{DEPRECATED} AND {SUNSET} = {quoted(text)}{declared}",
        )
        for text, said_by in ends.select(SUNSET, "#said_by").iter_rows() if (end := moment(text))
    )  # fmt: skip


def _whole(usage: pl.DataFrame, stated: dict[str, str | datetime | None]) -> pl.DataFrame:
    constants = [pl.lit(value, _STATED[name]).alias(name) for name, value in stated.items()]
    counts = ("requests", "replaced", "recent", "before", "first_request", "last_request")
    return usage.with_columns(constants).select("account", *_STATED, *counts)


def judged(rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the rows with share_migrated, days_left, at_risk, past_sunset and change_7d.

    days_left: whole days from `now` to the sunset, below 0 once it is past. at_risk: called within the last seven days,
    and SHORT days are left at most. past_sunset: called at or after the sunset.
    """
    requests, replaced, before = pl.col("requests"), pl.col("replaced"), pl.col("before")
    left = (pl.col("sunset") - pl.lit(now, TIME)).dt.total_microseconds()
    days = left.floordiv(86_400_000_000)
    return rows.with_columns(
        pl.col("recent").alias("requests_7d"),
        share_of(replaced, requests).alias("share_migrated"),
        days.alias("days_left"),
        ((pl.col("recent") > 0) & (days <= SHORT)).fill_null(False).alias("at_risk"),
        (pl.col("last_request") >= pl.col("sunset")).fill_null(False).alias("past_sunset"),
        pl.when(before > 0).then((pl.col("recent") - before) / before).round(6).alias("change_7d"),
    )


def share_of(replaced: pl.Expr, requests: pl.Expr) -> pl.Expr:
    """Return the part of the calls that go to the replacement."""
    both = replaced + requests
    return pl.when(both > 0).then(replaced / both).round(6)


def ranked(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of those who use something deprecated: those at risk first, then by days left and requests."""
    return rows.filter(pl.col("requests") > 0).sort(
        ["at_risk", "days_left", "requests", "thing", "account"], descending=[True, False, True, False, False],
        nulls_last=True,
    )  # fmt: skip


def things_of(rows: pl.DataFrame, things: Sequence[Thing]) -> pl.DataFrame:
    """Return a row for each thing: all that are declared, used or not, and the endpoints of descriptions
    and responses that are."""
    uses = pl.col("requests") > 0
    found = rows.group_by("thing", "kind", "replacement", "said_by", "since", "sunset").agg(
        uses.sum().cast(pl.Int64).alias("accounts"),
        pl.col("at_risk").sum().cast(pl.Int64),
        pl.col("past_sunset").sum().cast(pl.Int64),
        pl.col("requests").sum(),
        # The sum of nothing is 0, and would be a share.
        pl.when(pl.col("replaced").is_not_null().any()).then(pl.col("replaced").sum()).alias("replaced"),
    )
    known = set(found["thing"])
    idle = found.clear()
    if unused := [thing for thing in things if thing.name not in known]:
        idle = pl.DataFrame([_unused(thing) for thing in unused], found.schema)
    return (
        pl.concat([found, idle])
        .with_columns(share_of(pl.col("replaced"), pl.col("requests")).alias("share_migrated"))
        .sort(["at_risk", "sunset", "requests", "thing"], descending=[True, False, True, False], nulls_last=True)
    )


def _unused(thing: Thing) -> dict[str, object]:
    stated = {"thing": thing.name, **{name: getattr(thing, name) for name in list(_STATED)[1:]}}
    return {**stated, **dict.fromkeys(("accounts", "at_risk", "past_sunset", "requests"), 0), "replaced": None}


def dated(rows: pl.DataFrame, names: Iterable[str] = ("sunset",)) -> pl.DataFrame:
    """Return the rows with these times as days, in UTC."""
    return rows.with_columns(pl.col(name).dt.date() for name in names)
