"""Secrets known by their shape (a JWT, `sk_live_…`, an e-mail address, a card number), anywhere in a text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import polars as pl

from apilens.config import RedactSettings
from apilens.enrich.secret_numbers import PREFILTER as NUMBERS
from apilens.enrich.secret_numbers import redact_numbers
from apilens.errors import ConfigError
from apilens.identity_rule import regex_problem

# What stands before a token that begins with letters, so that `disk-` is not `sk-`. An escape may end in a letter.
_START = r"(^|[^A-Za-z0-9]|%[0-9A-Fa-f]{2})"
_GAP = r"(?:[\s+:]|%20|%3[Aa])+"
# kind, what every match holds (a regex that is cheap to search for), the match; `${1}` in front of it is kept.
# Order matters where one shape holds another: a bearer token may be a JWT.
SHAPES: tuple[tuple[str, str, str], ...] = (
    ("private_key", r"PRIVATE", r"()-{5}BEGIN(?:[\s+]|%20)(?s:[A-Z0-9 +%]*)PRIVATE(?:[\s+]|%20)KEY(?s:.*)"),
    ("userinfo", r"://", r"(://)[^/?#\s\"'<>]*@"),
    (
        "bearer",
        r"(?i:bearer)",
        rf"{_START}(?i:bearer){_GAP}(?:[a-z]*[A-Z0-9._~/=-][A-Za-z0-9._~+/=%-]{{4,}}|[a-z]{{16,}})",
    ),
    ("basic", r"(?i:basic)", rf"{_START}(?i:basic){_GAP}[a-z]*[A-Z0-9/=][A-Za-z0-9+/=_%-]{{3,}}"),
    ("jwt", r"eyJ", r"()eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*"),
    (
        "stripe",
        r"[spr]k_|whsec_",
        rf"{_START}(?:[spr]k_(?:live|test)_[A-Za-z0-9]{{4,}}|whsec_[A-Za-z0-9+/=]{{8,}})",
    ),
    ("github", r"gh[pousr]_|github_pat_", rf"{_START}(?:gh[pousr]_[A-Za-z0-9]{{16,}}|github_pat_[A-Za-z0-9_]{{16,}})"),
    ("gitlab", r"glpat-", r"()glpat-[A-Za-z0-9_.-]{10,}"),
    ("slack", r"xox", rf"{_START}xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{{8,}}"),
    ("aws", r"AKIA|ASIA", rf"{_START}(?:AKIA|ASIA)[A-Z0-9]{{16,}}"),
    ("google", r"AIza", r"()AIza[A-Za-z0-9_-]{20,}"),
    ("sendgrid", r"SG\.", rf"{_START}SG\.[A-Za-z0-9_-]{{8,}}(?:\.[A-Za-z0-9_-]*)*"),
    (
        "openai",
        r"sk-",
        rf"{_START}sk-(?:(?:proj|svcacct|admin|ant|or|live|test)[A-Za-z0-9]*-[A-Za-z0-9_-]{{8,}}"
        r"|[a-z_]*[A-Z0-9][A-Za-z0-9_]{10,}[A-Za-z0-9_-]*)",
    ),
    ("npm", r"npm_", rf"{_START}npm_[A-Za-z0-9]{{16,}}"),
    # `logo@2x.png` is no address, `bob@163.com` is one.
    (
        "email",
        r"@|%40",
        r"""()[^\s/?&=;,:<>"'()\[\]{}|@]+(?:@|%40)(?:[\p{L}][\p{L}0-9-]*|[0-9][0-9-][\p{L}0-9-]*"""
        r"""|[0-9][A-WYZa-wyz][\p{L}0-9-]*)(?:\.[\p{L}0-9-]+)*\.[\p{L}]{2,}""",
    ),
)
# An honest client never escapes letters, digits or `_-.~`; one that does can hide `%70assword` or `sk%5Flive_`.
ESCAPED = r"%(?:2[DEde]|3[0-9]|4[1-9A-Fa-f]|5[0-9AFaf]|6[1-9A-Fa-f]|7[0-9AEae])"
_PLAIN = {
    spelling: chr(code)
    for code in range(33, 127)
    if chr(code).isalnum() or chr(code) in "-_.~"
    for spelling in (f"%{code:02X}", f"%{code:02x}")
}

Change = Callable[[pl.Series], pl.Series]


def change_where(values: pl.Series, hit: pl.Series, change: Change) -> pl.Series:
    """Return values with change(values) where `hit` is true: the way not to run a dear expression on every row."""
    rows = hit.fill_null(False).arg_true()
    return values.clone().scatter(rows, change(values.gather(rows))) if rows.len() else values


def redact_shapes(values: pl.Series, settings: RedactSettings, *, keep_email: bool = False) -> pl.Series:
    """Return texts in which every part of a secret shape is `[R:kind]`, escaped spellings too; null stays null.

    One search over all texts finds the few that may hold something. Raises ConfigError for a shape of the settings
    that is no regular expression.
    """
    may_hold = values.str.contains(prefilter(settings))
    return change_where(values, may_hold, lambda texts: _unescaped(texts, settings, keep_email))


def prefilter(settings: RedactSettings) -> str:
    """Return one regex that finds every text in which redact_shapes would change something, and few others."""
    hints = [hint for _, hint, _ in SHAPES]
    return "|".join([*hints, NUMBERS, ESCAPED, *(f"(?:{shape})" for shape in user_shapes(settings))])


@lru_cache(maxsize=64)
def user_shapes(settings: RedactSettings) -> tuple[str, ...]:
    """Return the shapes of the settings. Raises ConfigError for the first that Polars' engine does not compile."""
    for shape in settings.shapes:
        if problem := regex_problem(shape):
            raise ConfigError(f"redact.shapes: {shape!r} {problem}")
    return settings.shapes


def _unescaped(texts: pl.Series, settings: RedactSettings, keep_email: bool) -> pl.Series:
    plain = change_where(texts, texts.str.contains(ESCAPED), lambda some: some.str.replace_many(_PLAIN))
    redacted = _redact(plain, settings, keep_email)
    # A text without secrets stays as it was logged, escapes and all.
    return change_where(texts, redacted != plain, lambda _: redacted.filter(redacted != plain))


def _redact(texts: pl.Series, settings: RedactSettings, keep_email: bool) -> pl.Series:
    for kind, hint, shape in SHAPES:
        if kind == "email" and keep_email:
            continue
        replacement = f"${{1}}[R:{kind}]" + ("@" if kind == "userinfo" else "")

        def replace(some: pl.Series, shape: str = shape, replacement: str = replacement) -> pl.Series:
            return some.str.replace_all(shape, replacement)

        texts = change_where(texts, texts.str.contains(hint), replace)
    texts = change_where(texts, texts.str.contains(NUMBERS), redact_numbers)
    for shape in user_shapes(settings):
        texts = texts.str.replace_all(shape, "[R:shape]")
    return texts
