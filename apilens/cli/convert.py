"""apilens convert: logs into one file of events."""

from __future__ import annotations

from pathlib import Path

import click

from apilens.cli.options import common_options, listed, read_options, reading_options, session
from apilens.errors import UsageError

_KINDS = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|DIR|GLOB|-…")
@click.option("--output", "-o", required=True, metavar="FILE", help="events.parquet, .jsonl or .csv.")
@click.option("--columns", metavar="NAME,…", help="Only these columns, in this order.  [all]")
@reading_options
@common_options
def convert(
    inputs: tuple[str, ...], output: str, columns: str | None, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
) -> int:  # fmt: skip
    """Write the normalised events of logs to one file, without a store. Secrets are redacted as they are there."""
    import os

    from apilens.cli.progress import progress_bar
    from apilens.cli.summary import tell
    from apilens.convert import convert as run
    from apilens.store import hash_key

    path = Path(output)
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{output}: its suffix says no format", hint=f"one of {', '.join(_KINDS)}")
    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    here.check_formats()
    options = read_options(input_format, log_format, source_tz)
    with progress_bar(inputs, enabled=not quiet) as advance:
        summary = run(
            inputs, path, kind=kind, columns=listed(columns) or None, settings=here.settings, options=options,
            key=hash_key(os.environ), now=here.now, advance=advance,
        )  # fmt: skip
    code = tell(summary, here)
    here.say(f"wrote {path} ({path.stat().st_size / 1e6:,.1f} MB)" if path.is_file() else f"wrote {path}")
    return code
