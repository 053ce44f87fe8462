"""The DuckDB side of convert and ingest: one regex over every line of a combined log, typed, to zstd Parquet.

usage: python duckdb_combined.py LOG OUTPUT.parquet
"""

import sys

import duckdb

REGEX = (
    r'^([^ ]+) [^ ]+ ([^ ]+) \[([^\]]+)\] "([A-Z]+) ([^ ?"\\]+)(?:\?([^ "\\]*))? HTTP/([0-9.]+)" '
    r'([0-9]{3}) ([0-9]+|-) "([^"\\]*)" "([^"\\]*)"'
)
GROUPS = ["ip", "name", "stamp", "method", "path", "query", "protocol", "status", "bytes", "referrer", "agent"]

QUERY = """
COPY (
  SELECT
    strptime(f.stamp, '%d/%b/%Y:%H:%M:%S %z') AS timestamp, f.ip AS client_ip, nullif(f.name, '-') AS account,
    f.method, f.path, f.query, f.protocol, f.status::SMALLINT AS status, try_cast(f.bytes AS BIGINT) AS response_bytes,
    f.referrer, f.agent AS user_agent,
    f.method || ' ' || regexp_replace(f.path, '/([0-9]+|[0-9a-f]{8}-[0-9a-f-]{27})', '/{id}', 'g') AS endpoint
  FROM (
    SELECT regexp_extract(line, ?, ?) AS f
    FROM read_csv(?, columns = {'line': 'VARCHAR'}, delim = chr(1), quote = '', escape = '', header = false,
                  strict_mode = false, ignore_errors = true)
  )
  WHERE f.status != ''
) TO '$output' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""

if __name__ == "__main__":
    log, output = sys.argv[1:]
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    names = "[" + ", ".join(f"'{name}'" for name in GROUPS) + "]"
    # The regex and its group names must be constants for DuckDB.
    query = QUERY.replace("extract(line, ?, ?)", f"extract(line, '{REGEX}', {names})").replace("$output", output)
    connection.execute(query, [log])
