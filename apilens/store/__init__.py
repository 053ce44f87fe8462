"""The store: one Delta Lake table of events, and beside it what could not be read.

    STORE/events/    the Delta table and nothing else; partitioned by day, readable by Polars, DuckDB, Spark, Trino
    STORE/rejects/   one JSONL file for each commit that had rejects, named by its generation
    STORE/state/     store.json: version and fingerprint of the hash key; endpoints.json: what is known of endpoints;
                     settings.json: what the ids of settings in the names of data files stand for
    STORE/lock       flock'ed by whoever writes

How far each log has been read travels in the same commit as its rows (Delta `txn` actions), so a line lands exactly
once through kill -9, two writers and repeats. One file per thing: table (reading), opening (lock, create), writer
(append), shapes (settings of a file), streams (which log is this), maintenance (compact, vacuum), inspect (info,
verify), lock, key, durable.
"""

from apilens.store.inspect import info, verify
from apilens.store.key import hash_key
from apilens.store.maintenance import compact, tidy
from apilens.store.opening import writing
from apilens.store.streams import Position
from apilens.store.table import Store, read_kept
from apilens.store.writer import Counts, DataFile, Writer

__all__ = [
    "Counts",
    "DataFile",
    "Position",
    "Store",
    "Writer",
    "compact",
    "hash_key",
    "info",
    "read_kept",
    "tidy",
    "verify",
    "writing",
]
