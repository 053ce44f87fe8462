"""`links:` of apilens.yaml: what is no link is said."""

from __future__ import annotations

import pytest

from apilens.link_settings import fields_of, link_problems, pieces_of


def test_a_template_is_text_and_columns_by_turns() -> None:
    assert list(pieces_of("https://x/{a}{b}/z")) == [("https://x/", "a"), ("", "b"), ("/z", None)]
    assert fields_of("https://x/{a}/{b}/{a}") == ("a", "b")


@pytest.mark.parametrize(
    ("name", "template", "problem"),
    [
        ("trace", "https://x/{trace_id}", None),
        ("plan", "https://x/{account.plan}/{tokens}", None),
        ("trace", "x/{trace_id}", "'x/{trace_id}' is no link: it begins with https:// or http://"),
        ("trace", "javascript:{path}", "'javascript:{path}' is no link: it begins with https:// or http://"),
        ("trace", "https://x/{trce_id}", "no column `trce_id` (did you mean `trace_id`?)"),
        ("trace", "https://x/{}", "no column ``"),
        ("a", "https://x/{a", "'https://x/{a' has a brace without its other; write one that is meant as %7B or %7D"),
        ("My Link", "https://x/", "a link is named in lower case, with letters, digits and `_`"),
    ],
)
def test_mistakes_are_named(name: str, template: str, problem: str | None) -> None:
    found = [what for _, what in link_problems({name: template}, {"tokens": "int"})]

    assert found == ([problem] if problem else [])
