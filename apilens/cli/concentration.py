"""apilens concentration: who causes an error."""

from __future__ import annotations

import click

from apilens.cli.options import limit_of
from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens concentration --since 24h
  apilens concentration --status 403 --accounts all
  apilens concentration --of error_code --endpoint 'POST /v2/*'

What the numbers mean: docs/peers.md.
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--of", type=click.Choice(["status", "status_class", "error_code"]), default="status",
    help="What tells errors apart.  [status]",
)  # fmt: skip
@click.option("--accounts", metavar="N|all", default="5", help="Accounts of each error to show.  [5]")
@question_options(20, "Errors to show, the most frequent ones.")
def concentration(question: Question, of: str, accounts: str) -> int:
    """Show who causes each error: the account with most of it, its share, and how few accounts it is about (HHI: 1 is a
    single one). Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.concentration import ConcentrationOptions
    from apilens.analyses.concentration import concentration as analysis

    return question.answer(analysis, ConcentrationOptions, of=of, accounts=limit_of(accounts, "--accounts"))
