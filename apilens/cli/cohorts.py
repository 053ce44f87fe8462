"""apilens cohorts: saved sets of accounts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from apilens.cli.options import (
    Session,
    common_options,
    engine_option,
    limit_of,
    output_options,
    read_options,
    reading_options,
    session,
)

if TYPE_CHECKING:
    from apilens.cohort_settings import Cohort
    from apilens.config import ReadOptions
    from apilens.engine import Engine
    from apilens.result import Result, Table
    from apilens.store import Store

EXAMPLES = """\b
Examples:
  apilens cohorts
  apilens cohorts show vip
  apilens cohorts diff
  apilens report --cohort vip --by account
"""

_from = click.option("--from", "files", multiple=True, metavar="FILE|-", help="Log files in place of the store.")


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@_from
@engine_option
@output_options
@reading_options
@common_options
@click.pass_context
def cohorts(
    context: click.Context, /, files: tuple[str, ...], engine: Engine, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """List the cohorts of apilens.yaml: what each means, and how many accounts are in it now. docs/cohorts.md."""
    from apilens.analyses.cohorts import list_cohorts

    if context.invoked_subcommand:
        given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            raise click.UsageError(f"Options stand behind `{context.invoked_subcommand}`, not before it.", context)
        return 0
    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    return _answer(here, files, read, tuple(here.settings.cohorts), list_cohorts, output, engine)


@cohorts.command()
@click.argument("name")
@click.option("--limit", "-n", metavar="N|all", default="50", help="Accounts to show.  [50]")
@_from
@engine_option
@output_options
@reading_options
@common_options
def show(
    name: str, limit: str, files: tuple[str, ...], engine: Engine, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """Show the accounts of a cohort, with what it is about."""
    from apilens.analyses.cohorts import show_cohort

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    rows = limit_of(limit)

    def shown(found: Sequence[tuple[str, Cohort, Table]], *, now: datetime) -> Result:
        return show_cohort(*found[0], now=now, limit=rows)

    return _answer(here, files, read, (name,), shown, output, engine)


@cohorts.command()
@click.argument("name", required=False)
@click.option("--wait", metavar="TIME", default="30s", help="How long to wait for another writer.  [30s]")
@engine_option
@output_options
@common_options
def diff(
    name: str | None, wait: str, engine: Engine, store_path: str | None, config_path: str | None, now: str | None,
    quiet: bool, **output: Any,
) -> None:  # fmt: skip
    """Show who entered and who left the cohorts, or one of them, since this was last asked. The store remembers."""
    from apilens.analyses.cohorts import compare_cohorts
    from apilens.cohort_state import remember, remembered
    from apilens.store import Store, hash_key, writing
    from apilens.window import parse_duration

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    store = Store.open(here.store)
    found, moment = _found(here, store, (name,) if name else tuple(here.settings.cohorts), engine)
    with writing(here.store, key=hash_key(os.environ), wait_s=parse_duration(wait).total_seconds()) as writer:
        before = remembered(store)
        # Remembered once it is told: whoever is told twice loses nothing.
        _write(here, compare_cohorts(found, before, now=moment), output)
        remember(writer, found, before, now=moment)


def _answer(
    here: Session, files: tuple[str, ...], read: ReadOptions, names: tuple[str, ...], analysis: Callable[..., Result],
    output: dict[str, Any], engine: Engine,
) -> int:  # fmt: skip
    """Show what an analysis makes of some cohorts; return the exit code that reading calls for."""
    from apilens.cli.progress import progress_bar
    from apilens.reading import reading

    with (
        progress_bar(files, enabled=bool(files) and not here.quiet) as advance,
        reading(files, store=here.store, settings=here.settings, options=read, now=here.now, advance=advance) as opened,
    ):
        store, summary = opened
        found, moment = _found(here, store, names, engine)
    code = 0
    if summary:
        from apilens.cli.summary import tell

        code = tell(summary, here, reads=False)
    _write(here, analysis(found, now=moment), output)
    return code


def _write(here: Session, result: Result, output: dict[str, Any]) -> None:
    from apilens.cli.output import show as write

    accounts = here.accounts()
    write(accounts.shown(result) if accounts else result, quiet=here.quiet, **output)


def _found(
    here: Session, store: Store, names: Sequence[str], engine: Engine
) -> tuple[list[tuple[str, Cohort, Table]], datetime]:
    """Return the cohorts of these names with their accounts, and the time that they are true of."""
    from apilens.reading import members_of, now_of

    known = here.cohorts(here.accounts())
    return [(name, known[name], members_of(store, name, known, engine=engine)) for name in names], now_of(
        store, here.now
    )
