"""What a rejected line may leave behind: its shape, with nothing of its values."""

from __future__ import annotations

import polars as pl

from apilens.config import RedactSettings

SHAPE_CHARACTERS = 200

# The only words that survive, because they are the same in every log. Longer ones first: they win.
_WORDS = (
    "authorization", "access_token", "signature", "password", "api_key", "session", "apikey", "cookie", "secret",
    "token", "email", "auth", "code", "user", "key", "pwd", "sig", "id",
)  # fmt: skip
_CONSTANTS = ("HTTP/", "OPTIONS ", "DELETE ", "PATCH ", "POST ", "HEAD ", "GET ", "PUT ", "://")
# While letters and digits are replaced, what stays is a private character, which no input can hold by then.
_HIDDEN_NAMES = {f"{word}=": chr(0xE000 + at) for at, word in enumerate(_WORDS)}
_HIDDEN_CONSTANTS = {text: chr(0xE100 + at) for at, text in enumerate(_CONSTANTS)}
_HIDDEN_VALUE = "\ue200"
_SHOWN = {hidden: text for text, hidden in {**_HIDDEN_NAMES, **_HIDDEN_CONSTANTS, "[R]": _HIDDEN_VALUE}.items()}


def reject_shape(texts: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return the shape of each line, at most 200 characters: letters as `a`, digits as `9`, all else as it is.

    Runs of letters become one `a`, runs of digits at most four `9`. Words that say nothing (`GET`, `HTTP/`) stay, and
    so do a few usual names before `=`, their value as `[R]`. Nothing is left for settings to hide.
    """
    return (
        texts.str.slice(0, 4 * SHAPE_CHARACTERS)
        .str.replace_all(r"[^\x20-\x7e]", "?")
        .str.replace_many(_HIDDEN_NAMES, ascii_case_insensitive=True, leftmost=True)
        .str.replace_all('([\ue000-\ue0ff])[^&\\s"]*', f"${{1}}{_HIDDEN_VALUE}")
        .str.replace_many(_HIDDEN_CONSTANTS)
        .str.replace_all("[A-Za-z]+", "a")
        .str.replace_all("[0-9]", "9")
        .str.replace_all("9{4,}", "9999")
        # Letters and digits mixed are one word: an id, or a secret.
        .str.replace_all("(?:a9+|9+a)[a9]*", "x")
        .str.replace_many(_SHOWN)
        .str.slice(0, SHAPE_CHARACTERS)
    )
