"""What every question about events shares on the command line: where it is asked, of which events, how it is shown."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import (
    Session,
    common_options,
    engine_option,
    filter_options,
    limit_of,
    output_options,
    read_options,
    reading_options,
    session,
    window_options,
    zone_option,
)

if TYPE_CHECKING:
    from apilens.analyses.scope import Scope
    from apilens.config import ReadOptions
    from apilens.engine import Engine
    from apilens.result import Result

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked for with the options that all questions share. limit: how many rows, None for all."""

    here: Session
    files: tuple[str, ...]
    read: ReadOptions
    where: tuple[str, ...]
    since: str | None
    until: str | None
    tz: str | None
    engine: Engine
    limit: int | None
    output: Mapping[str, Any]

    def answer(self, analysis: Callable[..., Result], options: Callable[..., Scope], **own: Any) -> int:
        """Write what an analysis answers; return the exit code. own: as `apilens.cli.asking.answer` takes it."""
        result, code = self.ask(analysis, options, **own)
        self.show(result)
        return code

    def ask(self, analysis: Callable[..., Result], options: Callable[..., Scope], **own: Any) -> tuple[Result, int]:
        """Return what an analysis answers, and the exit code that reading calls for."""
        from apilens.cli.asking import answer

        return answer(
            analysis, options, self.here, files=self.files, read=self.read, where=self.where, since=self.since,
            until=self.until, tz=self.tz, engine=self.engine, limit=self.limit, **own,
        )  # fmt: skip

    def show(self, result: Result) -> None:
        """Write a result, as the output options say."""
        from apilens.cli.output import show

        show(result, quiet=self.here.quiet, **self.output)


def question_options(
    limit: int, of: str = "Rows to show.", *, since: str | None = None
) -> Callable[[Command], Command]:
    """Add FILE… and the options of every question; the command gets them as a Question, its first argument.

    limit: the rows shown unless told; of: what `--limit` says they are. since: where the window begins unless told.
    """

    def added(command: Command) -> Command:
        @functools.wraps(command)
        def asked(
            files: tuple[str, ...], where: tuple[str, ...], since: str | None, until: str | None, limit: str,
            tz: str | None, engine: Engine, input_format: str | None, log_format: str | None, source_tz: str | None,
            store_path: str | None, config_path: str | None, now: str | None, quiet: bool, kind: str | None,
            output: str | None, no_header: bool, csv_raw: bool, color: str, **own: Any,
        ) -> Any:  # fmt: skip
            shown = {"kind": kind, "output": output, "no_header": no_header, "csv_raw": csv_raw, "color": color}
            question = Question(
                here=session(store_path=store_path, config_path=config_path, now=now, quiet=quiet), files=files,
                read=read_options(input_format, log_format, source_tz), where=where, since=since or usual,
                until=until, tz=tz, engine=engine, limit=limit_of(limit), output=shown,
            )  # fmt: skip
            return command(question, **own)

        for option in (
            common_options, reading_options, output_options, engine_option, zone_option,
            click.option("--limit", "-n", metavar="N|all", default=str(limit), help=f"{of}  [{limit}]"),
            window_options, filter_options, click.argument("files", nargs=-1, metavar="[FILE…|-]"),
        ):  # fmt: skip
            asked = option(asked)
        return asked

    usual = since
    return added
