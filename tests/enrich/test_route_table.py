"""Paths against templates: by example, and against an oracle that tries one template after the other."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.enrich.route_table import RouteTable

TEMPLATES = (
    "/users/{user_id}", "/users/me", "/users/{user_id}/orders", "/files/{name}.json", "/files/{name}",
    "/jobs/{id}:cancel", "/static/*", "/a/b/{x}", "/a/{y}/c", "/",
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/users/7", "/users/{user_id}"),
        ("/users/me", "/users/me"),
        ("/users/7/", "/users/{user_id}"),
        ("/users/orders/orders", "/users/{user_id}/orders"),
        ("/files/a.json", "/files/{name}.json"),
        ("/files/.json", "/files/{name}"),
        ("/jobs/9:cancel", "/jobs/{id}:cancel"),
        ("/static/js/app.js", "/static/*"),
        ("/a/b/c", "/a/b/{x}"),
        ("/a/z/c", "/a/{y}/c"),
        ("/", "/"),
        ("*", None),
        ("/users", None),
        ("/Users/7", None),
        ("/users/7/orders/8", None),
    ],
)
def test_the_most_literal_template_wins(path: str, template: str | None) -> None:
    assert RouteTable(TEMPLATES).find(path) == template


def test_descriptions_go_before_settings() -> None:
    table = RouteTable(["/genre/{name}"], ["/genre/rock", "/other/{x}"])
    assert table.match(pl.Series(["/genre/rock", "/other/1", None])).to_list() == ["/genre/{name}", "/other/{x}", None]


def matches(template: str, path: str) -> bool:
    pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template.rstrip("/")))
    return bool(re.fullmatch(pattern, path.rstrip("/")))


WORD = st.sampled_from(["a", "b", "c", "d.json", "e:x"])
PART = st.sampled_from(["a", "b", "c", "{p}", "{q}.json", "{r}:x"])


@settings(max_examples=300)
@given(st.lists(st.lists(PART, min_size=1, max_size=3), max_size=8), st.lists(WORD, min_size=1, max_size=3))
def test_it_finds_a_template_exactly_when_one_matches(templates: list[list[str]], words: list[str]) -> None:
    known = ["/" + "/".join(parts) for parts in templates]
    path = "/" + "/".join(words)
    found = RouteTable(known).find(path)
    fitting = [template for template in known if matches(template, path)]
    assert found in fitting if fitting else found is None
