-- What each command of apilens answers, by hand for DuckDB. duckdb_analysis.py makes the views: `events` is the store,
-- `requests` what a question is about unless told, `sent` the webhooks. The first column of a last SELECT that has the
-- name given in analyses.py is compared with what apilens says.

-- name: overview
SELECT CASE WHEN status >= 500 THEN '5xx' WHEN status >= 400 THEN '4xx' WHEN status >= 300 THEN '3xx' ELSE '2xx' END AS c,
       count(*) AS requests
FROM requests GROUP BY 1 ORDER BY 2 DESC;
SELECT account, count(*) AS requests, count(*) FILTER (status >= 400) / count(*) AS error_rate,
       count(DISTINCT endpoint) AS endpoints, max(timestamp) AS last_request
FROM requests GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10;
SELECT endpoint, count(*) AS requests, count(*) FILTER (status >= 400) / count(*) AS error_rate,
       quantile_cont(duration_ms, 0.95) AS p95_ms, count(DISTINCT account) AS accounts
FROM requests GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10;
SELECT count(*) AS requests, count(*) FILTER (status >= 400) AS errors, count(*) FILTER (status >= 500) AS server_errors,
       quantile_cont(duration_ms, [0.5, 0.95]) AS ms, count(DISTINCT account) AS accounts,
       count(DISTINCT endpoint) AS endpoints, min(timestamp), max(timestamp)
FROM requests;

-- name: report
WITH pairs AS (
    SELECT account, endpoint, count(*) AS n, count(*) FILTER (status >= 400) AS errors FROM requests GROUP BY 1, 2
), excess AS (
    SELECT account, sum(errors - n * rate) AS excess_errors
    FROM pairs JOIN (SELECT endpoint, sum(errors) / sum(n) AS rate FROM pairs GROUP BY 1) USING (endpoint) GROUP BY 1
)
SELECT account, count(*) AS requests, count(*) FILTER (status >= 400) AS errors, any_value(excess_errors) AS excess,
       quantile_cont(duration_ms, 0.95) AS p95_ms, count(DISTINCT endpoint) AS endpoints, max(timestamp) AS last_request
FROM requests JOIN excess USING (account) GROUP BY 1 ORDER BY excess DESC, 1 LIMIT 20;

-- name: counts
SELECT account, count(*) AS requests, count(*) FILTER (status >= 400) AS errors,
       count(*) FILTER (status >= 400) / count(*) AS error_rate, count(DISTINCT endpoint) AS endpoints
FROM requests GROUP BY account ORDER BY requests DESC, account;

-- name: groups
SELECT client_ip, path, count(*) AS requests, count(*) FILTER (status >= 400) AS errors
FROM requests GROUP BY 1, 2 ORDER BY requests DESC, 1, 2 LIMIT 20;

-- name: series
SELECT account, CAST(timestamp AS DATE) AS day, count(*) AS requests, count(*) FILTER (status >= 400) / count(*) AS rate
FROM requests WHERE account IN (SELECT account FROM requests GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 20)
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: previous
SELECT account, count(*) FILTER (now) AS requests, count(*) FILTER (NOT now) AS requests_before,
       count(*) FILTER (now AND status >= 400) / count(*) FILTER (now) AS error_rate,
       count(*) FILTER (NOT now AND status >= 400) / count(*) FILTER (NOT now) AS error_rate_before,
       quantile_cont(duration_ms, 0.95) FILTER (now) AS p95_ms,
       quantile_cont(duration_ms, 0.95) FILTER (NOT now) AS p95_ms_before
FROM (SELECT *, timestamp >= '2026-11-16' AS now FROM requests) GROUP BY 1 ORDER BY requests DESC, 1 LIMIT 20;

-- name: retries
WITH calls AS (
    SELECT coalesce(account, client_ip) AS caller, request_fingerprint, account, status, started_at, source, line, item
    FROM requests
), failing AS (SELECT DISTINCT caller, request_fingerprint FROM calls WHERE status = 429 OR status >= 500), earlier AS (
    SELECT account, started_at, lag(status) OVER w AS status, lag(started_at) OVER w AS moment
    FROM calls SEMI JOIN failing USING (caller, request_fingerprint)
    WINDOW w AS (PARTITION BY caller, request_fingerprint ORDER BY started_at, source, line, item)
), again AS (
    SELECT account, count(*) AS retries FROM earlier
    WHERE (status = 429 OR status >= 500) AND started_at - moment <= INTERVAL 60 SECOND GROUP BY 1
)
SELECT account, count(*) AS requests, coalesce(any_value(retries), 0) AS retries
FROM requests LEFT JOIN again USING (account) GROUP BY 1 ORDER BY requests DESC, 1;

-- name: today
SELECT endpoint, account, count(*) AS requests, count(*) FILTER (status >= 400) AS errors,
       quantile_cont(duration_ms, [0.5, 0.95]) AS ms
FROM requests WHERE timestamp >= '2026-11-22' GROUP BY 1, 2;
SELECT account, date_trunc('hour', timestamp) AS hour, count(*) AS requests, count(*) FILTER (status >= 400) AS errors
FROM requests GROUP BY 1, 2;
SELECT sdk, sdk_version, count(*) AS requests, count(*) FILTER (status >= 400) AS errors, count(DISTINCT account)
FROM requests WHERE timestamp >= '2026-11-22' GROUP BY 1, 2;
SELECT account, count(DISTINCT client_ip) AS ips, count(DISTINCT endpoint) AS endpoints, avg(request_bytes) AS bytes,
       count(*) FILTER (endpoint = 'GET /v2/profile') AS profile, count(*) FILTER (sdk = 'lumen-python') AS python
FROM requests WHERE timestamp >= '2026-11-22' GROUP BY 1;
SELECT account, count(*) AS requests, count(*) FILTER (status >= 400) AS errors
FROM sent WHERE timestamp >= '2026-11-22' GROUP BY 1;

-- name: compare
SELECT endpoint, count(*) FILTER (now) AS requests, count(*) FILTER (NOT now) AS requests_before,
       count(*) FILTER (now AND status >= 400) / count(*) FILTER (now) AS error_rate,
       count(*) FILTER (NOT now AND status >= 400) / count(*) FILTER (NOT now) AS error_rate_before,
       quantile_cont(duration_ms, 0.95) FILTER (now) AS p95_ms,
       quantile_cont(duration_ms, 0.95) FILTER (NOT now) AS p95_ms_before
FROM (SELECT *, timestamp >= '2026-11-16' AS now FROM requests) GROUP BY 1 ORDER BY requests DESC, 1 LIMIT 50;

-- name: account
SELECT status, count(*) AS requests FROM requests WHERE account = 'globex-0' AND status >= 400 GROUP BY 1;
SELECT endpoint, count(*) AS requests, count(*) FILTER (status >= 400) AS errors,
       quantile_cont(duration_ms, [0.5, 0.95]) AS ms, max(timestamp) AS last_request
FROM requests WHERE account = 'globex-0' GROUP BY 1;
SELECT sdk, sdk_version, api_version, count(*) AS requests FROM requests WHERE account = 'globex-0' GROUP BY 1, 2, 3;
SELECT timestamp, status, endpoint, source, line FROM requests WHERE account = 'globex-0' AND status >= 400
ORDER BY timestamp DESC LIMIT 5;
SELECT endpoint, count(DISTINCT account) AS accounts, quantile_cont(duration_ms, [0.5, 0.95]) AS ms
FROM requests WHERE account <> 'globex-0' GROUP BY 1;
SELECT count(*) AS requests, count(*) FILTER (status >= 400) AS errors, quantile_cont(duration_ms, [0.5, 0.95]) AS ms,
       count(DISTINCT sdk) AS sdks, min(timestamp), max(timestamp)
FROM requests WHERE account = 'globex-0';

-- name: accounts
SELECT account, count(*) AS requests, count(*) FILTER (status >= 400) / count(*) AS error_rate,
       min(timestamp) AS first_request, max(timestamp) AS last_request
FROM requests GROUP BY 1 ORDER BY requests DESC, 1 LIMIT 50;

-- name: heatmap
WITH errors AS (SELECT account, status, count(*) AS errors FROM requests WHERE status >= 400 GROUP BY 1, 2)
SELECT CASE WHEN account IN (SELECT account FROM errors GROUP BY 1 ORDER BY sum(errors) DESC LIMIT 20) THEN account
            ELSE 'others' END AS account,
       status, sum(errors) AS errors
FROM errors GROUP BY 1, 2;

-- name: concentration
WITH pairs AS (
    SELECT status, account, count(*) AS n, count(*) FILTER (NOT account_verified) AS claimed
    FROM requests WHERE status >= 400 GROUP BY 1, 2
)
SELECT status, sum(n) AS errors, count(account) AS accounts, arg_max(account, n) AS top_account,
       max(n) / sum(n) AS top_share, sum(n * n) / sum(n) ** 2 AS hhi
FROM pairs GROUP BY 1 ORDER BY errors DESC;

-- name: latency
CREATE TEMP TABLE others AS
SELECT endpoint, quantile_cont(duration_ms, [0.5, 0.95, 0.99]) AS others FROM requests GROUP BY 1;
CREATE TEMP TABLE own AS
SELECT account, endpoint, count(*) AS requests, quantile_cont(duration_ms, [0.5, 0.95, 0.99]) AS ms
FROM requests WHERE account IS NOT NULL GROUP BY 1, 2 HAVING count(*) >= 20;
SELECT account, endpoint, CAST(timestamp AS DATE) AS day, quantile_cont(duration_ms, 0.5) AS p50_ms
FROM requests WHERE (account, endpoint) IN (
    SELECT (account, endpoint) FROM own JOIN others USING (endpoint) ORDER BY ms[2] / others[2] DESC LIMIT 20)
GROUP BY 1, 2, 3;
SELECT endpoint, key, count(*) AS requests, quantile_cont(duration_ms, 0.5) AS p50_ms, count(DISTINCT account)
FROM (SELECT endpoint, account, duration_ms, unnest(string_split(query_keys, ',')) AS key FROM requests) GROUP BY 1, 2;
SELECT endpoint, least(floor(log10(greatest(response_bytes, 100))), 6) AS size, count(*) AS requests,
       quantile_cont(duration_ms, 0.5) AS p50_ms, count(DISTINCT account)
FROM requests WHERE response_bytes IS NOT NULL GROUP BY 1, 2;
SELECT account, endpoint, requests, ms, others, ms[2] / others[2] AS ratio
FROM own JOIN others USING (endpoint) ORDER BY ratio DESC LIMIT 20;

-- name: outliers
WITH means AS (
    SELECT account, count(*) AS requests, avg(request_bytes) AS request_bytes, avg(response_bytes) AS response_bytes
    FROM requests GROUP BY 1 HAVING count(*) >= 20
), logs AS (SELECT *, ln(requests) AS r, ln(request_bytes) AS q, ln(response_bytes) AS b FROM means),
middle AS (
    SELECT median(r) AS r, mad(r) AS wide_r, median(q) AS q, mad(q) AS wide_q, median(b) AS b, mad(b) AS wide_b FROM logs
)
SELECT account, requests, (logs.r - middle.r) / (1.4826 * wide_r) AS z_requests,
       (logs.q - middle.q) / (1.4826 * wide_q) AS z_request_bytes,
       (logs.b - middle.b) / (1.4826 * wide_b) AS z_response_bytes
FROM logs, middle;

-- name: sessions
WITH calls AS (
    SELECT account, endpoint, status, started_at, client_ip, sdk,
           started_at - lag(started_at) OVER w > INTERVAL 30 MINUTE AS pause, row_number() OVER w AS n
    FROM requests WINDOW w AS (PARTITION BY account, client_ip, sdk ORDER BY started_at)
), numbered AS (
    SELECT *, sum(CASE WHEN n = 1 OR pause THEN 1 ELSE 0 END) OVER (
        PARTITION BY account, client_ip, sdk ORDER BY started_at ROWS UNBOUNDED PRECEDING) AS session
    FROM calls
), made AS (
    SELECT account, count(*) AS calls, count(*) FILTER (status >= 400) AS errors,
           max(started_at) - min(started_at) AS length, arg_min(endpoint, started_at) AS entry_endpoint,
           arg_max(endpoint, started_at) AS exit_endpoint
    FROM numbered GROUP BY account, client_ip, sdk, session
)
SELECT account, count(*) AS sessions, sum(calls) AS calls, sum(errors) AS errors, median(length), mode(entry_endpoint),
       mode(exit_endpoint)
FROM made GROUP BY 1 ORDER BY sessions DESC, 1;

-- name: workflows
WITH calls AS (
    SELECT account, client_ip, sdk, endpoint, started_at, lead(endpoint) OVER w AS next,
           lead(started_at) OVER w - started_at AS pause
    FROM requests WINDOW w AS (PARTITION BY account, client_ip, sdk ORDER BY started_at)
)
SELECT endpoint, next, count(*) AS transitions FROM calls WHERE pause <= INTERVAL 30 MINUTE
GROUP BY 1, 2 ORDER BY transitions DESC;

-- name: cadence
WITH gaps AS (
    SELECT account, epoch_us(started_at) - epoch_us(lag(started_at) OVER (PARTITION BY account ORDER BY started_at)) AS gap
    FROM requests
), middle AS (SELECT account, median(gap) AS gap FROM gaps GROUP BY 1)
SELECT account, count(*) AS calls, avg(gaps.gap), stddev_pop(gaps.gap),
       count(*) FILTER (abs(gaps.gap - middle.gap) <= 0.1 * middle.gap) AS regular
FROM gaps JOIN middle USING (account) GROUP BY 1;

-- name: webhooks
WITH tries AS (
    SELECT account, destination, delivery_id, count(*) AS tries, min(attempt) FILTER (status < 400) AS succeeded,
           max(timestamp) AS last_attempt
    FROM sent GROUP BY 1, 2, 3
), latency AS (SELECT account, destination, quantile_cont(duration_ms, [0.5, 0.95]) AS ms FROM sent GROUP BY 1, 2)
SELECT account, destination, count(*) AS deliveries, sum(tries) AS attempts, count(succeeded) AS delivered,
       count(*) FILTER (succeeded = 1) AS first_try, any_value(ms) AS ms, max(last_attempt) AS last_attempt
FROM tries JOIN latency USING (account, destination) GROUP BY 1, 2 ORDER BY 3 DESC;

-- name: deprecated
SELECT account, endpoint = 'GET /v2/profile' AS profile, count(*) AS requests, min(timestamp) AS first_request,
       max(timestamp) AS last_request, count(*) FILTER (timestamp >= '2026-11-16') AS recent
FROM requests WHERE endpoint = 'GET /v2/profile' GROUP BY 1, 2
UNION ALL
SELECT account, NULL, count(*), min(timestamp), max(timestamp), count(*) FILTER (timestamp >= '2026-11-16')
FROM requests WHERE sdk = 'lumen-python' AND split_part(sdk_version, '.', 1)::INT < 3 GROUP BY 1;

-- name: removal
SELECT account, count(*) AS requests, min(timestamp) AS first_request, max(timestamp) AS last_request
FROM requests WHERE endpoint LIKE '% /v2/orders' GROUP BY 1 ORDER BY requests DESC;

-- name: onboarding
WITH calls AS (
    SELECT account, endpoint, count(*) AS n, min(timestamp) AS first, max(timestamp) AS last,
           min(timestamp) FILTER (status < 400) AS success
    FROM requests GROUP BY 1, 2
), starts AS (SELECT account, min(first) AS began FROM calls GROUP BY 1)
SELECT account, any_value(began), sum(n) AS requests, min(success) - any_value(began) AS first_success,
       count(*) FILTER (first < began + INTERVAL 1 DAY) AS endpoints_1d, max(last) AS last_request
FROM calls JOIN starts USING (account) GROUP BY 1;

-- name: events
SELECT timestamp, status, account, endpoint, duration_ms, error_code, request_id, source, line
FROM requests ORDER BY timestamp DESC LIMIT 20;

-- name: failed events
SELECT timestamp, status, account, endpoint, duration_ms, source, line
FROM requests WHERE account = 'globex-0' AND status >= 500 ORDER BY timestamp DESC LIMIT 20;

-- name: retention
WITH days AS (SELECT DISTINCT account, CAST(timestamp AS DATE) AS day FROM requests WHERE account IS NOT NULL),
starts AS (SELECT account, min(day) AS cohort FROM days GROUP BY 1)
SELECT cohort, day - cohort AS period, count(*) AS returned FROM days JOIN starts USING (account) GROUP BY 1, 2 ORDER BY 1, 2;
