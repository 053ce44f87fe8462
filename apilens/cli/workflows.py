"""apilens workflows: in which order endpoints are called."""

from __future__ import annotations

import click

from apilens.cli.options import listed
from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens workflows --account acme
  apilens workflows --view tandem --endpoint 'POST *'
  apilens workflows --view never --uses 'POST /v2/embeddings' --never 'POST /v2/search'
  apilens workflows --view login --login 'POST /oauth/token'

What each view shows: docs/workflows.md.
"""
VIEWS = ("transitions", "tandem", "never", "login", "expected", "cadence")


@click.command(epilog=EXAMPLES)
@click.option("--view", type=click.Choice(VIEWS), default="transitions", help="What to look at.  [transitions]")
@click.option("--login", metavar="COND", help="What a login is.  [a call with good credentials]")
@click.option("--uses", metavar="COND", help="What accounts do that never do --never.")
@click.option("--never", metavar="COND", help="What they never do.")
@click.option("--workflow", metavar="NAME,…", help="Those of `workflows:` in apilens.yaml.  [all]")
@click.option("--idle", metavar="TIME", default="30m", help="A longer pause ends a session without token.  [30m]")
@question_options(20)
def workflows(
    question: Question,
    view: str,
    login: str | None,
    uses: str | None,
    never: str | None,
    workflow: str | None,
    idle: str,
) -> int:
    """Show in which order endpoints are called within sessions: what comes next, what goes together, what comes before
    a login, who breaks an expected order, and who calls like a machine. Reads the store, or log FILEs directly ('-' is
    stdin)."""
    from apilens.analyses.workflow_options import WorkflowOptions
    from apilens.analyses.workflows import workflows as analysis
    from apilens.window import parse_duration

    return question.answer(
        analysis,
        WorkflowOptions,
        view=view,
        login=login,
        uses=uses,
        never=never,
        names=listed(workflow),
        expected=question.here.settings.workflows,
        idle=parse_duration(idle),
    )
