"""What `deprecated:` may say, and every mistake with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from apilens.config import load
from apilens.errors import ConfigError, UsageError
from apilens.things import recognised, thing_of


def written(folder: Path, text: str) -> Path:
    path = folder / "apilens.yaml"
    path.write_text(text)
    return path


def test_each_kind_of_thing(tmp_path: Path) -> None:
    text = """
deprecated:
  - {endpoint: 'GET /v1/*', since: 2026-01-01, sunset: 2026-12-31T18:00+02:00, replacement: 'GET /v2/*'}
  - {endpoint: '/v0/users/{id}'}
  - {api_version: v1}
  - {sdk: acme-python, below: '2.0'}
  - {field: user.id}
"""
    things = [item.thing for item in load(written(tmp_path, text)).deprecated]

    assert [thing.name for thing in things] == [
        "GET /v1/*", "* /v0/users/{id}", "v1", "acme-python<2.0", "field:user.id"
    ]  # fmt: skip
    assert things[0].since == datetime(2026, 1, 1, tzinfo=UTC)
    assert things[0].sunset == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert [thing.replaced is not None for thing in things] == [True, False, True, True, False]


def test_all_mistakes_come_with_their_lines(tmp_path: Path) -> None:
    text = """deprecated:
  - {since: 2026-01-01}
  - {endpoint: GET /v1/*, api_version: v1}
  - {endpoint: GET v1}
  - {endpoint: GET /a, below: '2.0'}
  - {sdk: acme, below: two}
  - {api_version: v1, since: 2026-02-01, sunset: 2026-01-01}
  - endpoint: GET /b
    sunset: soon
    replacement: b
  - {field: 'a b'}
  - {sdk: acme, bellow: '2.0'}
  - {endpoint: GET /c}
  - {endpoint: GET /c}
"""
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)

    assert [line.removeprefix(f"{path}:") for line in caught.value.message.split("\n")] == [
        "2: deprecated[0]: names one of endpoint, api_version, sdk, field",
        "3: deprecated[1]: names one of endpoint, api_version, sdk, field, not endpoint and api_version",
        "4: deprecated[2].endpoint: 'GET v1' is no endpoint",
        "5: deprecated[3].below: goes with `sdk: NAME`",
        "6: deprecated[4].below: --sdk 'acme<two': 'two' is no version",
        "7: deprecated[5].sunset: comes before `since`",
        "9: deprecated[6].sunset: 'soon' is no date: 2026-12-31, or 2026-12-31T18:00Z",
        "10: deprecated[6].replacement: 'b' is no endpoint",
        "11: deprecated[7].field: 'a b' is no field",
        "12: deprecated[8].bellow: unknown key (did you mean `below`?)",
        "14: deprecated[10]: GET /c is declared before",
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("GET /v1/*", "endpoint"), ("/v1/users/{id}", "endpoint"), ("* /v1/*", "endpoint"), ("v1", "api_version"),
        ("V2.1beta", "api_version"), ("2024-01-31", "api_version"), ("acme-python<2.0", "sdk"), ("curl", "sdk"),
        ("field:user.id", "field"), ("version", "sdk"),
    ],
)  # fmt: skip
def test_what_a_text_names_is_recognised(text: str, kind: str) -> None:
    assert recognised(text) == kind
    assert thing_of(kind, text).kind == kind


@pytest.mark.parametrize(
    ("kind", "text"),
    [("endpoint", "v1"), ("sdk", "a,b"), ("sdk", "!a"), ("api_version", ""), ("field", "field:"), ("field", "a'b")],
)
def test_what_names_nothing_is_refused(kind: str, text: str) -> None:
    with pytest.raises(UsageError):
        thing_of(kind, text)
