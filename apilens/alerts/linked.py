"""Links of apilens.yaml in alerts: to a group, and to one request behind it, one that failed if there is any.

A template counts where its columns say something of the group (`{account}` in a rule by account, `{account.crm_id}`
there, too) or of a request without naming who made it (`{trace_id}`). Others would send people's names past `egress`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import narwhals as nw
import polars as pl

from apilens import dimensions
from apilens.alerts.alert import Alert
from apilens.alerts.alerting import equals
from apilens.alerts.incidents import key_of, text_of
from apilens.alerts.judge import Ground, others_of
from apilens.alerts.rule import Rule
from apilens.alerts.words import MOST_GROUPS
from apilens.analyses import collect
from apilens.computed import condition
from apilens.errors import UsageError
from apilens.left_out import left_out
from apilens.link_settings import fields_of
from apilens.links import PREFIX, with_links
from apilens.metric import IS_ERROR
from apilens.query import IS_REQUEST, matching_events
from apilens.reading import events_of
from apilens.window import Window

# Columns that say of a request which one it was, or where, and nothing of who made it.
_OF_A_REQUEST = (
    "trace_id", "request_id", "event_id", "timestamp", "day", "service", "environment", "node", "endpoint", "method",
    "status", "api_version",
)  # fmt: skip
_FAILED, _RANK = "#failed", "#rank"


Links = Mapping[tuple[str, str], Mapping[str, str]]


def links_of(ground: Ground, rules: Iterable[Rule], alerts: Iterable[Alert]) -> Links:
    """Return the links of the first groups of each rule: by rule and key of the group, name → URL."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    by_rule: dict[str, dict[str, Alert]] = {}
    for alert in alerts:
        by_rule.setdefault(alert.rule, {}).setdefault(key_of(alert.group), alert)
    for rule in rules:
        told = list(by_rule.get(rule.name, {}).values())[:MOST_GROUPS]
        links = usable(ground.settings.links, rule.by) if told else {}
        for names in {fields_of(template): None for template in links.values()}:
            some = {name: template for name, template in links.items() if fields_of(template) == names}
            for key, made in _made(ground, rule, told, some, names).items():
                found.setdefault((rule.name, key), {}).update(made)
    return found


def linked(alerts: Iterable[Alert], links: Links) -> tuple[Alert, ...]:
    """Return the alerts, those that have links with them."""
    return tuple(replace(alert, links=links.get((alert.rule, key_of(alert.group)), {})) for alert in alerts)


def usable(links: Mapping[str, str], by: Sequence[str]) -> dict[str, str]:
    """Return the links that alerts of a rule by these dimensions can have."""
    joined = tuple(f"{name}." for name in (*by, "endpoint") if name in ("account", "endpoint"))
    return {
        name: template
        for name, template in links.items()
        if all(field in (*by, *_OF_A_REQUEST) or field.startswith(joined) for field in fields_of(template))
    }


def _made(
    ground: Ground, rule: Rule, alerts: Sequence[Alert], links: Mapping[str, str], fields: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Return the links by key of the group, all made of the same columns."""
    groups = pl.DataFrame([dict(alert.group) for alert in alerts], schema=dict.fromkeys(rule.by, pl.String))
    if not set(fields) <= set(rule.by):
        groups = _requests(ground, rule, alerts, fields)
        if groups.is_empty():
            return {}
    rows = with_links(groups, links).select(*rule.by, *(f"{PREFIX}{name}" for name in links))
    made = {}
    for row in rows.iter_rows(named=True):
        group = {name: text_of(row[name]) for name in rule.by}
        made[key_of(group)] = {name: url for name in links if (url := row[f"{PREFIX}{name}"]) is not None}
    return made


def _requests(ground: Ground, rule: Rule, alerts: Sequence[Alert], fields: tuple[str, ...]) -> pl.DataFrame:
    """Return for each group one request that has all the columns: the newest that failed, else the newest."""
    window = _window(rule, alerts)
    groups = " OR ".join(f"({' AND '.join(equals(*item) for item in alert.group.items())})" for alert in alerts)
    errors = ground.settings.errors.condition
    events, columns = events_of(
        ground.store, window, ground.accounts, [*rule.filters, *rule.by, *fields, *others_of(ground)], ground.cohorts,
        cost=ground.settings.cost,
    )  # fmt: skip
    if not set(fields) <= set(columns):
        # A column of accounts.csv that there is not.
        return pl.DataFrame()
    if rule.by:
        try:
            of_groups = condition(groups, columns).expr
        except UsageError:
            # A group that no condition can name is told all the same.
            return pl.DataFrame()
        events = events.filter(of_groups)
    failed = condition(errors, columns).expr if errors else IS_ERROR
    keys = dimensions.resolve(rule.by, columns)
    leave = left_out(ground.settings.scope, rule.texts, columns)
    found = matching_events(events, where=rule.filters, window=window, dtypes=columns, leave=leave).filter(
        IS_REQUEST, *(~nw.col(name).is_null() for name in fields)
    )
    wanted = [nw.col(name) for name in fields if name not in rule.by]
    rank = nw.coalesce(failed, nw.lit(False)).alias(_FAILED)
    named = found.select(*(key.expr.alias(key.name) for key in keys), *wanted, rank, nw.col("timestamp").alias(_RANK))
    [rows] = collect([_first(named, rule.by)])
    return rows


def _first(named: nw.LazyFrame[pl.LazyFrame], by: Sequence[str]) -> nw.LazyFrame[pl.LazyFrame]:
    """Return the row of each group that comes first: failed before others, then the newest."""
    native = nw.to_native(named)
    order = pl.struct(_FAILED, _RANK)
    best = (
        native.group_by(by).agg(pl.all().sort_by(order).last()) if by else native.select(pl.all().sort_by(order).last())
    )
    return nw.from_native(best)


def _window(rule: Rule, alerts: Sequence[Alert]) -> Window:
    """Return the time of the events with which the incidents began."""
    began = [alert.since for alert in alerts]
    return Window(min(began) - rule.width() - rule.pace, max(began) + timedelta(microseconds=1))
