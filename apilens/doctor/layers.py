"""Whether two layers (a load balancer and the server behind it) logged the same requests, which then count twice."""

from __future__ import annotations

import re
from datetime import date

import polars as pl

from apilens.doctor.base import Finding, Patient
from apilens.freshness import Settling
from apilens.store import Store
from apilens.store.table import scan

# The newest one may have just begun.
_DAYS = 2
# What is looked at of a larger store is every n-th id: each in all of its events, so that shares stay as they are.
_ROWS = 1_000_000
# Below this share of the smaller layer's ids it is chance: callers choose ids, too.
_FEW = 0.01
_LAYER = ("source", "format", "service")
# Files of one log, and logs of one kind on many machines: access.log.1, access.log-20261120.gz, node17.
_TURNS = re.compile(r"([.-]#)?(\.(gz|zst|bz2|xz))?$")


def layers(patient: Patient) -> Finding:
    """No request was logged by two layers, by request and trace ids of the newest two days."""
    if not isinstance(patient.opened, Store) or patient.opened.actions.is_empty():
        return Finding("warn", "no events to look at", "`apilens ingest LOG…`")
    store = patient.opened
    days = store.actions["day"].unique().sort().tail(_DAYS).to_list()
    try:
        found = [pair for name in ("request_id", "trace_id") if (pair := _doubled(store, name, days, patient))]
    except (pl.exceptions.PolarsError, OSError) as error:
        return Finding("warn", f"not looked at: {str(error).splitlines()[0]}", "`apilens store verify`")
    when = " and ".join(str(day) for day in days)
    if not found:
        return Finding("ok", f"no ids in two layers on {when}")
    advice = "pick one: leave the other out of what is ingested, or out of each question (--service, --where)"
    return Finding("warn", f"on {when} {max(found)[1]}, so they count twice", advice)


def _doubled(store: Store, name: str, days: list[date], patient: Patient) -> tuple[int, str] | None:
    """Return the two layers that share most ids of a kind, as that number and in words; None where none do."""
    chosen = store.actions.filter(pl.col("day").is_in(days))
    every = int(chosen["num_records"].sum()) // _ROWS + 1
    events = scan(store, [name, "direction", *_LAYER], [str(store.path / "events" / path) for path in chosen["path"]])
    # Who calls others within has other requests, of the same trace.
    counted = (pl.col("direction") == "incoming") & pl.col(name).is_not_null() & (pl.col(name).hash() % every == 0)
    logs = events.filter(counted).select(name, *_LAYER).unique().collect(engine="streaming")
    known = logs.select(_LAYER).unique()
    settling = Settling(patient.settings)
    named = known.with_columns(layer=pl.Series([_named(settling, *row) for row in known.iter_rows()], dtype=pl.String))
    ids = logs.join(named, on=_LAYER, nulls_equal=True).select(pl.col(name).alias("id"), "layer").unique()
    size = dict(ids.group_by("layer").len().iter_rows())
    pairs = (
        ids.join(ids, on="id")
        .filter(pl.col("layer") < pl.col("layer_right"))
        .group_by("layer", "layer_right")
        .len("shared")
        .sort("shared", "layer", "layer_right", descending=[True, False, False])
    )
    for one, other, shared in pairs.iter_rows():
        if shared >= _FEW * min(size[one], size[other]):
            part = f" (of one in {every} that was looked at)" if every > 1 else ""
            return shared, f"{one} and {other} logged the same requests: {shared:,} have the same {name}{part}"
    return None


def _named(settling: Settling, source: str, format: str, service: str | None) -> str:
    """Return what a layer is called: its source in apilens.yaml, else its files; then its service and format."""
    name = settling.of(source, format)[0] or _TURNS.sub("", re.sub(r"\d+", "#", _TURNS.sub("", source)))
    return f"{name} ({', '.join([*([service] if service else []), format])})"
