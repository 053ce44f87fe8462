"""Commands as a reader would write them, to be pasted into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

# What a shell looks into between double quotes.
_LIVELY = set('"$`\\!')


def quoted_word(word: str) -> str:
    """Return a word for a shell: in double quotes where it has single ones, as conditions do, if it can stand there."""
    return f'"{word}"' if "'" in word and not set(word) & _LIVELY else shlex.quote(word)


def shell_line(words: Iterable[str]) -> str:
    """Return words as one line for a shell."""
    return " ".join(map(quoted_word, words))
