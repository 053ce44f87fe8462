"""How real logs read: writes the table at the end of formats.md.

usage: python docs/real_logs.py FOLDER   (a folder of folders of logs)
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from apilens.config import ReadOptions, Settings
from apilens.convert import convert

PAGE = Path(__file__).with_name("formats.md")
BEGIN, END = "<!-- real logs -->\n", "<!-- end -->"


def row(path: Path, scratch: Path) -> str:
    """Return one row: the file, its lines, and where they went."""
    summary = convert(
        [str(path)], scratch, kind="csv", columns=["line"], settings=Settings(), options=ReadOptions(), key=b"k" * 32,
        now=datetime.now(UTC),
    )  # fmt: skip
    name = f"{path.parent.name}/{path.name}"
    if summary.problems:
        return f"| {name} | refused: {summary.problems[0].message.removeprefix(f'{path}: ')} | | | | |"
    counts = summary.counts
    reasons = Counter(summary.shown_rejects["reason"].to_list())
    why = "; ".join(f"{reason} ({number})" for reason, number in reasons.items())
    rest = counts.blank + counts.comments
    format = summary.logs[0].format.name if summary.logs else ""
    return (
        f"| {name} | {format} | {counts.read:,} | {counts.stored:,} | {counts.other:,}, {rest:,} "
        f"| {counts.rejected:,}{f': {why}' if why else ''} |"
    )


def main(folder: Path) -> None:
    """Rewrite the table."""
    scratch = Path(sys.argv[0]).with_suffix(".csv")
    rows = [row(path, scratch) for path in sorted(folder.glob("*/*"))]
    scratch.unlink(missing_ok=True)
    head = ["| log | format | records | stored | other, blank or comment | rejected |", "|---|---|---:|---:|---:|---|"]
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + "\n" + "\n".join([*head, *rows]) + "\n\n" + END + after)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
