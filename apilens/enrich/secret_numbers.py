"""Payment cards, bank accounts (IBAN) and US social security numbers in text, told from ids by their check digits."""

from __future__ import annotations

import polars as pl

# Only numbers that a card network issues: a tenth of all ids pass the check digit, and ids of 16–19 digits are common.
_CARD = (
    r"^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12,15}|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12,15}"
    r"|(?:50|5[6-9]|6\d)\d{11,17})$"
)
_SSN = r"^(?:00[1-9]|0[1-9]\d|[1-578]\d\d|6[0-57-9]\d|66[0-57-9])-(?:0[1-9]|[1-9]\d)-\d{4}$"
# Length of an IBAN by country, from the SWIFT registry.
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
# Letters of countries in either case: of random ids, such as CloudFront's, any two letters would hit a third. By first
# letter, which halves the time.
_COUNTRIES = "|".join(
    f"[{first}{first.lower()}][{(seconds := ''.join(code[1] for code in _IBAN_LENGTHS if code[0] == first))}"
    f"{seconds.lower()}]"
    for first in sorted({code[0] for code in _IBAN_LENGTHS})
)
_SPACED = (
    r"[0-9]{13}|[0-9]{4}(?:[-+ ]|%20)[0-9]{4,6}(?:[-+ ]|%20)[0-9]{4}|[0-9]{3}-[0-9]{2}-[0-9]{4}"
    r"|[A-Z]{2}[0-9]{2}(?:[-+ ]|%20)[A-Z0-9]{4}(?:[-+ ]|%20)"
)
# Cheap and never wrong about a "no": what any such number needs. No word boundaries: they cost three times as much. Of
# an IBAN only the beginning: in random ids, what may be the rest of one overlaps, and takes four times as long.
PREFILTER = rf"{_SPACED}|(?:{_COUNTRIES})[0-9]{{2}}"
# The first beginning of an IBAN in a word is followed by more of it than any other.
_IBAN_LIKE = rf"(?:{_COUNTRIES})[0-9]{{2}}[A-Za-z0-9]{{0,11}}"
_IBAN = r"^[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,30}$"
_GAP = r"(?:[-+ ]|%20)"
# Pieces of a text. A number must be a piece of its own: digits inside a UUID, hex id or word are none, nor are the
# digits of a percent escape, which is why those come first.
_PIECES = (
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|%[0-9A-Fa-f]{2}"
    rf"|[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{1,7}}|[0-9]{{4}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{4,5}}"
    rf"|[A-Z]{{2}}[0-9]{{2}}(?:{_GAP}[A-Z0-9]{{4}}){{2,7}}(?:{_GAP}[A-Z0-9]{{1,3}})?"
    r"|[0-9]*[A-Za-z][0-9A-Za-z]*|[0-9]{13,}|[0-9]+(?:-[0-9]+)*|[^0-9A-Za-z%]+|%"
)
# ISO 13616: A is 10, Z is 35.
_LETTERS = {chr(code): str(code - 55) for code in range(65, 91)}


def redact_numbers(texts: pl.Series) -> pl.Series:
    """Return texts with card numbers (Luhn), IBANs (mod 97) and SSNs replaced by `[R:card]`, `[R:iban]`, `[R:ssn]`.

    Meant for the few texts that PREFILTER hits.
    """
    rows = _may_hold(texts).arg_true()
    return texts.clone().scatter(rows, _redacted(texts.gather(rows))) if rows.len() else texts


def _may_hold(texts: pl.Series) -> pl.Series:
    words = texts.str.extract_all(_IBAN_LIKE)
    long = words.to_frame("words").select(pl.col("words").list.eval(pl.element().str.len_bytes()).list.max() == 15)
    return texts.str.contains(_SPACED) | long.to_series().fill_null(False)


def _redacted(texts: pl.Series) -> pl.Series:
    pieces = (
        pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "piece": texts.str.extract_all(_PIECES)})
        .filter(pl.col("piece").list.len() > 0)
        .explode("piece")
    )
    candidates = (
        pieces.filter(pl.col("piece").str.len_bytes() >= 11)
        .select(pl.col("piece").unique())
        .with_columns(compact=pl.col("piece").str.replace_all(_GAP, ""))
        .filter(
            pl.col("piece").str.contains(_SSN)
            | pl.col("compact").str.contains(_CARD)
            | pl.col("compact").str.contains(_IBAN)
        )
    )
    if not candidates.height:
        return texts
    is_card = pl.col("compact").str.contains(_CARD) & _passes_luhn()
    found = candidates.with_columns(
        pl.when(pl.col("piece").str.contains(_SSN)).then(pl.lit("[R:ssn]"))
        .when(is_card).then(pl.lit("[R:card]"))
        .when(_is_iban()).then(pl.lit("[R:iban]"))
        .alias("redacted")
    ).drop_nulls("redacted")  # fmt: skip
    if not found.height:
        return texts
    joined = (
        pieces.with_columns(pl.col("piece").replace(found["piece"], found["redacted"]))
        .group_by("row", maintain_order=True)
        .agg(pl.col("piece").str.join(""))
    )
    return texts.clone().scatter(joined["row"], joined["piece"])


def _passes_luhn() -> pl.Expr:
    """Luhn's check (ISO/IEC 7812-1): every second digit from the right doubled, digits summed, a multiple of ten."""
    number = pl.col("compact").cast(pl.Int64, strict=False)
    total = pl.lit(0, dtype=pl.Int64)
    for place in range(19):
        digit = (number // 10**place) % 10
        total += digit if place % 2 == 0 else digit * 2 - pl.when(digit > 4).then(9).otherwise(0)
    return total % 10 == 0


def _is_iban() -> pl.Expr:
    """ISO 13616: the first four characters moved to the end, letters as two digits, the whole ≡ 1 (mod 97)."""
    text = pl.col("compact").str.to_uppercase()
    length = text.str.slice(0, 2).replace_strict(_IBAN_LENGTHS, default=-1, return_dtype=pl.Int64)
    digits = (text.str.slice(4) + text.str.slice(0, 4)).str.replace_many(_LETTERS)
    remainder = pl.lit(0, dtype=pl.Int64)
    # 15 digits at a time, since no integer type holds all 68.
    for start in range(0, 75, 15):
        chunk = digits.str.slice(start, 15)
        size = chunk.str.len_bytes().cast(pl.Int64)
        value = chunk.cast(pl.Int64, strict=False).fill_null(0)
        remainder = (remainder * pl.lit(10, dtype=pl.Int64).pow(size) + value) % 97
    return text.str.contains(_IBAN) & (length == text.str.len_bytes().cast(pl.Int64)) & (remainder == 1)
