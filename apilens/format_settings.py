"""`formats:` of apilens.yaml: formats that the user declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from apilens.yaml_nodes import Keys


class CustomFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A format that the user declares: a log_format/LogFormat string, or a map from event columns to fields.

    The fields are those of JSON lines, or with `csv` (true, or the separator) columns that a header line names.
    """

    log_format: str | None = None
    fields: dict[str, str] | None = None
    csv: bool | str = False
    time_is: Literal["start", "end"] | None = None


def format_problems(formats: Mapping[str, CustomFormat]) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with declared formats, each with the place below `formats:` that it is about."""
    for name, custom in formats.items():
        if (custom.log_format is None) == (custom.fields is None):
            yield (name,), "needs either `log_format` or `fields`"
        elif custom.csv and custom.fields is None:
            yield (name, "csv"), "goes with `fields` only"
        if isinstance(custom.csv, str) and (len(custom.csv) != 1 or custom.csv in '"\r\n'):
            yield (name, "csv"), f"{custom.csv!r} is no separator: true, or one character such as `;`"
