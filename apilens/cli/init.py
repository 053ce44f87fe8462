"""apilens init: a look at the logs, and an apilens.yaml that fits them."""

from __future__ import annotations

import glob
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apilens.cli.options import clock, warn
from apilens.errors import EXIT_INPUT, InputError, UsageError
from apilens.shell import quoted_word

if TYPE_CHECKING:
    from apilens.format_settings import CustomFormat
    from apilens.proposal import Proposal

FILE_NAME = "apilens.yaml"
# Where packages of nginx and Apache write.
USUAL = ("/var/log/nginx/access.log*", "/var/log/apache2/access.log*", "/var/log/httpd/access_log*")
_MOST_BYTES = 16 << 20
_MOST_LINES = 20


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--from", "more", multiple=True, metavar="FILE", help="A log to look at, as FILE is.")
@click.option(
    "--nginx", metavar="FILE|-", help="Read log_format and access_log here: nginx -T | apilens init --nginx -"
)
@click.option("--log-format", metavar="STRING", help="An nginx log_format or Apache LogFormat string of the logs.")
@click.option("--source-tz", metavar="ZONE", help="Zone of times that state none.  [UTC]")
@click.option("--output", "-o", metavar="FILE|-", default=FILE_NAME, help="What to write.  [apilens.yaml]")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--now", envvar="APILENS_NOW", hidden=True)
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors on stderr.")
def init(
    files: tuple[str, ...], more: tuple[str, ...], nginx: str | None, log_format: str | None, source_tz: str | None,
    output: str, force: bool, now: str | None, quiet: bool,
) -> int:  # fmt: skip
    """Look at logs and write a commented apilens.yaml: how they read, and which rules find the accounts in them.

    Without FILEs it looks where nginx and Apache write. `-o -` prints the file. Nothing is stored.
    """
    from apilens.cli.options import read_options
    from apilens.format_settings import CustomFormat
    from apilens.proposal import propose
    from apilens.settings_text import settings_text

    read_options(None, log_format, source_tz)
    if output != "-" and not force and Path(output).is_file():
        raise UsageError(
            f"{output} is there already", hint="--force overwrites it, -o FILE writes another, -o - prints"
        )
    if output != "-" and not Path(output).parent.is_dir():
        raise UsageError(f"{Path(output).parent}: no such folder")
    inputs = [*more, *files]
    formats = [("access", CustomFormat(log_format=log_format))] if log_format else []
    if nginx is not None:
        found, stated = _of_nginx(nginx, quiet)
        inputs, formats = inputs or found, [*formats, *stated]
    elif not inputs:
        inputs = _usual()
    proposal = propose(inputs, formats=formats, source_tz=source_tz, now=clock(now))
    for problem in proposal.problems[:_MOST_LINES]:
        warn(f"apilens: {problem.message}")
    if not proposal.logs and not formats:
        raise InputError(
            "no log to go by: nothing was written", hint="apilens formats detect FILE shows what was tried"
        )
    _write(settings_text(proposal), output)
    if not quiet and not click.get_current_context().find_root().params.get("quiet"):
        _tell(proposal, output)
    return EXIT_INPUT if proposal.problems else 0


def _of_nginx(name: str, quiet: bool) -> tuple[list[str], list[tuple[str, CustomFormat]]]:
    """Return the logs that a configuration of nginx names, as far as they are here, and the formats they are in."""
    from apilens.nginx_conf import read_nginx
    from apilens.nginx_formats import nginx_formats

    conf = read_nginx(_read(name))
    if not conf.formats and not conf.logs:
        raise UsageError(
            "no log_format and no access_log in that", hint="nginx -T 2>/dev/null | apilens init --nginx -"
        )
    formats, unread = nginx_formats(conf)
    for format, why in unread:
        warn(f"log_format {format}: {why}")
    inputs = []
    for log in dict.fromkeys(log.path for log in conf.logs if not log.path.startswith("/dev/")):
        # Rotated ones have a suffix.
        if glob.glob(f"{log}*"):  # noqa: PTH207 - Path.glob takes no absolute pattern
            inputs.append(f"{log}*")
        elif not quiet:
            warn(f"{log}: not here")
    return inputs, formats


def _read(name: str) -> str:
    if name == "-":
        data = sys.stdin.buffer.read(_MOST_BYTES) if sys.stdin else b""
    else:
        with Path(name).open("rb") as file:
            data = file.read(_MOST_BYTES)
    return data.decode("utf-8", "replace")


def _usual() -> list[str]:
    found = [pattern for pattern in USUAL if glob.glob(pattern)]  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not found:
        raise UsageError(
            "no log named, and none in the usual places (/var/log/nginx, apache2, httpd)",
            hint="apilens init FILE…, or nginx -T | apilens init --nginx -",
        )
    return found


def _write(text: str, output: str) -> None:
    from apilens.outfile import whole_file

    if output == "-":
        click.echo(text, nl=False)
        return
    with whole_file(Path(output)) as path:
        path.write_text(text, encoding="utf-8")


def _tell(proposal: Proposal, output: str) -> None:
    """Say what was found, what the logs lack, and what to do next."""
    from apilens.account_advice import advice
    from apilens.settings_text import found_words, rule_words

    for log in proposal.logs[:_MOST_LINES]:
        warn(f"{log.name}: {log.title} ({log.hits:,} of {log.looks:,} lines)")
    requests = proposal.search.requests
    for hit in proposal.search.chain:
        warn(f"account: {found_words(hit, requests)}")
    for hit in proposal.search.keys:
        warn(f"api key: {found_words(hit, requests, 'keys')}")
    for rule in proposal.guesses:
        warn(f"account: {rule_words(rule)}, by its name: no log was there to try it on")
    if not proposal.knows_accounts:
        warn("account: none in these logs")
        for words in advice(proposal).words:
            warn(words)
    if output != "-":
        warn(f"wrote {output}; next:")
        config = "" if Path(output).name == FILE_NAME else f" --config {quoted_word(output)}"
        warn(f"  apilens ingest {' '.join(map(_quoted, proposal.inputs)) or 'FILE…'}{config}")


def _quoted(text: str) -> str:
    """Return an input as one types it: patterns as they are, a pipe as a file."""
    if text == "-":
        return "FILE…"
    return text if re.fullmatch(r"[\w@%+=:,./*?-]+", text) else quoted_word(text)
