"""apilens latency: who waits longer than the others."""

from __future__ import annotations

import click

from apilens.cli.options import limit_of
from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens latency --since 7d
  apilens latency --endpoint 'GET /v2/invoices' --limit all
  apilens latency --status 2xx --min-requests 100

What the numbers mean: docs/peers.md.
"""


@click.command(epilog=EXAMPLES)
@click.option("--min-requests", metavar="N", default="20", help="Timed requests that a comparison needs.  [20]")
@question_options(20)
def latency(question: Question, min_requests: str) -> int:
    """Show who waits longer than all others on the same endpoint, whether most of the time or in one burst, and which
    query parameters and sizes go with slowness. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.latency import LatencyOptions
    from apilens.analyses.latency import latency as analysis

    return question.answer(analysis, LatencyOptions, least=limit_of(min_requests, "--min-requests") or 1)
