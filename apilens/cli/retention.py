"""apilens retention: who comes back."""

from __future__ import annotations

import click

from apilens.cli.options import limit_of
from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens retention --every 1w --since 90d
  apilens retention --first 'POST /signup' --returning "status < 400" --unit user
"""


@click.command(epilog=EXAMPLES)
@click.option("--every", type=click.Choice(["1d", "1w", "1M"]), default="1w", help="Days, weeks or months.  [1w]")
@click.option(
    "--unit",
    type=click.Choice(["account", "user", "session", "api_key"]),
    default="account",
    help="Who is counted.  [account]",
)
@click.option("--first", metavar="COND", help="What begins: 'POST /signup', 'GET /v1/*', signed_in, SQL.  [any event]")
@click.option("--returning", metavar="COND", help="What counts as coming back.  [any event]")
@click.option("--unbounded", is_flag=True, help="Back in that period or later, not in exactly that one.")
@click.option("--window-only", is_flag=True, help="First events in the window, even of those seen before it.")
@click.option("--periods", metavar="N|all", default="12", help="Periods after the first to show.  [12]")
@question_options(20, "Cohorts to show, the newest ones.")
def retention(
    question: Question,
    every: str,
    unit: str,
    first: str | None,
    returning: str | None,
    unbounded: bool,
    window_only: bool,
    periods: str,
) -> int:
    """Show who comes back: accounts (or users …) by the period of their first event, and what part of them was active
    in each period after it. --since and --until are about first events. Reads the store, or log FILEs directly ('-'
    is stdin)."""
    from apilens.analyses.retention import RetentionOptions
    from apilens.analyses.retention import retention as analysis

    return question.answer(
        analysis,
        RetentionOptions,
        every=every,
        unit=unit,
        first=first,
        returning=returning,
        unbounded=unbounded,
        window_only=window_only,
        periods=limit_of(periods, "--periods"),
    )
