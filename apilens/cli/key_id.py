"""apilens key-id: what the store calls an API key."""

from __future__ import annotations

import sys

import click

from apilens.cli.options import common_options, session
from apilens.errors import StoreError, UsageError

_LONGEST = 64 << 10


@click.command("key-id", context_settings={"ignore_unknown_options": True})
@click.argument("nothing", nargs=-1, metavar="")
@common_options
def key_id(
    nothing: tuple[str, ...], store_path: str | None, config_path: str | None, now: str | None, quiet: bool
) -> None:
    """Read API keys on stdin, one a line, and print the k_… by which the store knows each.

    Never as an argument: those are seen in the list of processes and kept by the shell.
    """
    import os

    from apilens.enrich.keyed_hash import key_id as id_of
    from apilens.store import hash_key
    from apilens.store.key import fingerprint
    from apilens.store.table import read_manifest

    if nothing:
        raise UsageError("a key is never given as an argument", hint="on stdin: apilens key-id < key.txt")
    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    secret = hash_key(os.environ)
    manifest = read_manifest(here.store)
    if manifest is not None and manifest.get("key") != fingerprint(secret):
        raise StoreError(
            f"{here.store} was written with another hash key: its ids would be others",
            hint="run as the user who made it, or set APILENS_HASH_KEY to the key it was made with",
        )
    keys = [key for line in _read().split("\n") if (key := line.strip())]
    if not keys:
        raise UsageError("no key on stdin", hint="apilens key-id < key.txt")
    for key in keys:
        click.echo(id_of(key, secret))


def _read() -> str:
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        # What is typed is not shown.
        return str(click.prompt("key", hide_input=True, err=True))
    return sys.stdin.buffer.read(_LONGEST).decode("utf-8", "replace")
