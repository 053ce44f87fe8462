"""What every reading command does: open the store or the files, fix the window, ask, say what reading found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import EVERYTHING, Session
from apilens.cli.progress import progress_bar
from apilens.cost_settings import COST

if TYPE_CHECKING:
    from apilens.analyses.scope import Scope
    from apilens.config import ReadOptions, Settings
    from apilens.engine import Engine
    from apilens.freshness import Settling
    from apilens.result import Result
    from apilens.store import Store


def answer(
    analysis: Callable[..., Result], options: Callable[..., Scope], here: Session, *, files: tuple[str, ...],
    read: ReadOptions, where: tuple[str, ...], since: str | None, until: str | None, tz: str | None,
    engine: Engine = "polars", compared: bool = False, anchored: bool = True,
    of_store: Callable[[Store], dict[str, Any]] = lambda store: {}, **own: Any,
) -> tuple[Result, int]:  # fmt: skip
    """Return what an analysis answers on the store, or on files, and the exit code that reading calls for.

    options: the class of its options; `own` are those that the scope does not have, `of_store` gives those that are
    read from the store. compared: the window is to be compared with another, and so ends where everything has come.
    anchored: a relative --since counts back from the newest event where that is old.
    """
    from apilens.reading import events_of, notes_of, reading, window_of
    from apilens.shaping import older

    settings = here.settings
    if files:
        here.check_formats()
    everything = bool(click.get_current_context().meta.get(EVERYTHING))
    accounts = here.accounts()
    zone = tz or settings.tz
    with (
        progress_bar(files, enabled=bool(files) and not here.quiet) as advance,
        reading(files, store=here.store, settings=settings, options=read, now=here.now, advance=advance) as opened,
    ):
        store, summary = opened
        window, newest, note = window_of(
            store, since=since or settings.defaults.since, until=until, now=here.now, tz=zone,
            settling=_settling(settings) if compared else None, anchored=anchored,
        )  # fmt: skip
        if note:
            here.say(note)
        asked = options(
            now=here.now, where=where, window=window, tz=zone, newest=newest, inputs=files,
            errors=settings.errors.condition, scope=settings.scope, everything=everything, **of_store(store), **own,
        )  # fmt: skip
        texts = [*asked.texts(), *settings.scope.texts()]
        if settings.cost and any(COST in text for text in texts):
            texts.append(settings.cost)
        if not files and (words := older(store, settings, texts)):
            here.say(words)
        events, columns = events_of(
            store, asked.reads(), accounts, texts, here.cohorts(accounts), engine=engine, about=asked.about(),
            cost=settings.cost,
        )  # fmt: skip
        result = analysis(events, asked, columns=columns)
        result = replace(result, notes=(*result.notes, *notes_of(store, asked.about(), asked.texts())))
    code = 0
    if summary:
        # Here and not above: with it come the formats, which a store does not need.
        from apilens.cli.summary import tell

        code = tell(summary, here, reads=False)
    return accounts.shown(result) if accounts else result, code


def _settling(settings: Settings) -> Settling:
    # Here and not above: with it come the formats.
    from apilens.freshness import Settling

    return Settling(settings)
