"""Times apilens against DuckDB and GoAccess on the same logs in the same run, and says so in RESULTS.md.

usage: python benchmarks/run.py [--lines 7600000] [--events 400000] [--times 5] [--only NAME …]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from results import conditions, write_section
from stores import APILENS, DATA, END, isolated, plain

from apilens.demo import World, write_combined, write_moesif
from apilens.store import Store
from harness import Contender, in_turn, remove

HERE = Path(__file__).parent
CONVERT_COLUMNS = (
    "timestamp,client_ip,account,method,path,query_keys,protocol,status,response_bytes,referrer,user_agent,endpoint"
)
MOESIF_COLUMNS = "timestamp,account,user,method,host,path,status,duration_ms,client_ip,event_id"

KEYS = 100_000
FUNNEL_ACCOUNTS = 100_000
# Column of a keys.csv → how it states a key.
KEY_FILES: dict[str, Callable[[str], str]] = {
    "key": str,
    "key_sha256": lambda key: hashlib.sha256(key.encode()).hexdigest(),
}


def script(name: str, *arguments: object) -> list[str]:
    """Return the command that runs a script of this folder."""
    return [sys.executable, str(HERE / name), *map(str, arguments)]


def combined(lines: int) -> tuple[str, list[Contender]]:
    """A combined log: convert and ingest against DuckDB's regex, and GoAccess's report."""
    log = DATA / f"combined-{lines}.log"
    if not log.exists():
        isolated(write_combined, log, World(lines, 14, END, 7))
    store, ours, theirs, report = DATA / "store", DATA / "ours.parquet", DATA / "theirs.parquet", DATA / "goaccess.json"
    contenders = [
        Contender(
            "DuckDB regexp_extract, 12 columns to Parquet", script("duckdb_combined.py", log, theirs), remove(theirs)
        ),
        Contender(
            "apilens convert, the same 12 columns to Parquet",
            [APILENS, "convert", str(log), "-o", str(ours), "--columns", CONVERT_COLUMNS],
            remove(ours),
        ),
        Contender(
            "apilens ingest, all columns, committed",
            [APILENS, "ingest", str(log), "--store", str(store)],
            remove(store),
        ),
    ]
    if shutil.which("goaccess"):
        goaccess = ["goaccess", str(log), "--log-format=COMBINED", "-o", str(report), "--no-progress"]
        contenders.append(Contender("GoAccess JSON report", goaccess, remove(report)))
    return f"{lines:,} combined lines, {log.stat().st_size / 1e6:,.0f} MB", contenders


def moesif(events: int) -> tuple[str, list[Contender]]:
    """A Moesif dump: convert against DuckDB's read_json of the same fields."""
    log = DATA / f"moesif-{events}.jsonl"
    if not log.exists():
        isolated(write_moesif, log, World(events, 14, END, 7))
    ours, theirs = DATA / "moesif-ours.parquet", DATA / "moesif-theirs.parquet"
    return f"{events:,} Moesif events, {log.stat().st_size / 1e6:,.0f} MB", [
        Contender("DuckDB read_json, ten fields to Parquet", script("duckdb_moesif.py", log, theirs), remove(theirs)),
        Contender(
            "apilens convert, the same ten fields to Parquet",
            [APILENS, "convert", str(log), "-o", str(ours), "--columns", MOESIF_COLUMNS],
            remove(ours),
        ),
    ]


def keys(lines: int) -> tuple[str, list[Contender]]:
    """A log with API keys: the account of each key by keys.csv, against ingest that keeps the keys' hashes alone."""
    log, store = DATA / f"keys-{lines}.log", DATA / "store"
    if not log.exists():
        isolated(write_keys, log, lines)
    shape = '$remote_addr [$time_local] "$request" $status $body_bytes_sent "$http_user_agent" "$http_x_api_key"'
    rules = {"the keys alone": "", "accounts by header": "account: [{header: x-api-key}]\n"}
    rules |= {f"accounts by {kind}.csv": f"account: [{{api_key: {kind}.csv}}]\n" for kind in KEY_FILES}
    contenders = []
    for title, rule in rules.items():
        config = DATA / f"{title.rpartition(' ')[2]}.yaml"
        config.write_text(f"log_format: '{shape}'\napi_key: [{{header: x-api-key}}]\n{rule}")
        command = [APILENS, "ingest", str(log), "--store", str(store), "--config", str(config)]
        contenders.append(Contender(f"apilens ingest, {title}", command, remove(store)))
    return f"{lines:,} lines with {KEYS:,} keys, {log.stat().st_size / 1e6:,.0f} MB", contenders


def write_keys(log: Path, lines: int) -> None:
    """Write the log, and beside it files with the account of each key."""
    chance = random.Random(7)
    known = [f"ak_live_{chance.getrandbits(128):032x}" for _ in range(KEYS)]
    for kind, spelled in KEY_FILES.items():
        rows = (f"account-{at % 3000},{spelled(key)}\n" for at, key in enumerate(known))
        (DATA / f"{kind}.csv").write_text(f"account,{kind}\n" + "".join(rows))
    with log.open("w") as file:
        for at in range(lines):
            when = END - timedelta(seconds=lines - at)
            number, key = chance.randrange(10**6), chance.choice(known)
            file.write(
                f'10.{at % 200}.{number % 256}.7 [{when:%d/%b/%Y:%H:%M:%S} +0000] "GET /v1/users/{number} HTTP/1.1" '
                f'{chance.choice((200, 200, 201, 404))} {number % 9000} "acme-python/1.{number % 9}" "{key}"\n'
            )


def report(lines: int) -> tuple[str, list[Contender]]:
    """The per-account report on a store, against DuckDB on the same files."""
    store, files = plain(lines, accounts=2_000)
    metrics = "requests,errors,error_rate,endpoints"
    ours = [APILENS, "report", "--by", "account", "--metrics", metrics, "--limit", "all", "--store", str(store)]
    return f"report --by account on {lines:,} events", [
        Contender("DuckDB, the same files", script("duckdb_report.py", files)),
        Contender("apilens report", ours),
    ]


def funnel(lines: int) -> tuple[str, list[Contender]]:
    """A funnel of four steps within seven days, against windowFunnel on the same files: it takes the best entry."""
    store, files = plain(lines, accounts=FUNNEL_ACCOUNTS)
    steps = ("GET /v2/profile", "GET /v2/orders", "POST /v2/orders", "GET /v2/invoices")
    ours = [APILENS, "funnel", *(word for step in steps for word in ("--step", step)), "--store", str(store), "--entry"]
    return f"funnel of 4 steps on {lines:,} events of {FUNNEL_ACCOUNTS:,} accounts", [
        Contender("ClickHouse (chdb) windowFunnel, the same files", script("chdb_funnel.py", files)),
        Contender("apilens funnel --entry any", [*ours, "any"]),
        Contender("apilens funnel --entry first", [*ours, "first"]),
    ]


def rules(lines: int) -> tuple[str, list[Contender]]:
    """Fifty rules over the last hour of a busy day: a first check, and one five minutes after another."""
    store, _ = plain(lines, accounts=2_000)
    busy = END - timedelta(days=4) + timedelta(hours=15)

    def check(at: datetime) -> list[str]:
        options = ["--rules", str(HERE / "rules.yaml"), "--store", str(store), "--now", at.isoformat()]
        return [APILENS, "check", "--exit-zero", "--format", "json", *options]

    known = store / "state" / "alerts.json"

    def five_minutes_before() -> None:
        known.unlink(missing_ok=True)
        subprocess.run(check(busy - timedelta(minutes=5)), check=True, capture_output=True)

    return f"check of 50 rules over the last hour of {lines:,} events", [
        Contender("apilens check, the first", check(busy), remove(known)),
        Contender("apilens check, five minutes after another", check(busy), five_minutes_before),
    ]


def status_sums() -> list[str]:
    """Compare what the contenders read: rows and sums of the status codes."""
    import duckdb
    import polars as pl

    words = []
    for name, path in {"DuckDB": DATA / "theirs.parquet", "apilens convert": DATA / "ours.parquet"}.items():
        [(rows, total)] = duckdb.sql(f"SELECT count(*), sum(status) FROM '{path}'").fetchall()
        words.append(f"{name}: {rows:,} rows, status sum {total:,}")
    files = Store.open(DATA / "store").files()
    rows, total = (
        pl.scan_parquet(files, hive_partitioning=False, schema={"status": pl.Int16}, extra_columns="ignore")
        .select(pl.len(), pl.col("status").cast(pl.Int64).sum())
        .collect()
        .row(0)
    )
    words.append(f"apilens ingest: {rows:,} rows, status sum {total:,}")
    goaccess = DATA / "goaccess.json"
    if goaccess.exists():
        general = json.loads(goaccess.read_text())["general"]
        words.append(f"GoAccess: {general['valid_requests']:,} valid requests")
    return words


def table(contenders: list[Contender]) -> list[str]:
    """Return a Markdown table of medians; the ratio is the first contender's wall time by each one's."""
    base = contenders[0].median("wall_s")
    rows = ["| | wall s | CPU s | peak RSS MB | times as fast as the first |", "|---|---:|---:|---:|---:|"]
    for item in contenders:
        wall, cpu, rss = (item.median(figure) for figure in ("wall_s", "cpu_s", "rss_mb"))
        rows.append(f"| {item.name} | {wall:.2f} | {cpu:.2f} | {rss:.0f} | {base / wall:.2f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=7_600_000, help="7.6 million are 1 GB")
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--key-lines", type=int, default=3_000_000)
    parser.add_argument("--report-lines", type=int, default=20_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=["combined", "moesif", "keys", "report", "funnel", "rules"])
    options = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    load = os.getloadavg()[0]
    parts = {
        "combined": (combined, options.lines),
        "moesif": (moesif, options.events),
        "keys": (keys, options.key_lines),
        "report": (report, options.report_lines),
        "funnel": (funnel, options.report_lines),
        "rules": (rules, options.report_lines),
    }
    for name in options.only:
        build, size = parts[name]
        title, contenders = build(size)
        in_turn(contenders, times=options.times)
        print("\n".join(table(contenders)), flush=True)
        said = [f"`python benchmarks/run.py` on {conditions(load, options.times)}", "", *table(contenders)]
        if name == "combined":
            said += ["", *(f"- {line}" for line in isolated(status_sums))]
        write_section(name, title, said)


if __name__ == "__main__":
    main()
