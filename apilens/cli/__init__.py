"""The command line: a table of commands, and the one place where errors become messages and exit codes.

To add a command: a small file with a Click command, and a line in COMMANDS (commands.py). A command is imported when it
is called, so `apilens --help` loads Click alone.
"""

from __future__ import annotations

import difflib
import errno
import gc
import io
import os
import sys
import traceback
from importlib import import_module
from typing import NoReturn

import click

from apilens import __version__
from apilens.cli import signals
from apilens.cli.commands import COMMANDS, GROUPS
from apilens.cli.grouped import GroupedCommand
from apilens.errors import EXIT_BUG, EXIT_INPUT, ApilensError

_MOST_LINES = 40

EXAMPLES = """\b
Examples:
  apilens report access.log* --by account
  apilens ingest /var/log/nginx/access.log*
  apilens report --by account,endpoint --since 24h --where "status >= 400"
"""


class Commands(click.Group):
    """A group that imports a command when it is called, and knows what a misspelt name may have meant."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Group) else GroupedCommand.of(command)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a call; suggest the nearest one where there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else " `apilens --help` lists the commands."
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", context)
        return super().resolve_command(context, args)

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write usage, what it is, examples, options, commands."""
        self.format_usage(context, formatter)
        self.format_help_text(context, formatter)
        self.format_epilog(context, formatter)
        self.format_options(context, formatter)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        for group in GROUPS:
            listed = [(name, words) for name, (_, of, words) in COMMANDS.items() if of == group]
            if listed:
                with formatter.section(group):
                    formatter.write_dl(listed)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXAMPLES)
@click.version_option(__version__, prog_name="apilens")
@click.option("--debug", is_flag=True, help="Show a traceback with errors.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors on stderr.")
def cli(debug: bool, quiet: bool) -> None:
    """How are our customers doing on our API, and who is in trouble? Answers from the logs you already have."""


def main() -> NoReturn:
    """Run the command line and exit."""
    # What imports make stays: to look through it for garbage every 700 objects is a tenth of a short command's time.
    gc.set_threshold(50_000)
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            # cron runs with LANG=C: what cannot be written is shown as an escape, never a traceback.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # Polars' allocator gives memory back after half a second, to ask for it again with the next block: a tenth of the
    # time of an ingest. Two seconds keep it between blocks; for ever (a decay of -1) takes 2.2 GB on 5 GB of log, and
    # is no faster. It reads this when Polars is loaded, which is later.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:2000,muzzy_decay_ms:0")
    signals.listen()
    code = run(debug="--debug" in sys.argv[1:])
    signals.unheed()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        code = _output_failed(error)
    # Threads of Polars and half-closed pipes have nothing left to say; leaving at once keeps the exit code ours.
    os._exit(code)


def run(*, debug: bool) -> int:
    """Run the command line; return the exit code."""
    try:
        code = cli.main(standalone_mode=False, prog_name="apilens")
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except SystemExit:
        # Click's own way out when the reader of a pipe is gone.
        return 0
    except OSError as error:
        if error.errno == errno.EPIPE or (error.filename is None and error.errno == errno.ENOSPC):
            return _output_failed(error)
        return _failed(error, debug)
    # Polars' PanicException is no Exception, so this has to catch everything.
    except BaseException as error:
        return _failed(error, debug)


def _failed(error: BaseException, debug: bool) -> int:
    """Say what went wrong in a few lines; return the exit code."""
    signals.unheed()
    if debug:
        _say(traceback.format_exc().rstrip("\n"))
    match error:
        case click.Abort() | KeyboardInterrupt() | signals.Stopped():
            _say(f"apilens: {signals.description()}; what was committed stands")
            return signals.exit_code()
        case click.ClickException():
            words = io.StringIO()
            error.show(words)
            _say(words.getvalue().rstrip("\n"))
            return error.exit_code
        case ApilensError():
            # A settings file may have more mistakes than anybody wants to read at once.
            first, *more = error.message.split("\n")
            _say("\n".join([f"apilens: {first}", *more[:_MOST_LINES]]), error.hint)
            return error.exit_code
        case OSError():
            _say(f"apilens: {f'{error.filename}: ' if error.filename else ''}{error.strerror or error}")
            return EXIT_INPUT
        case MemoryError():
            _say("apilens: out of memory", "read less at once: a shorter --since, or fewer files")
        case _:
            _say(
                f"apilens: internal error: {type(error).__name__}: {error}", "please report it, with what --debug adds"
            )
    return EXIT_BUG


def _output_failed(error: OSError) -> int:
    """Point stdout nowhere, so that the interpreter's own flush is silent; a closed pipe is nobody's mistake."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if error.errno == errno.EPIPE:
        return 0
    _say(f"apilens: cannot write output: {error.strerror}")
    return EXIT_INPUT


def _open_standard_streams() -> None:
    """Fill closed ones (`>&-`) with /dev/null: else the next file that is opened would be where messages go."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _say(message: str, hint: str | None = None) -> None:
    from apilens.cli.options import warn

    for line in [*message.split("\n"), *([f"  {hint}"] if hint else [])]:
        warn(line)
