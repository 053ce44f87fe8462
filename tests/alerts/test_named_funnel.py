"""Rules on a funnel that apilens.yaml saves under a name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apilens.accounts import accounts_of
from apilens.alerts.judging import VALUE, Asked, Judged, Moments
from apilens.alerts.rules import parse_rules
from apilens.config import Settings
from apilens.errors import ConfigError, UsageError
from apilens.funnel_settings import FunnelSettings
from apilens.schema import DTYPES
from tests.alerts.making import rules_of
from tests.alerts.test_kinds import DAY, HOUR, at, judged, values
from tests.event_frames import NOON, events_of

SETTINGS = Settings(
    funnels={
        "onboarding": FunnelSettings(steps=("POST /signup", "GET /profile", "POST /pay"), within="2h"),
        "registered": FunnelSettings(steps=("account.created_at", "GET /profile"), within="2d"),
    }
)


def call(hours: float, account: str, endpoint: str) -> dict[str, object]:
    method, path = endpoint.split(" ")
    return at(NOON - hours * HOUR, account=account, method=method, path=path, endpoint=endpoint)


def test_it_is_the_funnel_that_the_command_takes() -> None:
    [rule] = rules_of("name: a, kind: funnel, funnel: onboarding, window: 1d, under: 0.9, least: 2", SETTINGS).rules
    events = [
        *(call(5, name, "POST /signup") for name in ("acme", "late", "gone")),
        *(call(4, name, "GET /profile") for name in ("acme", "late", "gone")),
        # acme pays within the two hours, late after them.
        call(3.5, "acme", "POST /pay"), call(2.5, "late", "POST /pay"),
    ]  # fmt: skip

    assert rule.span() == DAY + 2 * HOUR
    assert rule.condition() == "conversion of onboarding to step 3 under 0.9"
    assert values(judged(rule, events), VALUE, "entities") == [(0.333333, 3.0)]


def test_what_the_rule_says_goes_before_what_is_saved() -> None:
    [rule] = rules_of(
        "name: a, kind: funnel, funnel: onboarding, window: 1d, under: 0.9, to: 2, within: 30m, least: 1", SETTINGS
    ).rules

    assert rule.span() == DAY + timedelta(minutes=30)
    assert values(judged(rule, [call(5, "acme", "POST /signup"), call(4, "acme", "GET /profile")]), VALUE) == [(0.0,)]


def test_registrations_of_accounts_are_a_step() -> None:
    [rule] = rules_of("name: a, kind: funnel, funnel: registered, window: 1d, under: 0.9, least: 1", SETTINGS).rules
    known = accounts_of({name: {"created_at": f"{NOON - 2.5 * DAY:%Y-%m-%dT%H:%M:%SZ}"} for name in ("acme", "idle")})

    def judge(**more: object) -> Judged:
        events = events_of([{**call(36, "acme", "GET /profile"), "line": 1}])
        return rule.judge(Asked(events=events, columns=DTYPES, moments=Moments(NOON, NOON, HOUR), **more))  # type: ignore[arg-type]

    assert values(judge(accounts=known), VALUE, "entities") == [(0.5, 2.0)]
    with pytest.raises(UsageError, match=r"step `account\.created_at` is about accounts"):
        judge()


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("steps: [GET /a, 'nonsense = 1']", "steps[1]: unknown column `nonsense`"),
        ("exclude: ['nonsense = 1']", "exclude[0]: unknown column `nonsense`"),
        ("hold: [user, session, method, status]", "hold: holds 3 columns constant at most"),
    ],
)
def test_what_a_rule_says_besides_the_funnel_that_it_names_is_checked(key: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules_of(f"name: a, kind: funnel, funnel: onboarding, window: 1d, under: 0.5, {key}", SETTINGS)

    assert f"rules[0].{what}" in caught.value.message


def test_a_name_that_apilens_yaml_does_not_have_is_a_mistake() -> None:
    text = b"rules:\n  - {name: a, kind: funnel, funnel: onbording, window: 1d, under: 0.5}\n"

    with pytest.raises(ConfigError) as caught:
        parse_rules(text, "rules.yaml", SETTINGS)

    assert caught.value.message == (
        "rules.yaml:2:29: rules[0].funnel: unknown funnel `onbording` (did you mean `onboarding`?)"
    )
