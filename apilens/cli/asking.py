"""What every reading command does: open the store or the files, fix the window, ask, say what reading found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from apilens.cli.options import Session
from apilens.cli.progress import progress_bar

if TYPE_CHECKING:
    from apilens.analyses.scope import Scope
    from apilens.config import ReadOptions
    from apilens.engine import Engine
    from apilens.result import Result
    from apilens.store import Store


def answer(
    analysis: Callable[..., Result], options: Callable[..., Scope], here: Session, *, files: tuple[str, ...],
    read: ReadOptions, where: tuple[str, ...], since: str | None, until: str | None, tz: str | None,
    engine: Engine = "polars", anchored: bool = True,
    of_store: Callable[[Store], dict[str, Any]] = lambda store: {}, **own: Any,
) -> tuple[Result, int]:  # fmt: skip
    """Return what an analysis answers on the store, or on files, and the exit code that reading calls for.

    options: the class of its options; `own` are those that the scope does not have, `of_store` gives those that are
    read from the store. anchored: a relative --since counts back from the newest event where that is old.
    """
    from apilens.reading import events_of, notes_of, reading, window_of
    from apilens.shaping import older

    settings = here.settings
    accounts = here.accounts()
    zone = tz or settings.tz
    with (
        progress_bar(files, enabled=bool(files) and not here.quiet) as advance,
        reading(files, store=here.store, settings=settings, options=read, now=here.now, advance=advance) as opened,
    ):
        store, summary = opened
        window, newest, note = window_of(
            store, since=since or settings.defaults.since, until=until, now=here.now, tz=zone, anchored=anchored
        )
        if note:
            here.say(note)
        asked = options(
            now=here.now, where=where, window=window, tz=zone, newest=newest, inputs=files,
            errors=settings.errors.condition, **of_store(store), **own,
        )  # fmt: skip
        if not files and (words := older(store, settings, asked.texts())):
            here.say(words)
        events, columns = events_of(
            store, asked.reads(), accounts, asked.texts(), here.cohorts(accounts), engine=engine
        )
        result = analysis(events, asked, columns=columns)
        result = replace(result, notes=(*result.notes, *notes_of(store, asked.reads(), asked.texts())))
    code = 0
    if summary:
        # Here and not above: with it come the formats, which a store does not need.
        from apilens.cli.summary import tell

        code = tell(summary, here, reads=False)
    return accounts.shown(result) if accounts else result, code
