"""apilens outliers: accounts far from their peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import (
    common_options,
    engine_option,
    filter_options,
    limit_of,
    listed,
    output_options,
    read_options,
    reading_options,
    session,
    window_options,
    zone_option,
)

if TYPE_CHECKING:
    from apilens.engine import Engine

EXAMPLES = """\b
Examples:
  apilens outliers --since 7d
  apilens outliers --metric 'mean(input_tokens)' --endpoint 'POST /v2/embeddings'
  apilens outliers --metric error_rate,p95_ms --threshold 5
  apilens outliers --suggest-limits --since 7d

What the numbers mean: docs/peers.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--metric", metavar="NAME,…", help="By these metrics.  [requests, sizes and configured columns per call]")
@click.option("--min-requests", metavar="N", default="20", help="Requests that an account needs to be a peer.  [20]")
@click.option("--threshold", type=click.FloatRange(min=0), default=3.5, metavar="Z", help="Least distance.  [3.5]")
@click.option("--suggest-limits", is_flag=True, help="Limits of requests a minute, and whom they would throttle.")
@click.option("--plan", metavar="DIM", help="What limits go by.  [account.plan, where accounts have such]")
@click.option(
    "--quantile", type=click.FloatRange(0, 1), default=0.99, metavar="Q", help="Of the accounts' peak minutes.  [0.99]"
)
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@zone_option
@engine_option
@output_options
@reading_options
@common_options
def outliers(
    files: tuple[str, ...], metric: str | None, min_requests: str, threshold: float,
    suggest_limits: bool, plan: str | None, quantile: float, where: tuple[str, ...],
    since: str | None, until: str | None, limit: str, tz: str | None, engine: Engine, input_format: str | None,
    log_format: str | None, source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None,
    quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show accounts that lie far from the others in a metric, by robust z on a logarithmic scale. Reads the store, or
    log FILEs directly ('-' is stdin)."""
    from apilens.analyses.limits import LimitsOptions, limits
    from apilens.analyses.outliers import OutliersOptions
    from apilens.analyses.outliers import outliers as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    asked: dict[str, Any] = {
        "files": files, "read": read, "where": where, "since": since, "until": until, "tz": tz, "engine": engine,
        "limit": limit_of(limit),
    }  # fmt: skip
    if suggest_limits:
        result, code = answer(limits, LimitsOptions, here, plan=plan, quantile=quantile, **asked)
    else:
        least = limit_of(min_requests, "--min-requests") or 1
        own: dict[str, Any] = {"metrics": listed(metric), "least": least, "threshold": threshold}
        result, code = answer(analysis, OutliersOptions, here, **own, **asked)
    show(result, quiet=quiet, **output)
    return code
