"""Which segments of a path are ids, and the path with `{id}` in their place.

An id is: a number, or numbers joined by `- , _ :` (dates, order numbers, lists) · a UUID, a ULID, 16 or more
hexadecimal digits, each with a word before it or not (`user-550e8400-…`) · a prefixed id (`cus_9s6XKzkNRiz8i3`,
`acct_522`, `ord-1234`, `PROJ-7`, `order12345`) · letters and digits mixed, with two groups of digits (`dQw4w9WgXcQ`) ·
20 or more letters and digits that no word is made of · a date with time, an IPv4 address, coordinates · an e-mail
address · what was redacted (`[R:…]`) · a placeholder that a client forgot to fill (`{user_id}`, `%7Bid%7D`, `:id`).
Everything else stays: words, slugs, file names, versions (`v1`, `v2.1`, `v1beta1`; a date right at the start of the
path or behind `/api`). What follows an id stays too: `/invoices/{id}.pdf`, `/jobs/{id}:cancel`. Matrix parameters
(`;jsessionid=…`) and slashes at the end are no part of an endpoint.
"""

from __future__ import annotations

import polars as pl

from apilens.enrich.mapping import map_distinct

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


def _with_digit(length: int) -> str:
    """Return a regex for at least `length` letters and digits, one of them a digit (the engine has no look-ahead)."""
    by_first_digit = [f"[A-Za-z]{{{at}}}[0-9][0-9A-Za-z]{{{length - 1 - at},}}" for at in range(length)]
    return "|".join([*by_first_digit, f"[A-Za-z]{{{length},}}[0-9][0-9A-Za-z]*"])


# Nearly all ids are one of these two, so a first pass over all paths looks for nothing else.
_PLAIN = rf"/(?:[0-9]+|{_UUID})/"
# Whatever can hold another id after that pass. It may hit too often, never too seldom.
_SUSPECT = (
    r"[0-9][^/]*[0-9]|/-?[0-9]|_[0-9]|[A-Z]-[0-9]|_[0-9A-Za-z]{10}|[0-9A-Za-z_~-]{16}|@|%40|%7[Bb]|\[R:|/:|;|"
    r"\{(?:[^i/]|i[^d/]|id[^}/])"
)

_SHAPES = "|".join(
    [
        r"-?[0-9]+(?:[-,_:][0-9]+)*",
        rf"(?:[A-Za-z]{{1,12}}[-_])?(?:{_UUID}|[0-9a-fA-F]{{16,}})",
        r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}",
        rf"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z]+)*_(?:[0-9]+|{_with_digit(10)})",
        r"[A-Za-z]{1,12}-[0-9]{3,}|[A-Z][A-Z0-9]{0,9}-[0-9]+|[A-Za-z]{1,12}[0-9]{5,}|[0-9]{5,}[A-Za-z]{1,12}",
        r"[A-Za-z]*[0-9]+[A-Za-z]+[0-9]+[0-9A-Za-z]*",
    ]
)
_WHOLE = "|".join(
    [
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T_+ ]|%20)(?:[0-9:.Z+-]|%3[Aa])+",
        r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}",
        r"-?[0-9]+\.[0-9]+,-?[0-9]+\.[0-9]+",
        r"[^/]+(?:@|%40)[A-Za-z][^/]*\.[A-Za-z]{2,}",
        r"[^/]*\[R:[^/]*",
        r"\{[^/]*\}|%7[Bb][^/]*%7[Dd]|:[A-Za-z_]+",
    ]
)
_ID = rf"/(?:{_SHAPES}|{_WHOLE})/"
_ID_WITH_SUFFIX = rf"/(?:{_SHAPES})(\.[A-Za-z][0-9A-Za-z]{{0,4}}|:[A-Za-z]+)/"

# Versions that look like ids, and long segments, get a mark that no log line holds: the engine cannot say "but not".
_KEPT, _LONG = "\x1e", "\x1d"
_BETA = r"/([vV][0-9]+(?:p[0-9]+)?(?:alpha|beta|rc)[0-9]*)/"
_DATED = r"(^/|/api/)/(20[0-9]{2}-[0-9]{2}(?:-[0-9]{2})?)/"
_TOKEN = r"/([0-9A-Za-z_~-]{20,}=*)/"
# No word has these: a digit before a letter (unless in a slug, which has no capitals), three digits behind
# letters, a small letter alone between capitals.
_RANDOM = "|".join(
    [
        rf"/{_LONG}[0-9A-Za-z]*[0-9][A-Za-z][0-9A-Za-z]*=*/",
        rf"/{_LONG}[A-Za-z]+[0-9]{{3,}}=*/",
        rf"/{_LONG}[^/]*[A-Z][^/]*[0-9][A-Za-z][^/]*/",
        rf"/{_LONG}[^/]*[0-9][A-Za-z][^/]*[A-Z][^/]*/",
        rf"/{_LONG}[^/]*[A-Z][a-z][A-Z][^/]*/",
    ]
)


def template(paths: pl.Series) -> pl.Series:
    """Return each path with `{id}` for every id, without slashes at its end; the root stays `/`, null stays null."""
    path = pl.col("path")
    ended = pl.concat_str(path.str.strip_chars_end("/"), pl.lit("/"))
    # With a slash at the end every segment has one on both sides: no captures, which would cost four times as much.
    found = pl.DataFrame({"path": paths}).select(ended.str.replace_all(_PLAIN, "/{id}/")).to_series()
    suspects = found.str.contains(_SUSPECT).fill_null(False).arg_true()
    if suspects.len():
        found = found.scatter(suspects, map_distinct(found.gather(suspects), _thorough))
    bare = found.str.strip_suffix("/").alias("path")
    # Looking for the root first is cheap, and most logs have few calls of it.
    is_root = (bare == "").fill_null(False)
    return bare.set(is_root, "/") if is_root.any() else bare


def _thorough(paths: pl.Series) -> pl.Series:
    """Return paths (with a slash at their end) with every kind of id replaced."""
    found = paths.str.replace_all(r";[^/]*", "")
    # Neighbours share the slash between them, and a match takes it away from the next: give each segment its own two.
    found = found.str.replace_all("/", "//", literal=True)
    found = found.str.replace_all(_BETA, f"/{_KEPT}${{1}}/").str.replace_all(_DATED, f"${{1}}/{_KEPT}${{2}}/")
    found = found.str.replace_all(_ID, "/{id}/").str.replace_all(_ID_WITH_SUFFIX, "/{id}${1}/")
    found = found.str.replace_all(_TOKEN, f"/{_LONG}${{1}}/").str.replace_all(_RANDOM, "/{id}/")
    return found.str.replace_all(f"[{_KEPT}{_LONG}]", "").str.replace_all("//", "/", literal=True)
