"""apilens safe-to-remove: who would break."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import (
    Session,
    common_options,
    engine_option,
    filter_options,
    limit_of,
    output_options,
    read_options,
    reading_options,
    session,
    warn,
    window_options,
    zone_option,
)
from apilens.errors import EXIT_FIRING, EXIT_INPUT, UsageError

if TYPE_CHECKING:
    import polars as pl

    from apilens.engine import Engine
    from apilens.things import Thing

_MOST = timedelta(days=3650)

EXAMPLES = """\b
Examples:
  apilens safe-to-remove 'GET /v1/*'
  apilens safe-to-remove 'acme-python<2.0' --unused-for 14d --max-accounts 2
  apilens safe-to-remove v1 --from access.log --format github
Exit codes: 0 safe, 1 not safe, 3 not enough is known to tell. More: docs/deprecated.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", metavar="ENDPOINT|VERSION|SDK|field:PATH")
@click.option("--from", "files", metavar="FILE|-", multiple=True, help="Log files instead of the store; repeatable.")
@click.option(
    "--kind",
    "forced",
    type=click.Choice(["endpoint", "api-version", "sdk", "field"]),
    help="What it is.  [by its looks]",
)
@click.option("--max-accounts", type=click.IntRange(0), default=0, help="So many may use it still.  [0]")
@click.option("--unused-for", metavar="TIME", default="30d", help="How long nobody else may have used it.  [30d]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def safe_to_remove(
    what: str, files: tuple[str, ...], forced: str | None, max_accounts: int, unused_for: str, where: tuple[str, ...],
    since: str | None, until: str | None, limit: str, engine: Engine, tz: str | None, input_format: str | None,
    log_format: str | None, source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None,
    quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Say who would break if an endpoint ('GET /v1/*'), an API version (v1), an SDK ('acme-python<2.0') or a field of
    request bodies (field:user.id) went."""
    from apilens.analyses.removal import RemovalOptions, removal, verdict_of
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.reading import endpoints_of

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    result, code = answer(
        removal, RemovalOptions, here, files=files, read=read_options(input_format, log_format, source_tz), where=where,
        since=since, until=until, tz=tz, engine=engine, of_store=lambda store: {"known": endpoints_of(store)},
        thing=_thing(what, forced), forced=forced is not None, max_accounts=max_accounts,
        unused_for=_length(unused_for), plans=_plans(here), limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    judged = verdict_of(result)
    if judged.safe is None:
        warn(judged.reason)
        return EXIT_INPUT
    return code if judged.safe else max(code, EXIT_FIRING)


def _thing(what: str, kind: str | None) -> Thing:
    from apilens.things import recognised, thing_of

    return thing_of(kind.replace("-", "_") if kind else recognised(what), what)


def _length(text: str) -> timedelta:
    from apilens.window import parse_duration

    length = parse_duration(text)
    if not timedelta() < length <= _MOST:
        raise UsageError(f"--unused-for {text} is no time to judge by", hint="from 1s to 3650d, for example 30d")
    return length


def _plans(here: Session) -> pl.DataFrame | None:
    """Return the plan of each account, where accounts.csv has such a column."""
    accounts = here.accounts()
    if accounts is None or "account.plan" not in accounts.table.columns:
        return None
    return accounts.table.select("account", "account.plan")
