"""`marks: deploys.csv` in apilens.yaml: moments with a name, as whoever deploys writes them down."""

from __future__ import annotations

from collections.abc import Iterator

from apilens.errors import UsageError

MOST_CHARACTERS = 100


def mark_problems(marks: str | None) -> Iterator[str]:
    """Give what is wrong with the setting, before its file is read."""
    if marks == "":
        yield "is empty: name a CSV file with the columns name and time"


def checked_name(name: str) -> str:
    """Return the name of a mark. Raises UsageError for what could not be named again."""
    if not name.strip() or not name.isprintable() or len(name) > MOST_CHARACTERS or name != name.strip():
        hint = f"1 to {MOST_CHARACTERS} characters, for example v2.3"
        raise UsageError(f"{name!r} cannot name a mark", hint=hint)
    return name
