"""The DuckDB side of convert on Moesif events: ten fields of each line to zstd Parquet.

usage: python duckdb_moesif.py LOG OUTPUT.parquet
"""

import sys

import duckdb

QUERY = """
COPY (
  SELECT
    request.time::TIMESTAMP AS timestamp, company_id AS account, user_id AS user, request.verb AS method,
    regexp_extract(request.uri, '^https?://([^/?]+)', 1) AS host,
    regexp_extract(request.uri, '^https?://[^/?]+([^?]*)', 1) AS path,
    response.status::SMALLINT AS status,
    date_diff('microsecond', request.time::TIMESTAMP, response.time::TIMESTAMP) / 1000.0 AS duration_ms,
    request.ip_address AS client_ip, transaction_id AS event_id
  FROM read_json(?, format = 'newline_delimited', columns = {
    company_id: 'VARCHAR', user_id: 'VARCHAR', transaction_id: 'VARCHAR',
    request: 'STRUCT(time VARCHAR, verb VARCHAR, uri VARCHAR, ip_address VARCHAR)',
    response: 'STRUCT(time VARCHAR, status VARCHAR)'
  })
) TO '$output' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""

if __name__ == "__main__":
    log, output = sys.argv[1:]
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.execute(QUERY.replace("$output", output), [log])
