"""Commands that are shown are those that a shell runs."""

from __future__ import annotations

import shlex
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from apilens.shell import quoted_word, shell_line

WORDS = [
    "plain",
    "a b",
    "",
    "it's",
    'say "x"',
    "account = 'acme'",
    "$HOME 'x'",
    "`id` 'x'",
    "a\\b 'x'",
    "hey! 'x'",
    "x\n'y'",
]


def test_single_quotes_stand_in_double_ones_where_nothing_is_looked_into() -> None:
    assert [quoted_word(word) for word in ("a", "a b", "a = 'b'", "a = '$b'")] == [
        "a", "'a b'", """"a = 'b'\"""", """'a = '"'"'$b'"'"''""",
    ]  # fmt: skip


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_a_line_falls_apart_into_its_words(words: list[str]) -> None:
    assert shlex.split(shell_line(words)) == words


def test_bash_reads_the_words() -> None:
    done = subprocess.run(["bash", "-c", shell_line(["printf", r"%s\0", *WORDS])], capture_output=True, text=True)

    assert done.stdout.split("\0")[:-1] == WORDS
