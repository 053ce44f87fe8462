"""What is odd about rules that can be read: doubts, not mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apilens.alerts.rule import Rule
from apilens.alerts.rules import Rules
from apilens.alerts.thresholds import impossible
from apilens.alerts.when import metrics_of_when
from apilens.computed import condition, metric_named
from apilens.config import Settings
from apilens.errors import UsageError
from apilens.result import Unit
from apilens.schema import TYPE_NAMES, dtypes
from apilens.syntax import columns_of
from apilens.window import shortest

# Rates of errors, which a filter on the status decides before they are computed.
_ERROR_RATES = ("error_rate", "error_rate_low", "error_rate_high", "errors", "error_share")


def doubts(rules: Rules, settings: Settings) -> list[str]:
    """Return what is odd, each as `file:line: rule: what`."""
    columns = settings.asked_types()
    found = []
    for rule in rules.rules:
        place = f"{rules.file}:{rules.lines[rule.name]}:1: {rule.name}"
        # What a description says, and what responses say, is known where it was ingested.
        if rule.reads_things and not settings.openapi and not any(item.sunset for item in settings.deprecated):
            found.append(
                f"{place}: fires only if responses say `Sunset`: nothing under `deprecated:` in apilens.yaml has a "
                "`sunset`, and no description of the API is named under `openapi:`"
            )
        found += [f"{place}: {what}" for what in _doubts(rule, _units(rule, columns))]
    return found


def _doubts(rule: Rule, units: dict[str, Unit]) -> Iterator[str]:
    if rule.pace > rule.width():
        yield f"judged every {shortest(rule.pace)}, over a shorter time: what happens in between goes unseen"
    names = {name for text in rule.conditions().values() for name in metrics_of_when(text, rule.by)}
    rates = sorted(names & set(_ERROR_RATES))
    if rates and rule.where and "status" in columns_of(rule.where):
        yield f"`{rates[0]}` of events filtered by status is always the same: leave status out of `where`, or count"
    for text in rule.conditions().values():
        for part in impossible(text, units):
            yield f"can never fire: `{part}` is never so"
        if rule.by and any(part in text.replace(" ", "") for part in ("requests<1", "requests=0", "requests<=0")):
            yield "a group without events is not judged: `kind: absence` tells of those that are gone"
    if not rule.enabled:
        yield "is switched off"


def _units(rule: Rule, columns: Mapping[str, str]) -> dict[str, Unit]:
    known = dtypes({name: TYPE_NAMES[kind] for name, kind in columns.items()})
    found: dict[str, Unit] = {}
    for text in rule.conditions().values():
        for name in metrics_of_when(text, rule.by):
            try:
                found[name] = metric_named(name, known, lambda part: condition(part, known)).unit
            except UsageError:
                # It reads columns of accounts or endpoints, which are known with their files.
                continue
    return found
