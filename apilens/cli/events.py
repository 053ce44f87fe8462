"""apilens events: the raw requests behind a number."""

from __future__ import annotations

import click

from apilens.cli.options import listed
from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens events --account acme --status 422 --since 24h
  apilens events --id req_8fa1
  apilens events access.log --columns timestamp,path,user_agent,location --limit 5
"""


@click.command(epilog=EXAMPLES)
@click.option("--id", "ids", metavar="ID", multiple=True, help="With this request_id, trace_id or event_id, whole.")
@click.option("--columns", metavar="NAME,…", help="What to show of each.  [timestamp, status, account, endpoint …]")
@question_options(20, "Events to show, the newest.")
def events(question: Question, ids: tuple[str, ...], columns: str | None) -> int:
    """Show the raw requests behind a number, the newest first, each with the FILE:LINE it came from and the `links:` of
    apilens.yaml. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.events import EventsOptions
    from apilens.analyses.events import events as analysis

    return question.answer(
        analysis,
        EventsOptions,
        of_store=lambda store: {"days": store.days},
        shown=listed(columns),
        ids=ids,
        links=question.here.settings.links,
    )
