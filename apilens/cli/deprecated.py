"""apilens deprecated: who still uses what is to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from apilens.cli.options import warn
from apilens.cli.question import Question, question_options
from apilens.errors import EXIT_FIRING

if TYPE_CHECKING:
    from apilens.result import Result

EXAMPLES = """\b
Examples:
  apilens deprecated --since 30d
  apilens deprecated --fail-on past-sunset -q -o deprecated.csv
What is deprecated, and when an account is at risk: docs/deprecated.md.
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--fail-on",
    type=click.Choice(["past-sunset", "at-risk"]),
    help="Exit 1 where somebody called after the sunset, or is at risk.",
)
@question_options(20)
def deprecated(question: Question, fail_on: str | None) -> int:
    """Show who still uses what `deprecated:` in apilens.yaml or the API's description calls deprecated: how far they
    have moved, how many days are left, who is at risk. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.deprecated import DeprecatedOptions
    from apilens.analyses.deprecated import deprecated as analysis
    from apilens.reading import endpoints_of

    result, code = question.ask(
        analysis, DeprecatedOptions, of_store=lambda store: {"known": endpoints_of(store)},
        things=tuple(item.thing for item in question.here.settings.deprecated), fail_on=fail_on,
    )  # fmt: skip
    question.show(result)
    return max(code, _judged(result, fail_on)) if fail_on else code


def _judged(result: Result, fail_on: str) -> int:
    """Say what fails; return the exit code."""
    from apilens.analyses.deprecated import failing

    if count := failing(result, fail_on):
        uses = f"{count:,} account uses" if count == 1 else f"{count:,} accounts use"
        what = "what is past its sunset" if fail_on == "past-sunset" else "what is about to go"
        warn(f"{fail_on}: {uses} {what}")
    return EXIT_FIRING if count else 0
