"""apilens mark: a name for a moment, such as a deploy."""

from __future__ import annotations

import os
from typing import Any

import click

from apilens.cli.options import common_options, output_options, session
from apilens.errors import UsageError

EXAMPLES = """\b
Examples:
  apilens mark v2.3
  apilens mark v2.2 --at 2026-11-16T10:00Z
  apilens report --by endpoint --compare mark:v2.3
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", required=False)
@click.option("--at", metavar="TIME", help="When: 2026-11-16T10:00Z, 2h (ago), yesterday …  [now]")
@click.option("--remove", is_flag=True, help="Take the mark away.")
@click.option("--wait", metavar="30s", default="30s", help="How long to wait for a store that is busy.  [30s]")
@output_options
@common_options
def mark(
    name: str | None, at: str | None, remove: bool, wait: str, store_path: str | None, config_path: str | None,
    now: str | None, quiet: bool, **output: Any,
) -> None:  # fmt: skip
    """Give a moment a NAME, kept in the store, to compare what was before and after; without NAME list the marks."""
    from apilens.cli.output import show
    from apilens.heading import iso
    from apilens.marks import list_marks, marks_of, unmark
    from apilens.marks import mark as keep
    from apilens.store import Store, hash_key, writing
    from apilens.window import moment_of, parse_duration

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    if name is None:
        if at or remove:
            raise UsageError("--at and --remove are about a mark", hint="apilens mark NAME")
        show(list_marks(marks_of(here.store, here.settings.marks), store=here.store), quiet=quiet, **output)
        return
    moment = moment_of(at, here.now) if at else here.now
    if moment is None:
        raise UsageError(f"--at cannot read `{at}` as a time", hint="for example 2026-11-16T10:00Z, 2h, yesterday")
    # A mark makes no store: one in the wrong place would be found by nobody.
    Store.open(here.store)
    with writing(here.store, key=hash_key(os.environ), wait_s=parse_duration(wait).total_seconds()) as writer:
        if remove:
            unmark(writer, name)
            here.say(f"mark {name} is gone")
            return
        before = keep(writer, name, moment)
    moved = f", and no longer {iso(before)}" if before is not None and before != moment else ""
    here.say(f"mark {name} is {iso(moment)}{moved}: apilens report --compare mark:{name}")
