"""Names whose values are secrets (`access_token`, `X-Amz-Signature`, `apiKey`), and `name=value` pairs in free text."""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl

from apilens.config import RedactSettings

# A name is secret when one of these is a word of it. Plurals are left out on purpose: `max_tokens` is a number of them.
WORDS = (
    "token", "secret", "password", "passwd", "passw", "pwd", "passphrase", "credential", "credentials", "signature",
    "authorization", "cookie", "session", "jwt", "bearer", "otp", "csrf", "xsrf", "assertion", "auth", "sig", "sid",
    "pin", "ssn", "cvv", "ccv", "cvc", "card", "cardnumber", "email", "phone", "iban", "dob", "apikey", "privatekey",
    "api_key", "private_key", "access_key", "secret_key", "account_key", "e_mail", "access_key_id",
)  # fmt: skip
# Words written as one: `jsessionid`, `accesstoken`, `awsaccesskeyid`.
ENDINGS = (
    "token", "secret", "password", "passwd", "passphrase", "apikey", "secretkey", "accesskey", "accesskeyid",
    "privatekey", "sessionid", "sessid", "signature", "cardnumber",
)  # fmt: skip
# Too common inside longer names (`sort_key`) to be secret there.
WHOLE = ("key",)
PREFIXES = ("x_amz", "x_goog", "x_ms")
# Numbers and booleans are no secrets (`token=200`), except as the value of these.
NUMERIC = ("pin", "cvv", "ccv", "cvc", "card", "cardnumber", "ssn", "otp", "iban", "phone", "dob", "sid")

# Every ASCII character as `%41`, in both cases.
_ESCAPES = {spelling: chr(code) for code in range(33, 127) for spelling in (f"%{code:02X}", f"%{code:02x}")}

# A name may spell its characters as escapes, but not `=`, `&`, `?`, `/` and the like, which end it.
_NAME = r"(?:[\p{L}\p{N}_.\-\[\]$]|%(?:[4-9A-Fa-f][0-9A-Fa-f]|2[DdEe]|3[0-9]))+"
_NAME_PIECE = rf"""["']?{_NAME}["']?\s*(?:[=:]|%3[AaDd])\s*"""
_DELIMITER = r"""%(?:2[267Cc]|3[BbFf])|[\s&;,"'<>/?]"""
# Every text is a row of such pieces: what was redacted before · a name with its `=` or `:` · a quoted string ·
# a delimiter · what is left: a value, or a part of one.
_PIECES = rf"""\[R:\w+\]|{_NAME_PIECE}|"(?:[^"\\]|\\.)*"|'[^']*'|{_DELIMITER}|{_NAME}|(?s:.)"""
_HARMLESS = r"""^["']?(?:-?[0-9.]+|true|false|null)["']?$"""
_HEADERS = r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*:\s*)[^\r\n]*"


def decode(names: pl.Series) -> pl.Series:
    """Return the texts with the percent escapes of ASCII characters decoded once."""
    return names.str.replace_many(_ESCAPES)


def words(names: pl.Series) -> pl.Series:
    """Return names as lower-case words joined by `_`: `X-Api-Key`, `xApiKey` and `x.api%5Fkey` all give `x_api_key`."""
    return (
        decode(names)
        .str.replace_all(r"([\p{Ll}\p{N}])(\p{Lu})", "${1}_${2}")
        .str.replace_all(r"(\p{Lu})(\p{Lu}\p{Ll})", "${1}_${2}")
        .str.to_lowercase()
        .str.replace_all(r"[^\p{L}\p{N}]+", "_")
        .str.strip_chars("_")
    )


def is_secret_name(names: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return true for each name whose value is a secret; settings add names and allow some."""
    secret, _, allowed = _patterns(settings)
    normal = words(names)
    return normal.str.contains(secret) & ~normal.is_in(allowed)


def keeps_numbers_secret(names: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return true for each secret name that hides numbers too: `pin`, `cvv`, and names that settings add."""
    _, numeric, allowed = _patterns(settings)
    normal = words(names)
    return normal.str.contains(numeric) & ~normal.is_in(allowed)


@lru_cache(maxsize=64)
def _patterns(settings: RedactSettings) -> tuple[str, str, tuple[str, ...]]:
    added = tuple(re.escape(name) for name in words(pl.Series(settings.names, dtype=pl.String)) if name)
    any_word = "|".join((*WORDS, *added))
    whole, prefix = "|".join(WHOLE), "|".join(PREFIXES)
    secret = rf"(?:^|_)(?:{any_word})(?:_|$)|(?:{'|'.join(ENDINGS)})$|^(?:{whole})$|^(?:{prefix})(?:_|$)"
    numeric = rf"(?:^|_)(?:{'|'.join((*NUMERIC, *added))})(?:_|$)"
    return secret, numeric, tuple(words(pl.Series(settings.allow, dtype=pl.String)))


def redact_named(texts: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return texts in which the values of secret names are `[R:secret]`: `token=x`, `"password":"x"`, `Cookie: x`.

    Numbers and booleans stay, except under names such as `pin`. Costs about 5 µs per text: give it the few that
    contain `=`, `:` or their escapes.
    """
    pieces = (
        pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "piece": texts.str.extract_all(_PIECES)})
        .filter(pl.col("piece").list.len() > 0)
        .explode("piece")
        .with_row_index("at")
    )
    is_name = pieces["piece"].str.contains(r"(?:[=:]|%3[AaDd])\s*$")
    names = pieces.filter(is_name)["piece"].str.replace(r"""["']?\s*(?:[=:]|%3[AaDd])\s*$""", "")
    at = is_name.arg_true()
    none = pl.repeat(False, pieces.height, eager=True)
    piece = pl.col("piece")
    pieces = pieces.with_columns(
        none.clone().scatter(at, is_secret_name(names, settings)).alias("secret"),
        none.clone().scatter(at, keeps_numbers_secret(names, settings)).alias("numeric"),
        # A value ends at a delimiter, with its quotes, and with its text.
        (
            piece.str.contains(f"^(?:{_DELIMITER})$")
            | piece.shift(1).str.contains(r"""^["'].*["']$""")
            | (pl.col("row") != pl.col("row").shift(1))
        ).alias("begins"),
    )
    # All between a secret name and the end of its value goes: base64 may hold further `=`.
    begun = pl.when("begins").then("at").forward_fill().fill_null(0)
    named = pl.when("secret").then("at").forward_fill().shift(1)
    after_name = pl.col("secret").shift(1, fill_value=False) & ~pl.col("begins")
    harmless = after_name & piece.str.contains(_HARMLESS) & ~pl.col("numeric").shift(1, fill_value=False)
    hidden = (named >= begun) & ~harmless & ~piece.str.starts_with("[R:") & (pl.col("at") > 0)
    joined = (
        pieces.with_columns(piece=pl.when(hidden).then(pl.lit("[R:secret]")).otherwise(piece))
        .group_by("row", maintain_order=True)
        .agg(piece.str.join(""))
    )
    made = texts.clone().scatter(joined["row"], joined["piece"])
    return made.str.replace_all(r"(?:\[R:secret\])+", "[R:secret]").str.replace_all(_HEADERS, "${1}${2}[R:secret]")
