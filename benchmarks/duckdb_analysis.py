"""The DuckDB side of analyses.py: one of the queries in analyses.sql, on the files of a store.

usage: python duckdb_analysis.py FILE_WITH_PATHS NAME
"""

import re
import sys
from pathlib import Path

import duckdb

# What not every store has: files lack columns that are null throughout.
OPTIONAL = {
    "duration_ms": "DOUBLE", "request_bytes": "BIGINT", "query_keys": "VARCHAR", "destination": "VARCHAR",
    "attempt": "VARCHAR", "delivery_id": "VARCHAR", "error_code": "VARCHAR", "request_id": "VARCHAR",
}  # fmt: skip
# The scope that apilens has unless told: no health checks, no preflights, nothing outgoing or internal.
VIEWS = """
CREATE VIEW requests AS SELECT * FROM events
WHERE kind = 'request' AND direction = 'incoming' AND NOT is_health_check AND method IS DISTINCT FROM 'OPTIONS';
CREATE VIEW sent AS SELECT * FROM events WHERE kind = 'request' AND direction = 'outgoing';
"""


def query_of(name: str) -> str:
    """Return the statements of analyses.sql that stand under a name."""
    parts = re.split(r"^-- name: (.+)\n", Path(__file__).with_name("analyses.sql").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[name]


def main(files: list[str], name: str) -> None:
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.execute("SET TimeZone = 'UTC'")
    scan = f"read_parquet({files}, union_by_name = true, hive_partitioning = false)"
    known = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()}
    missing = "".join(f", CAST(NULL AS {kind}) AS {column}" for column, kind in OPTIONAL.items() if column not in known)
    connection.execute(f"CREATE VIEW events AS SELECT *{missing} FROM {scan}; {VIEWS}")
    for statement in filter(str.strip, query_of(name).split(";")):
        found = connection.execute(statement)
        print(*(column[0] for column in found.description), sep="\t")
        for row in found.fetchall():
            print(*row, sep="\t")
        print()


if __name__ == "__main__":
    main(Path(sys.argv[1]).read_text().splitlines(), sys.argv[2])
