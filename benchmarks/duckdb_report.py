"""The DuckDB side of `report --by account`: the same numbers from the same files.

usage: python duckdb_report.py FILE_WITH_PATHS
"""

import sys
from pathlib import Path

import duckdb

QUERY = """
SELECT account, count(*) AS requests, count(*) FILTER (status >= 400) AS errors,
       count(*) FILTER (status >= 400) / count(*) AS error_rate, count(DISTINCT endpoint) AS endpoints
FROM read_parquet(?) GROUP BY account ORDER BY requests DESC, account
"""

if __name__ == "__main__":
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    for row in connection.execute(QUERY, [Path(sys.argv[1]).read_text().splitlines()]).fetchall():
        print(*row, sep="\t")
