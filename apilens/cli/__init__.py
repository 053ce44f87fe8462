"""The command line: a table of commands, and the one place where errors become messages and exit codes.

To add a command: a small file with a Click command, and a line in COMMANDS. A command is imported when it is called, so
`apilens --help` loads Click alone.
"""

from __future__ import annotations

import difflib
import errno
import io
import os
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import NoReturn

import click

from apilens import __version__
from apilens.cli import signals
from apilens.cli.grouped import GroupedCommand
from apilens.errors import EXIT_BUG, EXIT_INPUT, ApilensError

# What `--help` lists the commands under, in this order: the questions that they answer.
GROUPS = ("Get data in", "Who is in trouble", "Why", "Lifecycle", "Alerts", "Store and settings")
# Name → module:attribute, the group, and what `--help` says of it. The order is that of `--help` within a group.
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "demo": (
        "apilens.cli.demo:demo", "Get data in",
        "Make a made-up API's logs with problems planted in them, and report on them.",
    ),
    "init": (
        "apilens.cli.init:init", "Get data in",
        "Look at your logs and write an apilens.yaml that fits them.",
    ),
    "ingest": (
        "apilens.cli.ingest:ingest", "Get data in",
        "Read logs into the store, every line once; --follow goes on.",
    ),
    "formats": (
        "apilens.cli.formats:formats", "Get data in",
        "What can be read, and how a given log would be.",
    ),
    "convert": (
        "apilens.cli.convert:convert", "Get data in",
        "Write the events of logs to a Parquet, JSONL or CSV file.",
    ),
    "attribution": (
        "apilens.cli.attribution:attribution", "Get data in",
        "Which rules find the accounts, and what has none.",
    ),
    "cron": (
        "apilens.cli.cron:cron", "Get data in",
        "What runs ingest by itself: lines for a crontab, or systemd units.",
    ),
    "today": (
        "apilens.cli.today:today", "Who is in trouble",
        "What stands out among all customers since yesterday, worst first.",
    ),
    "report": (
        "apilens.cli.report:report", "Who is in trouble",
        "Any metric by any dimension: accounts, endpoints, status, hours …",
    ),
    "accounts": (
        "apilens.cli.accounts:accounts", "Who is in trouble",
        "The customers: plan, traffic, errors, first and last request.",
    ),
    "account": (
        "apilens.cli.account:account", "Who is in trouble",
        "One customer on one page; --share for a support ticket.",
    ),
    "concentration": (
        "apilens.cli.concentration:concentration", "Who is in trouble",
        "Who causes each error, and how few accounts it is.",
    ),
    "heatmap": (
        "apilens.cli.heatmap:heatmap", "Who is in trouble",
        "Two dimensions against each other, a number in each cell, in colour.",
    ),
    "outliers": (
        "apilens.cli.outliers:outliers", "Who is in trouble",
        "Accounts far from their peers: requests, sizes, tokens, any metric.",
    ),
    "events": (
        "apilens.cli.events:events", "Why",
        "The raw requests behind a number, the newest first.",
    ),
    "latency": (
        "apilens.cli.latency:latency", "Why",
        "Who waits longer than the others, and what goes with it.",
    ),
    "compare": (
        "apilens.cli.compare:compare", "Why",
        "What differs between two logs, windows or stores; --fail-on for CI.",
    ),
    "mark": (
        "apilens.cli.mark:mark", "Why",
        "Name a moment, such as a deploy, for report --compare mark:NAME.",
    ),
    "sessions": (
        "apilens.cli.sessions:sessions", "Why",
        "How long accounts are at it, how it goes, where they come in.",
    ),
    "workflows": (
        "apilens.cli.workflows:workflows", "Why",
        "In which order endpoints are called, and who does it otherwise.",
    ),
    "endpoints": (
        "apilens.cli.endpoints:endpoints", "Why",
        "What is called of the API, documented or not; --unused, --why.",
    ),
    "sql": (
        "apilens.cli.sql:sql", "Why",
        "Your own SELECT over the events.",
    ),
    "onboarding": (
        "apilens.cli.onboarding:onboarding", "Lifecycle",
        "How new accounts get going, and who does not.",
    ),
    "funnel": (
        "apilens.cli.funnel:funnel", "Lifecycle",
        "How many accounts get from step to step, and where the others stop.",
    ),
    "retention": (
        "apilens.cli.retention:retention", "Lifecycle",
        "Who comes back: cohorts by day, week or month, and their curve.",
    ),
    "cohorts": (
        "apilens.cli.cohorts:cohorts", "Lifecycle",
        "Saved sets of accounts: who is in them, who entered, who left.",
    ),
    "deprecated": (
        "apilens.cli.deprecated:deprecated", "Lifecycle",
        "Who still uses what is to go, and who is at risk.",
    ),
    "safe-to-remove": (
        "apilens.cli.safe_to_remove:safe_to_remove", "Lifecycle",
        "Who would break if something of the API went.",
    ),
    "webhooks": (
        "apilens.cli.webhooks:webhooks", "Lifecycle",
        "What was sent to accounts, after how many attempts it arrived.",
    ),
    "check": (
        "apilens.cli.check:check", "Alerts",
        "Alert rules, for cron and CI: what fires, who is told.",
    ),
    "alerts": (
        "apilens.cli.alerts:alerts", "Alerts",
        "What `check` told of, what is over, and what to be silent about.",
    ),
    "rules": (
        "apilens.cli.rules:rules", "Alerts",
        "Look at alert rules, test them, try them on the past.",
    ),
    "notify": (
        "apilens.cli.notify:notify", "Alerts",
        "Try the channels that alerts go to.",
    ),
    "export": (
        "apilens.cli.export:export", "Alerts",
        "Write numbers for other systems: Prometheus.",
    ),
    "store": (
        "apilens.cli.store:store", "Store and settings",
        "Look at the store, look after it: info, verify, compact, rebuild, forget.",
    ),
    "config": (
        "apilens.cli.config:config", "Store and settings",
        "The settings in force and where they come from; their JSON Schema.",
    ),
    "doctor": (
        "apilens.cli.doctor:doctor", "Store and settings",
        "Whether settings, store and logs are as they should be.",
    ),
    "redact": (
        "apilens.cli.redact:redact", "Store and settings",
        "What is hidden of a log; what a store should not hold.",
    ),
    "key-id": (
        "apilens.cli.key_id:key_id", "Store and settings",
        "What the store calls an API key: keys on stdin, k_… on stdout.",
    ),
    "completion": (
        "apilens.cli.completion:completion", "Store and settings",
        "Teach a shell to complete commands, accounts and endpoints.",
    ),
}  # fmt: skip

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
