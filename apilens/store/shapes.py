"""Which settings shaped the rows of a data file: its name carries their id, STORE/state/settings.json what they were.

The name stands in the log's entry of the file: it survives checkpoints and the cleaning of the log, and a file without
its commit says nothing. The id is a hash of what it stands for, and what it stands for is kept before the first commit
that uses it: a killed run leaves an entry too many, never a wrong one. Compaction merges files of the same id only, so
a file is of one kind.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import date
from hashlib import blake2b

from apilens.store.table import Store, read_kept

# Part of the settings → hash of what it says.
Shape = Mapping[str, str]

STATE = "settings.json"
_NAME = re.compile(r"/part-([0-9a-f]{12})-[^/]*$")


def shape_id(shape: Shape) -> str:
    """Return the id of a shape."""
    return blake2b(json.dumps(dict(shape), sort_keys=True).encode(), digest_size=6).hexdigest()


def id_in(path: str) -> str:
    """Return the id that the path of a data file carries, "" where it has none."""
    found = _NAME.search(path)
    return found[1] if found else ""


def known_shapes(store: Store) -> dict[str, Shape]:
    """Return id → shape, of all that the store's files were read with."""
    return dict(read_kept(store.path, STATE))


def older_days(store: Store, now: Shape) -> tuple[int, Counter[str], int]:
    """Return the days of a store; part → days with rows that another one shaped; days with rows of unknown shape."""
    known = known_shapes(store)
    by_day: dict[date, set[str]] = {}
    pairs = {(day, id_in(path)) for path, day in store.actions.select("path", "day").iter_rows()}
    for day, id in pairs:
        parts = by_day.setdefault(day, set())
        shape = known.get(id)
        parts |= {""} if shape is None else {name for name, value in now.items() if shape.get(name) != value}
    unknown = sum("" in parts for parts in by_day.values())
    return len(by_day), Counter(name for parts in by_day.values() for name in parts if name), unknown
