"""apilens account: one customer on one page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from apilens.cli.completing import known
from apilens.cli.question import Question, question_options

if TYPE_CHECKING:
    from apilens.store import Store

EXAMPLES = """\b
Examples:
  apilens account acme --since 7d
  apilens account "Acme Corp" access.log*
  apilens account acme --since 7d --share -o ticket.md
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", metavar="NAME", shell_complete=known("account"))
@click.option("--share", is_flag=True, help="Markdown for a ticket, with nothing in it about other customers.")
@question_options(10, "Rows of each table.")
def account(question: Question, name: str, share: bool) -> int:
    """Show what the logs say of an account, by its id or its name in accounts.csv: traffic, errors, latency against
    others on the same endpoints, what it uses and never used, clients, what changed. Reads the store, or log FILEs
    directly ('-' is stdin)."""
    from apilens.account_names import account_of
    from apilens.analyses.account import AccountOptions
    from apilens.analyses.account import account as analysis
    from apilens.reading import endpoints_of

    def of_store(store: Store) -> dict[str, Any]:
        whose = account_of(store, name, question.here.accounts())
        return {"whose": whose, "known": endpoints_of(store), "days": store.days}

    result, code = question.ask(
        analysis, AccountOptions, of_store=of_store, links=question.here.settings.links, share=share
    )
    if share and not question.output["output"]:
        question = replace(question, output={**question.output, "kind": question.output["kind"] or "markdown"})
    question.show(result)
    return code
