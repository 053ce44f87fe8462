"""Checks of what was read: fresh, understood, attributed, and not from the future."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from apilens.doctor.base import Finding, Patient
from apilens.heading import NO_ACCOUNTS, percent
from apilens.window import STALE, span

_SLACK = timedelta(minutes=5)
_FEW_REJECTS, _MANY_REJECTS = 0.01, 0.5
_MOST = 0.5
_STALE_MS = STALE / timedelta(milliseconds=1)
_RUN = "does ingest run? `apilens cron print LOG…`"
_NOTHING = Finding("warn", "no events to look at", "`apilens ingest LOG…`")


def freshness(patient: Patient) -> Finding:
    """The newest event is young, in each source of apilens.yaml; what its events take to arrive does not count."""
    last = patient.looked["last"] if patient.looked else None
    if patient.said is None or last is None:
        return _NOTHING
    newest = f"the newest event is {span(patient.now - last)} old"
    fresh = patient.said["freshness"].with_columns(is_late=pl.col("age_ms") - pl.col("settle_ms") > _STALE_MS)
    if not patient.settings.sources:
        # Logs without a name may have been read once, for good: one of them is enough.
        return Finding("warn", newest, _RUN) if fresh["is_late"].all() else Finding("ok", newest)
    by_name = fresh.group_by("source").agg(pl.col("is_late").all(), pl.col("last").max(), pl.col("settle_ms").max())
    known = {name: rest for name, *rest in by_name.iter_rows()}
    late = [said for name in patient.settings.sources if (said := _late(name, known.get(name), patient.now))]
    return Finding("warn", "; ".join(late), _RUN) if late else Finding("ok", newest)


def _late(name: str, known: Sequence[Any] | None, now: datetime) -> str | None:
    """Say how late a source is by (is it late, its newest event, its settle in ms), None where it is not."""
    if known is None:
        return f"{name}: no events"
    is_late, last, settle_ms = known
    usual = f", {span(timedelta(milliseconds=settle_ms))} of that as usual" if settle_ms else ""
    return f"{name}: the newest event is {span(now - last)} old{usual}" if is_late else None


def hit_rate(patient: Patient) -> Finding:
    """Few of the lines that should be requests were rejected."""
    looked = patient.looked
    tried = looked["stored"] + looked["rejected"] if looked else 0
    if looked is None or not tried:
        return _NOTHING
    share = looked["rejected"] / tried
    words = f"{looked['rejected']:,} of {tried:,} lines were rejected"
    if share < _FEW_REJECTS:
        return Finding("ok", words)
    advice = "`apilens formats detect FILE` shows what fits, `log_format:` says it; reasons are in STORE/rejects"
    return Finding("fail" if share >= _MANY_REJECTS else "warn", words, advice)


def attribution(patient: Patient) -> Finding:
    """Most events have an account."""
    share = patient.looked["attributed_share"] if patient.looked else None
    if share is None:
        return _NOTHING
    if share == 0:
        return Finding("warn", NO_ACCOUNTS, "`apilens init LOG…` finds where it stands")
    words = f"{percent(share)} of events have an account"
    return Finding("ok", words) if share >= _MOST else Finding("warn", words, "`apilens attribution` shows the others")


def clock(patient: Patient) -> Finding:
    """No event is from the future."""
    last = patient.looked["last"] if patient.looked else None
    if last is None:
        return _NOTHING
    if last > patient.now + _SLACK:
        words = f"the newest event is {span(last - patient.now)} in the future"
        return Finding("warn", words, "a wrong clock, or times without a zone: --source-tz, `source_tz:`")
    return Finding("ok", "no event is in the future")
