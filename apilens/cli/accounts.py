"""apilens accounts: the customers."""

from __future__ import annotations

import click

from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens accounts --since 7d
  apilens accounts --sort last_request:asc
  apilens accounts --where "account.plan = 'enterprise'"
"""


@click.command(epilog=EXAMPLES)
@click.option("--sort", metavar="NAME[:asc]", help="By account, or any metric.  [requests]")
@question_options(50, "Accounts to show.")
def accounts(question: Question, sort: str | None) -> int:
    """List the accounts with name and plan (`accounts:` in apilens.yaml), requests, error rate, first and last request.
    Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.accounts import AccountsOptions
    from apilens.analyses.accounts import accounts as analysis

    return question.answer(analysis, AccountsOptions, known=question.here.accounts(), sort=sort)
