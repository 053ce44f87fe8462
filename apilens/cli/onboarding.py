"""apilens onboarding: how new accounts get going."""

from __future__ import annotations

from datetime import timedelta

import click

from apilens.cli.question import Question, question_options
from apilens.errors import UsageError

_MOST = timedelta(days=3650)

EXAMPLES = """\b
Examples:
  apilens onboarding --since 30d
  apilens onboarding --since 30d --where "account.plan = 'pro'" --stalled-after 7d
Who is new, and who is stalled: docs/onboarding.md.
"""


@click.command(epilog=EXAMPLES)
@click.option("--stalled-after", metavar="TIME", default="3d", help="Without a call for so long: stalled.  [3d]")
@question_options(20)
def onboarding(question: Question, stalled_after: str) -> int:
    """Show how accounts that are new get going: who never called, how long the first call and the first success took,
    how many endpoints they found in their first days, who stopped. --since and --until are about when they began.
    Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.onboarding import OnboardingOptions
    from apilens.analyses.onboarding import onboarding as analysis
    from apilens.store.catalogue import catalogue_of

    return question.answer(
        analysis,
        OnboardingOptions,
        of_store=lambda store: {"seen": catalogue_of(store)},
        accounts=question.here.accounts(),
        stalled_after=_length(stalled_after),
    )


def _length(text: str) -> timedelta:
    from apilens.window import parse_duration

    length = parse_duration(text)
    if not timedelta() < length <= _MOST:
        raise UsageError(f"--stalled-after {text} is no time to judge by", hint="from 1s to 3650d, for example 3d")
    return length
