"""The ClickHouse side of `funnel`: windowFunnel over the same files.

usage: python chdb_funnel.py FILE_WITH_PATHS
"""

import sys
from pathlib import Path

import chdb

STEPS = ("GET /v2/profile", "GET /v2/orders", "POST /v2/orders", "GET /v2/invoices")
WEEK_US = 7 * 86_400 * 1_000_000

CONDITIONS = ", ".join(f"endpoint = '{step}' AND kind = 'request' AND status < 400" for step in STEPS)
QUERY = f"""
SELECT level, count() FROM (
    SELECT account, windowFunnel({WEEK_US})(toUInt64(toUnixTimestamp64Micro(started_at)), {CONDITIONS}) AS level
    FROM file('{{paths}}', Parquet) WHERE account IS NOT NULL GROUP BY account
) GROUP BY level ORDER BY level SETTINGS max_threads = 2
"""

if __name__ == "__main__":
    paths = Path(sys.argv[1]).read_text().splitlines()
    folder = "/".join(Path(paths[0]).parts[:-2]).replace("//", "/")
    inner = ",".join("/".join(Path(path).parts[-2:]) for path in paths)
    print(chdb.query(QUERY.replace("{paths}", f"{folder}/{{{inner}}}"), "TSV"))
