"""apilens report: any metric by any dimension."""

from __future__ import annotations

from typing import Any

import click

from apilens.cli.options import (
    common_options,
    limit_of,
    listed,
    output_options,
    read_options,
    reading_options,
    session,
)


@click.command(epilog="Metrics, dimensions and filters: docs/report.md.")
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--by", metavar="DIM,…", help="Break down by account, endpoint, status, sdk, hour …")
@click.option("--metrics", metavar="NAME,…", help="requests, error_rate, p95_ms, count(status = 422) …")
@click.option("--where", metavar="SQL", multiple=True, help="Only these events; several are joined by AND.")
@click.option("--having", metavar="SQL", help="Only rows whose metrics are so: 'error_rate > 0.1'.")
@click.option("--since", metavar="TIME", help="From: 24h, 7d, yesterday, 2026-11-01, 2026-11-01T10:00Z …")
@click.option("--until", metavar="TIME", help="Up to, exclusive.")
@click.option("--sort", metavar="NAME[:asc]", help="By a metric or dimension.  [the first metric]")
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@click.option("--tz", metavar="ZONE", help="Zone that times are shown in and dates are meant in.  [UTC]")
@output_options
@reading_options
@common_options
def report(
    files: tuple[str, ...], by: str | None, metrics: str | None, where: tuple[str, ...], having: str | None,
    since: str | None, until: str | None, sort: str | None, limit: str, tz: str | None,
    input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Report on the store, or on log FILEs directly ('-' is stdin). Without --by: an overview."""
    from apilens.analyses.report import ReportOptions
    from apilens.analyses.report import report as ask
    from apilens.cli.output import show
    from apilens.cli.progress import progress_bar
    from apilens.reading import events_of, reading, window_of

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    options = read_options(input_format, log_format, source_tz)
    accounts = here.accounts()
    zone = tz or here.settings.tz
    with (
        progress_bar(files, enabled=bool(files) and not quiet) as advance,
        reading(
            files, store=here.store, settings=here.settings, options=options, now=here.now, advance=advance
        ) as read,
    ):
        store, summary = read
        window, newest, note = window_of(
            store, since=since or here.settings.defaults.since, until=until, now=here.now, tz=zone
        )
        if note:
            here.say(note)
        asked = ReportOptions(
            now=here.now, by=listed(by), metrics=listed(metrics), where=where, having=having, sort=sort,
            limit=limit_of(limit), window=window, tz=zone, newest=newest, inputs=files,
            errors=here.settings.errors.condition,
        )  # fmt: skip
        events, columns = events_of(store, window, accounts, asked.texts())
        result = ask(events, asked, columns=columns)
    code = 0
    if summary:
        # Here and not above: with it come the formats, which a store does not need.
        from apilens.cli.summary import tell

        code = tell(summary, here, reads=False)
    show(accounts.shown(result) if accounts else result, quiet=quiet, **output)
    return code
