"""apilens attribution: which rules find the accounts, and what has none."""

from __future__ import annotations

import click

from apilens.cli.question import Question, question_options


@click.command(epilog="How accounts are found: docs/accounts.md.")
@question_options(10, "Endpoints and user agents to show.")
def attribution(question: Question) -> int:
    """Show the share of requests by the rule that found their account, and the top endpoints and user agents of those
    without one. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.attribution import AttributionOptions
    from apilens.analyses.attribution import attribution as analysis

    return question.answer(analysis, AttributionOptions)
