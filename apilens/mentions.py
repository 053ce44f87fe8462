"""Where the name of an account or user still stands in a store: every file of it, decoded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import PurePath
from urllib.parse import quote

import polars as pl

from apilens.cohort_state import STATE as COHORTS
from apilens.places import Place
from apilens.store.data_files import scanned

# Columns that hold whole names: `acme` is not meant by the account `acme.eu`, nor by the user `bob@acme.com`.
IDENTITIES = ("account", "user")
# Shorter ones would be found in everything: they are searched for as whole values only.
SHORTEST = 3
_WORD = "A-Za-z0-9_-"


class Names:
    """Some names, and how to find them: as a whole value, or as a word within a text, in whatever case."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(dict.fromkeys(names))
        spellings = [name for name in self.names if len(name) >= SHORTEST]
        # As a path has it, and as JSON has it.
        spellings += [quote(name, safe="") for name in spellings]
        spellings += [json.dumps(name)[1:-1] for name in spellings]
        self._spellings = tuple(dict.fromkeys(spellings))

    @property
    def pattern(self) -> str | None:
        """The regex for Polars that finds a name as a word, what stands around it in groups; None for short names."""
        if not self._spellings:
            return None
        words = "|".join(map(pl.escape_regex, self._spellings))
        return f"(?i)(^|[^{_WORD}])(?:{words})($|[^{_WORD}])"

    def within(self, text: str) -> bool:
        """Say whether a name stands in a text as a word; of JSON, as a whole value too."""
        return any(found.search(text) for found in self._compiled())

    def replaced(self, text: str, by: str) -> str:
        """Return the text with the names in it replaced."""
        for found in self._compiled():
            text = found.sub(lambda match: match[0].replace(match["name"], by), text)
        return text

    def _compiled(self) -> Iterator[re.Pattern[str]]:
        if self._spellings:
            words = "|".join(map(re.escape, self._spellings))
            yield re.compile(f"(?<![{_WORD}])(?P<name>{words})(?![{_WORD}])", re.IGNORECASE)
        if short := [name for name in self.names if len(name) < SHORTEST]:
            words = "|".join(re.escape(json.dumps(name)[1:-1]) for name in short)
            yield re.compile(f'"(?P<name>{words})"')


def texts_with(names: Names, schema: pl.Schema) -> dict[str, pl.Expr]:
    """Return column → whether it holds a name, of the text columns of a Parquet file of events."""
    tests = {}
    for column, dtype in schema.items():
        if column in IDENTITIES:
            tests[column] = pl.col(column).is_in(names.names)
        elif dtype == pl.String and names.pattern:
            tests[column] = pl.col(column).str.contains(names.pattern)
    return tests


def find(path: Place, names: Names) -> pl.DataFrame:
    """Return where names stand in the store at `path`: `place` (a column, or a file), `found` times, `first` there."""
    found: dict[str, tuple[int, str]] = {}
    for file in sorted((item for item in path.rglob("*") if item.is_file()), key=str):
        inside = PurePath(str(file)).relative_to(str(path))
        is_events = inside.parts[0] == "events" and inside.parts[1] != "_delta_log" and file.suffix == ".parquet"
        # Beside others who write, what was listed may be gone: then nothing stands there.
        with suppress(FileNotFoundError):
            for place, count, first in _in_events(file, names) if is_events else _in_file(file, str(inside), names):
                before = found.get(place, (0, first))
                found[place] = (before[0] + count, before[1])
    rows = [(place, count, first) for place, (count, first) in found.items()]
    return pl.DataFrame(rows, schema={"place": pl.String, "found": pl.Int64, "first": pl.String}, orient="row")


def _in_events(file: Place, names: Names) -> Iterator[tuple[str, int, str]]:
    rows = scanned(file)
    tests = texts_with(names, rows.collect_schema())
    if not tests:
        return
    counts = rows.select(test.sum().alias(column) for column, test in tests.items()).collect(engine="streaming")
    for column, count in counts.row(0, named=True).items():
        if count:
            source, line = rows.filter(tests[column]).select("source", "line").head(1).collect().row(0)
            yield f"column {column}", count, f"{source}:{line}"


def _of_others(line: str, names: Names) -> bool:
    """Say whether a line is that of another account in the catalogue."""
    return line.startswith('["account",') and json.loads(line)[1] not in names.names


def _in_cohorts(file: Place, names: Names) -> Iterator[str]:
    """Give what may hold a name in the cohorts as they were, of the accounts only those that are meant."""
    for cohort, was in json.loads(file.read_bytes()).items():
        yield cohort
        yield json.dumps([was["meaning"], *(account for account in was["accounts"] if account in names.names)])


def _in_file(file: Place, inside: str, names: Names) -> Iterator[tuple[str, int, str]]:
    if file.name == COHORTS and file.parent.name == "state":
        lines = list(_in_cohorts(file, names))
    elif file.suffix == ".parquet":
        # A checkpoint of the log: nested, so it is searched as the text that it is written as.
        lines = scanned(file).collect().write_ndjson().splitlines()
    else:
        lines = file.read_text(errors="replace").splitlines()
    hits = [number for number, line in enumerate(lines, 1) if names.within(line) and not _of_others(line, names)]
    if hits:
        yield f"file {inside}", len(hits), f"line {hits[0]}"
