"""apilens sessions: what belongs together of what an account calls."""

from __future__ import annotations

import click

from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens sessions --since 7d
  apilens sessions --list --account acme --idle 10m

What a session is: docs/sessions.md.
"""


@click.command(epilog=EXAMPLES)
@click.option("--list", "single", is_flag=True, help="The sessions themselves, the newest first.")
@click.option("--idle", metavar="TIME", default="30m", help="A longer pause ends a session without token.  [30m]")
@question_options(20)
def sessions(question: Question, single: bool, idle: str) -> int:
    """Show the sessions of each account: how many and how long, what part of them has errors, and with which endpoints
    they begin and end. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.sessions import SessionOptions
    from apilens.analyses.sessions import sessions as analysis
    from apilens.window import parse_duration

    return question.answer(analysis, SessionOptions, idle=parse_duration(idle), single=single)
