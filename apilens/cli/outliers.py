"""apilens outliers: accounts far from their peers."""

from __future__ import annotations

import click

from apilens.cli.options import limit_of, listed
from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens outliers --since 7d
  apilens outliers --metric 'mean(input_tokens)' --endpoint 'POST /v2/embeddings'
  apilens outliers --metric error_rate,p95_ms --threshold 5
  apilens outliers --suggest-limits --since 7d

What the numbers mean: docs/peers.md.
"""


@click.command(epilog=EXAMPLES)
@click.option("--metric", metavar="NAME,…", help="By these metrics.  [requests, sizes and configured columns per call]")
@click.option("--min-requests", metavar="N", default="20", help="Requests that an account needs to be a peer.  [20]")
@click.option("--threshold", type=click.FloatRange(min=0), default=3.5, metavar="Z", help="Least distance.  [3.5]")
@click.option("--suggest-limits", is_flag=True, help="Limits of requests a minute, and whom they would throttle.")
@click.option("--plan", metavar="DIM", help="What limits go by.  [account.plan, where accounts have such]")
@click.option(
    "--quantile", type=click.FloatRange(0, 1), default=0.99, metavar="Q", help="Of the accounts' peak minutes.  [0.99]"
)
@question_options(20)
def outliers(
    question: Question,
    metric: str | None,
    min_requests: str,
    threshold: float,
    suggest_limits: bool,
    plan: str | None,
    quantile: float,
) -> int:
    """Show accounts that lie far from the others in a metric, by robust z on a logarithmic scale. Reads the store, or
    log FILEs directly ('-' is stdin)."""
    from apilens.analyses.limits import LimitsOptions, limits
    from apilens.analyses.outliers import OutliersOptions
    from apilens.analyses.outliers import outliers as analysis

    if suggest_limits:
        return question.answer(limits, LimitsOptions, plan=plan, quantile=quantile)
    least = limit_of(min_requests, "--min-requests") or 1
    return question.answer(analysis, OutliersOptions, metrics=listed(metric), least=least, threshold=threshold)
