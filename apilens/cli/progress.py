"""A progress bar by bytes on stderr: only where somebody looks at it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from apilens.render.safe import safe


@contextmanager
def progress_bar(inputs: Sequence[str], *, enabled: bool) -> Iterator[Callable[[int, str], None] | None]:
    """Show how much of the inputs was read, how fast and how much longer.

    Yields advance(bytes, name), or None where nobody looks.
    """
    if not enabled or sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from apilens.sources import expand

    # Pipes have no size: without a total there is no telling how much longer.
    total = sum(source.size or 0 for source in expand(inputs)[0]) or None
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, markup=False, emoji=False), transient=True) as progress:
        task = progress.add_task("", total=total)

        def advance(amount: int, name: str) -> None:
            progress.update(task, advance=amount, description=safe(name)[-40:])

        yield advance
