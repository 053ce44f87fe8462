"""The recipe for line formats: every line goes through tiers of patterns, fast ones first, until one fits."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from apilens.formats.base import EMPTY_EVENTS, REJECT_SCHEMA, Parsed, ParseOptions
from apilens.formats.pattern import Tier
from apilens.formats.text import read_lines
from apilens.formats.typed import typed_events, wanted_captures

# Error logs of nginx and Apache, which share files with access logs: well-formed, but no requests.
_NO_REQUEST = (
    r"^(?:[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} \[[a-z]+\] "
    r"|\[[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{2} [0-9]{2}:[0-9]{2}:[0-9.]+ [0-9]{4}\] )"
)


def parse_lines(
    data: bytes, first_line: int, options: ParseOptions, tiers: Sequence[Tier], *, misfit: str, other: str = ""
) -> Parsed:
    """Parse a block by the first tier that fits each line; `misfit` is the reason to reject lines that none fits.

    other: a regex of what the same program writes into the log besides requests; only lines that the first tier does
    not fit are held against it.
    """
    lines, lossy = read_lines(data, first_line)
    wanted = wanted_captures(options)
    events: list[pl.DataFrame] = []
    reasons: list[pl.DataFrame] = []
    counts = {"blank": 0, "comments": 0, "other": 0}
    rest = lines
    for number, tier in enumerate(tiers):
        texts = tier(rest, wanted)
        fits = texts["time"].is_not_null()
        if not fits.all():
            rest, texts = rest.filter(~fits), texts.filter(fits)
        else:
            rest = rest.clear()
        if number == 0 and rest.height:
            rest, counts = _without_other_lines(rest, other)
        if "other" in texts.columns:
            counts["other"] += int(texts["other"].sum())
            texts = texts.filter(~pl.col("other")).drop("other")
        # To make columns of nothing takes as long as of a few lines, and of most formats that a log is tried with
        # there is nothing.
        if texts.height:
            good, bad = typed_events(texts, options)
            events.append(good)
            reasons.append(bad)
        if rest.is_empty():
            break
    reasons.append(rest.select("line", pl.lit(misfit).alias("reason")))
    return Parsed(
        events=_in_order(events or [pl.DataFrame(schema=dict(EMPTY_EVENTS))]),
        rejects=_in_order(reasons)
        .join(lines, on="line", how="left", maintain_order="left")
        .select(list(REJECT_SCHEMA)),
        lossy=lossy,
        **counts,
    )


def _without_other_lines(lines: pl.DataFrame, other: str) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the lines that should be requests, and how many are blank, comments, or well-formed but no requests."""
    text = pl.col("text")
    kinds = lines.select(
        blank=text.str.strip_chars() == "",
        comments=text.str.starts_with("#"),
        other=text.str.contains(f"{_NO_REQUEST}|{other}" if other else _NO_REQUEST),
    )
    counts = {name: int(kinds[name].sum()) for name in kinds.columns}
    return lines.filter(~(kinds["blank"] | kinds["comments"] | kinds["other"])), counts


def _in_order(frames: list[pl.DataFrame]) -> pl.DataFrame:
    frames = [frame for frame in frames if frame.height] or frames[:1]
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal").sort("line")
