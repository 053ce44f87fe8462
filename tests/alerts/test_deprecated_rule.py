"""Rules on the use of what is deprecated: near its sunset, past it, and not at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from apilens.alerts.check import check_window
from apilens.alerts.judging import AT, SEVERITY, VALUE, Asked, Judged, Moments
from apilens.alerts.kinds.deprecated import DeprecatedRule
from apilens.alerts.lint import doubts
from apilens.config import Settings
from apilens.deprecation_settings import Deprecated, things_in
from apilens.errors import ConfigError
from apilens.schema import DTYPES
from apilens.window import Window
from tests.alerts.making import NOON as STORED_NOON
from tests.alerts.making import Channel, check, ground_of, line, rules_of, stored
from tests.alerts.test_kinds import DAY, HOUR, at, values
from tests.event_frames import NOON, events_of

RULE = DeprecatedRule(name="a")


def uses(rule: DeprecatedRule, sunset: timedelta, *, others: tuple[Deprecated, ...] = ()) -> Judged:
    """Judge at noon and an hour later what acme (twice), globex (a while ago) and nobody in particular called."""
    old = {"endpoint": "GET /v1/a"}
    events = [
        at(NOON - HOUR, **old), at(NOON - 2 * HOUR, **old), at(NOON - 23.5 * HOUR, account="globex", **old),
        at(NOON - HOUR, account="new", endpoint="GET /v2/a"), at(NOON - HOUR, account=None, **old),
        at(NOON - HOUR, account="told", direction="outgoing", **old),
    ]  # fmt: skip
    gone = Deprecated(endpoint="GET /v1/*", sunset=(NOON + sunset).isoformat())
    moments = Moments(NOON, NOON + HOUR, HOUR)
    rows = [{**row, "line": number} for number, row in enumerate(events, 1)]
    things = things_in((gone, *others))
    return rule.judge(Asked(events=events_of(rows), columns=DTYPES, moments=moments, things=things))


def test_whoever_uses_it_near_the_end_is_named_while_the_window_holds_it() -> None:
    found = uses(RULE, 3 * DAY)

    # Three days at noon; an hour later less than that.
    assert values(found, "account", AT, SEVERITY, VALUE, "requests") == [
        ("acme", NOON, "warning", 3.0, 2.0), ("acme", NOON + HOUR, "warning", 2.0, 2.0),
        ("globex", NOON, "warning", 3.0, 1.0),
    ]  # fmt: skip


def test_a_use_after_the_end_is_critical_and_one_before_it_is_over() -> None:
    found = uses(RULE, -1.5 * HOUR)

    # One of acme's two is later than the sunset, globex's is not.
    assert values(found, "account", SEVERITY, VALUE, "requests") == [("acme", "critical", -1.0, 1.0)] * 2


def test_a_use_at_the_very_end_is_after_it() -> None:
    assert values(uses(RULE, -1 * HOUR), "account", AT, "requests") == [
        ("acme", NOON, 1.0), ("acme", NOON + HOUR, 1.0)
    ]  # fmt: skip


@pytest.mark.parametrize(("days", "fires"), [(30, True), (30.1, False), (400, False)])
def test_what_ends_later_than_ahead_is_nothing_yet(days: float, fires: bool) -> None:
    assert ((("acme", NOON)) in values(uses(RULE, days * DAY), "account", AT)) is fires


def test_of_several_things_the_one_that_goes_first_counts() -> None:
    others = (Deprecated(endpoint="GET /v1/a", sunset=(NOON + DAY).isoformat()), Deprecated(endpoint="GET /v2/a"))

    assert ("acme", 1.0) in values(uses(RULE, 3 * DAY, others=others), "account", VALUE)
    # What has no sunset ends never.
    assert "new" not in [name for (name,) in values(uses(RULE, 3 * DAY, others=others), "account")]


def test_other_dimensions_may_say_what_is_used() -> None:
    by = DeprecatedRule(name="a", by=("account", "endpoint"), least=2)
    everything = DeprecatedRule(name="a", by=())

    assert values(uses(by, 3 * DAY), "account", "endpoint", AT)[0] == ("acme", "GET /v1/a", NOON)
    assert values(uses(everything, 3 * DAY), AT, "requests") == [(NOON, 4.0), (NOON + HOUR, 3.0)]
    assert uses(everything, 60 * DAY).hits.is_empty()


def test_a_check_tells_of_what_apilens_yaml_declares(tmp_path: Path) -> None:
    settings = Settings(deprecated=(Deprecated(sdk="curl", below="9", sunset="2026-11-10"),))
    rules = rules_of("name: a, kind: deprecated, notify: [x]", settings)
    channel = Channel()

    found = check(stored(tmp_path, [line(0), line(55)]), rules, 60, channel, settings=settings)

    assert channel.said() == [("a", "firing", ["acme"])]
    [alert] = found.alerts
    assert (alert.severity, alert.value, alert.unit) == ("warning", 6.0, "number")


DESCRIPTION = """
openapi: 3.1.0
paths:
  /v1/a: {get: {deprecated: true, x-sunset: 2026-11-10}}
  /v1/b: {get: {deprecated: true, x-sunset: 2026-11-10}}
  /v1/c: {get: {deprecated: true, x-sunset: 2027-06-01}}
  /v1/d: {get: {deprecated: true}}
  /v2/a: {get: {}}
"""


def test_a_check_tells_of_what_descriptions_call_deprecated(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(DESCRIPTION)
    paths = {"acme": "/v1/a", "b": "/v1/b", "later": "/v1/c", "never": "/v1/d", "well": "/v2/a"}
    calls = [line(0, name, path=path) for name, path in paths.items()]
    rules = rules_of("name: a, kind: deprecated, notify: [x]")

    def told(*declared: Deprecated) -> dict[str | None, float | None]:
        settings = Settings(openapi=(str(tmp_path / "api.yaml"),), deprecated=declared)
        store = stored(tmp_path, calls if not (tmp_path / "store").exists() else [], settings=settings)
        checked = check_window(ground_of(store, settings), rules, Window(STORED_NOON, STORED_NOON + HOUR))
        return {alert.group["account"]: alert.value for alert in checked.alerts}

    # From one o'clock on the third it is six days and some hours to the tenth.
    assert told() == {"acme": 6.0, "b": 6.0}
    # What apilens.yaml says of an endpoint goes before the description.
    assert told(Deprecated(endpoint="GET /v1/a", sunset="2026-11-20"), Deprecated(endpoint="GET /v1/b")) == {
        "acme": 16.0
    }


def test_without_a_sunset_only_responses_make_it_fire() -> None:
    rules = rules_of("name: a, kind: deprecated")

    assert doubts(rules, Settings()) == [
        "rules.yaml:2:1: a: fires only if responses say `Sunset`: nothing under `deprecated:` in apilens.yaml has a "
        "`sunset`, and no description of the API is named under `openapi:`"
    ]
    assert doubts(rules, Settings(openapi=("api.yaml",))) == []
    assert doubts(rules, Settings(deprecated=(Deprecated(api_version="v1", sunset="2027-01-01"),))) == []


@pytest.mark.parametrize(
    ("keys", "what"),
    [("window: 1h", "window: is a day at least"), ("least: 0", "least: is a number of requests"),
     ("ahead: soon", "ahead: `soon` is no duration"), ("window: soon", "window: `soon` is no duration")],
)  # fmt: skip
def test_mistakes_are_named(keys: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules_of(f"name: a, kind: deprecated, {keys}")

    assert what in caught.value.message.split("\n")[0]
