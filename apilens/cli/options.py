"""Options that commands share, with one name and letter everywhere, and what they come to together."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from apilens.errors import UsageError
from apilens.render import RENDERERS

if TYPE_CHECKING:
    from apilens.accounts import Accounts
    from apilens.cohorts import Cohorts
    from apilens.config import ReadOptions, Settings
    from apilens.places import Place

DEFAULT_STORE = ".apilens"
_WHERE = f"The store: a folder, or s3://….  [./{DEFAULT_STORE}]"
# Where --all is kept for `apilens.cli.asking`, so that no command has to hand it on.
EVERYTHING = "apilens.everything"

F = TypeVar("F", bound=Callable[..., Any])


def _stacked(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def common_options(function: F) -> F:
    """Add --store, --config, --now, --debug and --quiet."""
    return _stacked(
        click.option("--store", "store_path", metavar="DIR", envvar="APILENS_STORE", help=_WHERE),
        click.option(
            "--config", "config_path", metavar="FILE", envvar="APILENS_CONFIG", help="Settings.  [apilens.yaml]"
        ),
        click.option("--now", envvar="APILENS_NOW", hidden=True),
        click.option("--debug", is_flag=True, hidden=True, expose_value=False),
        click.option("--quiet", "-q", is_flag=True, callback=_quiet, help="Say nothing but errors on stderr."),
    )(function)


def _quiet(context: click.Context, option: click.Parameter, value: bool) -> bool:
    """Say whether --quiet stands here or before the command."""
    return value or bool(context.find_root().params.get("quiet"))


def filter_options(function: F) -> F:
    """Add --where, the short filters, which come to the command as further conditions of `where`, and --all."""
    from apilens.cli.completing import known
    from apilens.short_filters import SHORT_FILTERS, condition

    @functools.wraps(function)
    def filtered(*args: Any, where: tuple[str, ...], **others: Any) -> Any:
        texts = {flag: others.pop(_parameter(flag)) for flag in SHORT_FILTERS}
        short = [condition(flag, text) for flag, given in texts.items() for text in given]
        return function(*args, where=(*where, *short), **others)

    words = "Only these events; several are joined by AND."
    return _stacked(
        click.option("--where", metavar="SQL", multiple=True, help=words),
        *(
            click.option(
                f"--{flag}",
                _parameter(flag),
                metavar="LIST",
                multiple=True,
                help=f"Only these {short.help}.",
                shell_complete=known(flag) if flag in ("account", "endpoint") else None,
            )
            for flag, short in SHORT_FILTERS.items()
        ),
        click.option("--all", is_flag=True, expose_value=False, callback=_keep_all, help=_ALL_HELP),
    )(cast(F, filtered))


_ALL_HELP = "Health checks, CORS preflights, internal and excluded traffic, too."


def _keep_all(context: click.Context, option: click.Parameter, value: bool) -> None:
    context.meta[EVERYTHING] = value


def _parameter(flag: str) -> str:
    """Return the name that a short filter has as a parameter: `account` is what some commands call their own."""
    return f"only_{flag.replace('-', '_')}"


def window_options(function: F) -> F:
    """Add --since and --until."""
    return _stacked(
        click.option("--since", metavar="TIME", help="From: 24h, 7d, yesterday, 2026-11-01, 2026-11-01T10:00Z …"),
        click.option("--until", metavar="TIME", help="Up to, exclusive."),
    )(function)


def zone_option(function: F) -> F:
    """Add --tz."""
    return click.option("--tz", metavar="ZONE", help="Zone that times are shown in and dates are meant in.  [UTC]")(
        function
    )


def engine_option(function: F) -> F:
    """Add --engine."""
    words = "What computes it; the rows are the same.  [polars]"
    return click.option("--engine", type=click.Choice(["polars", "duckdb"]), default="polars", help=words)(function)


def reading_options(function: F) -> F:
    """Add how logs are read: --input-format, --log-format and --source-tz."""
    return _stacked(
        click.option("--input-format", metavar="NAME", help="Read as this format instead of detecting it."),
        click.option("--log-format", metavar="STRING", help="An nginx log_format or Apache LogFormat string."),
        click.option("--source-tz", metavar="ZONE", help="Zone of times that state none.  [UTC]"),
    )(function)


def output_options(function: F, *, own: tuple[str, ...] = (), usual: str = "table; tsv in a pipe") -> F:
    """Add how results are written: --format, --output, --no-header, --csv-raw and --color.

    own: formats that the command writes by itself; usual: what it writes unless told.
    """
    kinds = list(dict.fromkeys([*own, *RENDERERS]))
    return _stacked(
        click.option("--format", "-f", "kind", type=click.Choice(kinds), help=f"[{usual}]"),
        click.option("--output", "-o", metavar="FILE", help="Write to a file; its suffix decides the format."),
        click.option("--no-header", is_flag=True, help="Leave out the row of names in TSV and CSV."),
        click.option("--csv-raw", is_flag=True, help="Leave cells that a spreadsheet would run as they are."),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="[auto]"),
    )(function)


@dataclass(frozen=True, slots=True)
class Session:
    """What a command runs with: settings, the store's place, the clock."""

    settings: Settings
    store: Place
    now: datetime
    quiet: bool
    # Whether --now or APILENS_NOW fixed the clock.
    fixed: bool = False
    # Whether somebody said where the store is.
    named: bool = True
    # The file of the settings.
    config: Path | None = None

    def check_formats(self) -> None:
        """Raise ConfigError for formats in the settings that cannot be: for commands that read logs."""
        from apilens.config import load
        from apilens.recognition import declared_problems

        if self.config:
            load(self.config, declared_problems)

    def accounts(self) -> Accounts | None:
        """Read what `accounts:` in apilens.yaml names."""
        from apilens.accounts import read_accounts

        return read_accounts(self.settings.accounts, self.settings.show) if self.settings.accounts else None

    def cohorts(self, accounts: Accounts | None) -> Cohorts:
        """Return the cohorts of the settings."""
        from apilens.cohorts import Cohorts

        settings = self.settings
        return Cohorts(
            settings.cohorts, self.now, accounts, settings.errors.condition, settings.scope, self.say, settings.cost
        )

    def refuse_sudo(self) -> None:
        """Raise UsageError where a store would be made as root, by sudo, in a place that nobody named."""
        who = os.environ.get("SUDO_USER")
        if who and os.geteuid() == 0 and not self.named and not self.store.exists():
            raise UsageError(
                "under sudo the store would belong to root, and only root could read it",
                hint=f"run without sudo (logs: usermod -aG adm {who}, then log in again), or say where: --store DIR",
            )

    def say(self, line: str) -> None:
        """Print a line for people, unless --quiet."""
        if not self.quiet:
            warn(line)


def warn(line: str) -> None:
    """Print a line on stderr, whatever it holds."""
    from apilens.render.safe import safe

    # Nobody reads stderr, or it is full: that is no reason to leave the answer out.
    with suppress(OSError):
        click.echo(safe(line), err=True)


def session(*, store_path: str | None, config_path: str | None, now: str | None, quiet: bool) -> Session:
    """Resolve the common options: flags before environment, before apilens.yaml, before defaults."""
    from apilens.config import resolve

    settings, config = resolve(Path(config_path) if config_path else None, os.environ)
    named = store_path or settings.place.path
    return Session(settings, store_place(named), clock(now), quiet, fixed=bool(now), named=bool(named), config=config)


def store_place(named: str | None) -> Place:
    """Return where the store is, by what somebody said of it. Raises UsageError for a URL that no store can have."""
    from apilens.places import place_of

    return place_of(named or DEFAULT_STORE)


def clock(now: str | None) -> datetime:
    """Return the time, or the one that --now fixes it at."""
    if not now:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(now)
    except ValueError:
        raise UsageError(f"--now {now!r} is no time", hint="for example 2026-11-23T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_options(input_format: str | None, log_format: str | None, source_tz: str | None) -> ReadOptions:
    """Return how logs are read."""
    from apilens.config import ReadOptions
    from apilens.window import zone_of

    if input_format and log_format:
        raise UsageError("--input-format and --log-format exclude each other")
    if source_tz:
        zone_of(source_tz)
    return ReadOptions(input_format, log_format, source_tz)


def listed(text: str | None) -> tuple[str, ...]:
    """Split a comma list; commas inside brackets and quotes belong to their item."""
    from apilens.computed import split_names

    return tuple(split_names(text)) if text else ()


def limit_of(text: str, flag: str = "--limit") -> int | None:
    """Return a number of rows, None for all of them."""
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(
            f"{flag} {text!r} is no number{' of rows' if flag == '--limit' else ''}", hint="a number from 1, or all"
        )
    return int(text)
