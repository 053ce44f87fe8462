"""Checks of what was read: fresh, understood, attributed, and not from the future."""

from __future__ import annotations

from datetime import timedelta

from apilens.doctor.base import Finding, Patient
from apilens.heading import NO_ACCOUNTS, percent
from apilens.window import STALE, span

_SLACK = timedelta(minutes=5)
_FEW_REJECTS, _MANY_REJECTS = 0.01, 0.5
_MOST = 0.5
_NOTHING = Finding("warn", "no events to look at", "`apilens ingest LOG…`")


def freshness(patient: Patient) -> Finding:
    """The newest event is young."""
    last = patient.looked["last"] if patient.looked else None
    if last is None:
        return _NOTHING
    age = patient.now - last
    words = f"the newest event is {span(age)} old"
    return Finding("warn", words, "does ingest run? `apilens cron print LOG…`") if age > STALE else Finding("ok", words)


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
