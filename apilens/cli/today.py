"""apilens today: what stands out among all customers."""

from __future__ import annotations

import click

from apilens.cli.question import Question, question_options


@click.command(epilog="What is looked for, and when it counts: docs/today.md.")
@question_options(8, "Sentences to show.", since="24h")
def today(question: Question) -> int:
    """Say in a few sentences who is in trouble since yesterday, from the store or from log FILEs ('-' is stdin).

    The window is the last 24 hours unless told; the two weeks before it say what is usual.
    """
    from apilens.reading import endpoints_of
    from apilens.store.catalogue import catalogue_of
    from apilens.today import TodayOptions
    from apilens.today import today as analysis

    numbers = tuple(name for name, kind in question.here.settings.column_types().items() if kind in ("int", "float"))
    return question.answer(
        analysis,
        TodayOptions,
        of_store=lambda store: {"known": endpoints_of(store), "seen": catalogue_of(store)},
        accounts=question.here.accounts(),
        payloads=numbers,
        things=tuple(item.thing for item in question.here.settings.deprecated),
    )
