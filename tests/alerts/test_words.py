"""A message in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apilens.alerts import words
from tests.alerts.messages import SINCE, alert, message


def test_a_title_says_what_happens_to_whom() -> None:
    assert words.title(message()) == "[critical] expired-tokens fires: initech"
    assert words.title(message(reason="repeat")) == "[critical] expired-tokens still fires: initech"
    assert (
        words.title(message(alert("a"), alert("b"), reason="resolved"))
        == "[critical] expired-tokens is over for 2 groups"
    )
    assert words.title(message(alert(group={}), reason="no_data")) == "[critical] expired-tokens cannot be judged"


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [("count", 1515.0, "1,515"), ("ratio", 0.118, "11.8 %"), ("ms", 212.0, "212 ms"), ("odd", 3.5, "3.50")],
)
def test_a_line_has_the_number_in_its_unit_and_the_condition(unit: str, value: float, shown: str) -> None:
    line = words.line(alert(unit=unit, value=value, condition="x > 1"))

    assert line == f"initech: {shown} (x > 1), since 2026-11-22 14:00 UTC"


def test_a_line_says_what_was_measured_and_what_it_is_compared_with() -> None:
    told = alert(reading="requests 515, at least 100")

    assert words.line(told) == "initech: requests 515, at least 100, since 2026-11-22 14:00 UTC"


def test_a_line_says_what_its_rule_says_and_when_it_ended() -> None:
    told = alert(description="515 expired tokens", until=SINCE + timedelta(hours=1))

    assert words.line(told) == "initech: 515 expired tokens, 2026-11-22 14:00 to 2026-11-22 15:00 UTC"


def test_a_group_that_the_rule_names_is_not_named_twice() -> None:
    said = "initech: 515 × 401"

    assert words.line(alert(description=said)) == "initech: 515 × 401, since 2026-11-22 14:00 UTC"
    assert words.line(alert(description=said, claimed=True)).startswith("initech (claimed): initech: 515")
    assert words.line(alert(group={"account": "initech", "endpoint": "GET /"}, description=said)).startswith(
        "initech, GET /"
    )
    assert words.line(alert("5", description="515 × 401")).startswith("5: 515")
    assert words.line(alert(None, description="515 × 401")).startswith("(unattributed): 515")


def test_accounts_that_were_not_verified_are_claimed_and_nobody_is_unattributed() -> None:
    assert words.group(alert(claimed=True)) == "initech (claimed)"
    assert words.group(alert(None)) == "(unattributed)"
    assert words.line(alert(group={}, description="all is lost")) == "all is lost, since 2026-11-22 14:00 UTC"


def test_twenty_groups_are_shown_and_the_others_counted() -> None:
    told = message(*(alert(f"a{n}") for n in range(1000)))

    lines = words.lines(told)
    assert len(lines) == 21
    assert lines[-1] == "and 980 more"
    assert words.lines(message(*told.alerts[:20]))[-1].startswith("a19:")


def test_behind_them_come_notes_the_command_and_links_of_the_first() -> None:
    told = message(alert(links={"Kibana": "https://kibana.example/?q=initech"}), alert("b"), notes=("late events",))

    assert words.more(told) == [
        "late events", "try: apilens report --account initech", "Kibana: https://kibana.example/?q=initech"
    ]  # fmt: skip
