"""The command line: a table of commands, and the one place where errors become messages and exit codes.

To add a command: a small file with a Click command, and a line in COMMANDS. A command is imported when it is called, so
`apilens --help` loads Click alone.
"""

from __future__ import annotations

import difflib
import errno
import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import click

from apilens import __version__
from apilens.errors import EXIT_BUG, EXIT_INPUT, ApilensError

# Name → module:attribute, and what `--help` says of it. The order is that of `--help`.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("apilens.cli.demo:demo", "Make a made-up API's logs with problems planted in them, and report on them."),
    "ingest": ("apilens.cli.ingest:ingest", "Read logs into the store, every line once."),
    "report": ("apilens.cli.report:report", "Any metric by any dimension: accounts, endpoints, status, hours …"),
    "convert": ("apilens.cli.convert:convert", "Write the events of logs to a Parquet, JSONL or CSV file."),
    "store": ("apilens.cli.store:store", "Look at the store: info, verify, compact."),
}

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
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a call; suggest the nearest one where there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else " `apilens --help` lists the commands."
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", context)
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXAMPLES)
@click.version_option(__version__, prog_name="apilens")
@click.option("--debug", is_flag=True, help="Show a traceback with errors.")
def cli(debug: bool) -> None:
    """How are our customers doing on our API, and who is in trouble? Answers from the logs you already have."""


class Stopped(BaseException):
    """A signal asked the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> NoReturn:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            # cron runs with LANG=C: what cannot be written is shown as an escape, never a traceback.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _stop)
    debug = "--debug" in sys.argv[1:]
    code = run(debug=debug)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        code = _output_failed(error)
    # Threads of Polars and half-closed pipes have nothing left to say; leaving at once keeps the exit code ours.
    if sys.stderr is not None:
        sys.stderr.flush()
    os._exit(code)


def run(*, debug: bool) -> int:
    """Run the command line; return the exit code."""
    try:
        code = cli.main(standalone_mode=False, prog_name="apilens")
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ApilensError as error:
        if debug:
            raise
        _say(error.message, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted", "what was committed stands; run again to go on")
        return 128 + signal.SIGINT
    except Stopped as stop:
        _say(f"stopped by {signal.Signals(stop.number).name}", "what was committed stands; run again to go on")
        return 128 + stop.number
    except OSError as error:
        if error.errno == errno.EPIPE or (error.filename is None and error.errno == errno.ENOSPC):
            return _output_failed(error)
        if debug:
            raise
        _say(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "), None)
        return EXIT_INPUT
    except SystemExit:
        # Click's own way out when the reader of a pipe is gone.
        return 0
    except MemoryError:
        _say("out of memory", "read less at once: a shorter --since, or fewer files")
        return EXIT_BUG
    except (
        BaseException
    ) as error:  # Polars' PanicException is no Exception; everything that comes here is a bug of ours.
        if debug:
            raise
        _say(f"internal error: {type(error).__name__}: {error}", "please report it, with what --debug adds")
        return EXIT_BUG


def _output_failed(error: OSError) -> int:
    """Point stdout nowhere, so that the interpreter's own flush is silent; a closed pipe is nobody's mistake."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if error.errno == errno.EPIPE:
        return 0
    _say(f"cannot write output: {error.strerror}", None)
    return EXIT_INPUT


def _say(message: str, hint: str | None) -> None:
    from apilens.render.safe import safe

    lines = [f"apilens: {message}", *([f"  {hint}"] if hint else [])]
    for line in "\n".join(lines).splitlines()[:40]:
        click.echo(safe(line), err=True)


def _stop(number: int, frame: FrameType | None) -> Any:
    raise Stopped(number)
