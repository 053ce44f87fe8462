"""What a shell completes: names of accounts and endpoints, out of the store's catalogue, in a few milliseconds."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from apilens.errors import ApilensError
from apilens.places import Place, place_of

# More are no help to anybody who looks for one.
_MOST = 200


def known(dimension: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return what completes an option that takes a name of a dimension of the catalogue."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        # A shell waits for an answer, not for a message: without a store there is nothing to offer.
        try:
            return [CompletionItem(_typed(name)) for name in names(_store_of(context), dimension, incomplete)]
        except (OSError, ApilensError):
            return []

    return complete


def _typed(name: str) -> str:
    """Return a name as it would be typed: Bash puts in what it gets, so `GET /items/{id}` needs its backslashes.

    Two of each: Click's script reads what it is told with `read`, which takes one away.
    """
    is_bash = os.environ.get("_APILENS_COMPLETE") == "bash_complete"
    return re.sub(r"([^\w@%+=:,./-])", r"\\\\\1", name) if is_bash else name


def names(store: Place, dimension: str, start: str) -> list[str]:
    """Return the names of a dimension that begin with `start`, at most 200, sorted.

    The file is searched as bytes: it may hold 100,000 names, and decoding them would take longer than a shell waits.
    """
    from itertools import islice

    data = (store / "state" / "catalogue.jsonl").read_bytes()
    return list(islice(_found(data, dimension, start), _MOST))


def _found(data: bytes, dimension: str, start: str) -> Iterator[str]:
    wanted = f'["{dimension}",{json.dumps(start, ensure_ascii=False)[:-1]}'.encode()
    at = data.find(b"\n" + wanted)
    # Names are sorted, so those that begin alike lie together.
    while at >= 0 and data.startswith(wanted, at + 1):
        end = data.find(b"\n", at + 1)
        try:
            yield json.loads(data[at + 1 : end])[1]
        except (ValueError, IndexError):
            return
        at = end


def _store_of(context: click.Context) -> Place:
    from apilens.cli.options import DEFAULT_STORE

    named = context.params.get("store_path") or os.environ.get("APILENS_STORE")
    if named:
        return place_of(named)
    from apilens.config import find

    flag = context.params.get("config_path") or os.environ.get("APILENS_CONFIG")
    path = Path(flag) if flag else find(Path.cwd())
    inside = _store_in(path) if path else None
    if path and inside:
        return place_of(inside) if "://" in inside else path.parent / Path(inside).expanduser()
    return Path(DEFAULT_STORE)


def _store_in(path: Path) -> str | None:
    """Return the place that `store` of a settings file names. Checking all of the settings would take Polars."""
    from apilens.yaml_nodes import YamlMistake, read_yaml

    try:
        root = read_yaml(path.read_bytes())
    except YamlMistake:
        return None
    for key, node in root.pairs if root else ():
        if key.value == "store":
            named = {str(name.value): item.value for name, item in node.pairs}.get("path", node.value)
            return str(named) if named else None
    return None
