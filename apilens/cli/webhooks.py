"""apilens webhooks: what was sent to accounts, and whether it arrived."""

from __future__ import annotations

import click

from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens webhooks --since 7d
  apilens webhooks --dead --account acme

What a delivery is, and how a log says so: docs/webhooks.md.
"""


@click.command(epilog=EXAMPLES)
@click.option("--dead", is_flag=True, help="What did not arrive, the latest first.")
@question_options(20)
def webhooks(question: Question, dead: bool) -> int:
    """Show what was sent to each account and destination (direction = 'outgoing'), after how many attempts it arrived,
    and what did not. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.webhooks import WebhookOptions
    from apilens.analyses.webhooks import webhooks as analysis

    return question.answer(analysis, WebhookOptions, dead=dead)
