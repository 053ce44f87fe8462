"""Another log that knows whose a request was: an application's or an auth service's, joined by request id."""

from __future__ import annotations

import polars as pl

from apilens.enrich.text_map import TextMap
from apilens.errors import ConfigError, InputError
from apilens.formats.json_events import Place, paths_of, read_texts
from apilens.formats.json_lines import read_objects
from apilens.identity_rule import JoinRule
from apilens.sources import Reader, expand

# 64 bits of a request id and 32 of its account each: 60 MB, and as much again while they are put in order.
MOST_IDS = 5_000_000


def read_join(rule: JoinRule, *, most: int = MOST_IDS) -> TextMap:
    """Return a map from request ids to accounts by the files of a rule.

    Of more than `most` request ids the last ones are kept. The first line that names an account for a request id
    counts. Raises ConfigError where a file cannot be read.
    """
    made = TextMap()
    sources, errors = expand(rule.files)
    if errors:
        raise ConfigError("\n".join(f"join: {error.message}" for error in errors))
    held = pl.DataFrame(schema={"id": pl.UInt64, "account": pl.Categorical(pl.Categories.random())})
    for source in sources:
        try:
            with Reader(source) as reader:
                for block in reader.blocks(final=True):
                    pairs = _pairs(block.data, rule).drop_nulls().filter(pl.col("account") != "")
                    new = pairs.select(
                        made.hashes(pairs["id"]).alias("id"), pl.col("account").cast(held.schema["account"])
                    )
                    held = pl.concat([held, new])
                    if held.height > 2 * most:
                        held = _latest(held, most)
        except InputError as error:
            raise ConfigError(f"join: {error.message}", hint=error.hint) from None
    held = _latest(held, most)
    made.add(held["id"], held["account"])
    return made


def _latest(pairs: pl.DataFrame, most: int) -> pl.DataFrame:
    return pairs.unique("id", keep="first", maintain_order=True).tail(most)


def _pairs(data: bytes, rule: JoinRule) -> pl.DataFrame:
    """Return `id` and `account` of each line, null where the line does not have them."""
    if rule.regex is not None:
        lines = pl.Series(data.decode("utf-8", "replace").split("\n"), dtype=pl.String)
        groups = lines.str.extract_groups(rule.regex).struct.unnest()
        return groups.select(pl.col("request_id").alias("id"), "account")
    places = {"id": (Place(rule.request_id or ""),), "account": (Place(rule.account or ""),)}
    paths = paths_of(places, dotted_keys=True)
    texts = read_texts(read_objects(data, 1, paths.schema), paths, places)
    return pl.DataFrame({name: texts.series(at) for name, at in places.items()})
