"""Random tokens in paths (password resets, invitations, share links): secrets that have no shape of their own."""

from __future__ import annotations

import polars as pl

from apilens.enrich.secret_shapes import change_where

_LONG = r"[A-Za-z0-9]{41}"
# Cheap and never wrong about a "no": a word in which lower case is followed by upper case, or a very long one.
PREFILTER = rf"[a-z][0-9_-]*[A-Z]|{_LONG}"
_TOKEN = r"(?:[A-Za-z0-9_+~-]|%2[BbFf])(?:[A-Za-z0-9_+=~-]|%2[BbFf]|%3[Dd]){19,}"
# Other escapes are pieces of their own, or their digits would become part of a token.
_PIECES = rf"{_TOKEN}|%[0-9A-Fa-f]{{2}}|[A-Za-z0-9_+=~-]+|[^A-Za-z0-9_+=~%-]+|%"


def redact_tokens(texts: pl.Series) -> pl.Series:
    """Return texts in which random tokens of 20 characters and more, as in reset links, are `[R:token]`.

    They are told from words by how often upper case, lower case and digits take turns. UUIDs, ULIDs, hexadecimal ids up
    to 40 digits, slugs and names of files are none.
    """
    mixed = change_where(
        texts, texts.str.contains(PREFILTER), lambda some: change_where(some, some.str.contains(_TOKEN), _redact)
    )
    return mixed.alias(texts.name)


def _redact(texts: pl.Series) -> pl.Series:
    pieces = (
        pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "piece": texts.str.extract_all(_PIECES)})
        .filter(pl.col("piece").list.len() > 0)
        .explode("piece")
    )
    piece = pl.col("piece")
    found = (
        pieces.select(piece.unique())
        .filter(piece.str.len_bytes() >= 20)
        .filter(_is_random())
        .with_columns(pl.lit("[R:token]").alias("redacted"))
    )
    if not found.height:
        return texts
    joined = (
        pieces.with_columns(piece.replace(found["piece"], found["redacted"]))
        .group_by("row", maintain_order=True)
        .agg(piece.str.join(""))
    )
    return texts.clone().scatter(joined["row"], joined["piece"])


def _is_random() -> pl.Expr:
    piece = pl.col("piece").str.replace_all(r"%2[BbFf]|%3[Dd]", "_")
    length = piece.str.len_bytes()
    # Runs of one kind, `Word` being one: a random text of letters and digits has one in 2 characters, words one in 5.
    runs = piece.str.count_matches(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
    mixed = piece.str.contains("[a-z]") & piece.str.contains("[A-Z]")
    digits = piece.str.contains("[0-9]")
    often = pl.when(digits).then(runs * 3.2 >= length).otherwise(runs * 2.8 >= length)
    # `Lenovo-ThinkPad-T14s-G4-21F8` is a name of short words.
    unbroken = piece.str.contains("[A-Za-z0-9]{9}")
    uuid = piece.str.contains("^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")
    long = piece.str.contains(_LONG) & digits & piece.str.contains("[A-Za-z]")
    return (mixed & often & unbroken & ~uuid) | long
