"""The store: one Delta Lake table of events, and beside it what could not be read.

    STORE/events/    the Delta table and nothing else; partitioned by day, readable by Polars, DuckDB, Spark, Trino
    STORE/rejects/   one JSONL file for each commit that had rejects, named by its generation
    STORE/state/     store.json: version and fingerprint of the hash key; endpoints.json: what is known of endpoints;
                     cohorts.json: who was in which cohort when `cohorts diff` last ran; seen: marks of files read to
                     their end; settings.json: what the ids of settings in the names of data files stand for;
                     formats.json: what logs were recognised as, by a digest of their beginning; forgotten.json: what
                     was forgotten, by hashes of its names
    STORE/lock       flock'ed by whoever writes

A store on S3 has the same parts but the lock: there several write at once, and a commit that lost a race is made again
where it still is right (racing). Rejects wait in rejects/waiting until their commit has its generation (rejects).

How far each log has been read travels in the same commit as its rows (Delta `txn` actions), so a line lands exactly
once through kill -9, two writers and repeats. One file per thing: table (reading), opening (lock, create), writer
(append), data_files (what it writes), shapes (settings of a file), streams (which log is this), versions (how far each
was read), seen (files to leave closed), maintenance (compact, vacuum), inspect (info, verify), racing, rejects,
counts, lock, key, durable.
"""

from apilens.store.counts import Counts
from apilens.store.data_files import DataFile
from apilens.store.inspect import info, verify
from apilens.store.key import hash_key
from apilens.store.maintenance import compact, tidy
from apilens.store.opening import writing
from apilens.store.seen import Seen
from apilens.store.streams import Position
from apilens.store.table import Store, read_kept
from apilens.store.writer import Writer

__all__ = [
    "Counts",
    "DataFile",
    "Position",
    "Seen",
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
