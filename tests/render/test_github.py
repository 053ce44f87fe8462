"""Annotations as GitHub's runner reads them: what stands in a text cannot become a command or a property."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apilens.render import RENDERERS, Style
from apilens.render.github import annotation
from apilens.result import Finding, Result


def read(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as the runner does: `::name key=value,…::text`, escapes undone last."""
    head, text = line.removeprefix("::").split("::", 1)
    level, _, given = head.partition(" ")
    pairs = [pair.split("=", 1) for pair in given.split(",") if pair]
    return level, {name: undone(value, properties=True) for name, value in pairs}, undone(text)


def undone(text: str, *, properties: bool = False) -> str:
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), *((("%3A", ":"), ("%2C", ",")) if properties else ())):
        text = text.replace(escape, character)
    return text.replace("%25", "%")


def test_where_a_finding_is_and_what_it_says() -> None:
    made = annotation("error", "50 % of\nrequests: lost, all", title="a: b, c", file="openapi.yaml", line=3)

    assert made == "::error file=openapi.yaml,line=3,title=a%3A b%2C c::50 %25 of%0Arequests: lost, all"
    assert annotation("notice", "fine") == "::notice::fine"


PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("é☃\n"))


@given(PRINTABLE, PRINTABLE)
def test_whatever_stands_in_it_is_read_back_as_it_was(text: str, title: str) -> None:
    made = annotation("warning", text, title=title)

    assert "\n" not in made
    assert read(made) == ("warning", {"title": title} if title else {}, text)


def test_an_annotation_per_finding_or_one_notice() -> None:
    found = Result("x", "Title", (), header=("one",), notes=("two",), findings=(Finding("error", "t", "\x1b[31mbad"),))
    none = Result("x", "Title", (), header=("one",), notes=("::error::two",))

    assert RENDERERS["github"](found, Style()) == "::error title=t::\\x1b[31mbad\n"
    assert RENDERERS["github"](none, Style()) == "::notice title=Title::one%0A::error::two\n"
