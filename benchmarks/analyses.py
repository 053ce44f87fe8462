"""Times each command about events against a query by hand in DuckDB on the same store, and says both in RESULTS.md.

usage: python benchmarks/analyses.py [--store DIR] [--events 20000000] [--times 3] [--only NAME …] [--dry]
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import stores
from results import conditions, write_section

from harness import Contender, in_turn

# Every question is asked as if on the day after the last event, so that the same SQL always fits.
NOW = {"APILENS_NOW": f"{stores.END:%Y-%m-%dT%H:%M:%SZ}"}
ONE = "globex-0"
PAIRS = "requests,errors"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of apilens: words of the command. name: that of the SQL for it in analyses.sql.

    same: the column whose sum over the (last) table of both must be equal, "" where their rows are not the same. needs:
    the column without which a store has nothing to say.
    """

    name: str
    words: str
    same: str = "requests"
    needs: str = ""


QUESTIONS = (
    Question("overview", "report"),
    Question("report", "report --by account"),
    Question("counts", "report --by account --metrics requests,errors,error_rate,endpoints --limit all"),
    Question("groups", f"report --by client_ip,path --metrics {PAIRS}"),
    Question("series", "report --by account --every 1d --sort requests"),
    Question("previous", "report --by account --compare previous --since 2026-11-16 --sort requests"),
    Question("retries", "report --by account --metrics requests,retries --limit all", "retries"),
    Question("today", "today --since 2026-11-22", ""),
    Question("compare", "compare 2026-11-09..2026-11-16 2026-11-16..2026-11-23"),
    Question("account", f"account {ONE}"),
    Question("accounts", "accounts"),
    Question("heatmap", "heatmap", "errors"),
    Question("concentration", "concentration", "errors"),
    Question("latency", "latency", "", needs="duration_ms"),
    Question("outliers", "outliers", ""),
    Question("sessions", "sessions --limit all", "sessions"),
    Question("workflows", "workflows --limit all", "transitions"),
    Question("cadence", "workflows --view cadence --limit all", "calls"),
    Question("webhooks", "webhooks --limit all", "deliveries", needs="destination"),
    Question("deprecated", "deprecated --limit all"),
    Question("removal", "safe-to-remove '* /v2/orders' --limit all"),
    Question("onboarding", "onboarding --limit all", ""),
    Question("events", "events", ""),
    Question("failed events", f"events --account {ONE} --status 5xx", ""),
    Question("retention", "retention --every 1d --periods all", "returned"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, help="an existing store instead of one that is made")
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--times", type=int, default=3, help="0 compares answers and times nothing")
    parser.add_argument("--only", nargs="*", default=[question.name for question in QUESTIONS])
    parser.add_argument("--dry", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    os.environ.update(NOW)
    stores.DATA.mkdir(exist_ok=True)
    store = options.store or stores.timed(options.events, accounts=2_000)
    files = stores.listed(store)
    events, columns = stores.isolated(stores.shape_of, store)
    asked = [item for item in QUESTIONS if item.name in options.only and (not item.needs or item.needs in columns)]
    rows = []
    for question in asked:
        check(question, store, files)
        if not options.times:
            continue
        pair = contenders(question, store, files)
        in_turn(pair, times=options.times, warm=True)
        rows.append(row_of(question, *pair))
        print(rows[-1], flush=True)
    if rows and not options.dry:
        title = f"Each command on {events:,} events, against a query by hand"
        write_section("analyses", title, [*words(load, options.times), "", *HEAD, *rows])


def contenders(question: Question, store: Path, files: Path) -> tuple[Contender, Contender]:
    """Return DuckDB and apilens."""
    ours = [stores.APILENS, *shlex.split(question.words), "--store", str(store), "--config", str(stores.settings())]
    # Whether it is safe to remove something is what its exit code says.
    theirs = [sys.executable, str(Path(__file__).with_name("duckdb_analysis.py")), str(files), question.name]
    return Contender("DuckDB", theirs), Contender(f"apilens {question.words}", ours, fine=(0, 1))


def check(question: Question, store: Path, files: Path) -> None:
    """Ask both once, and compare what they say. Raises SystemExit where they disagree."""
    theirs, ours = contenders(question, store, files)
    printed = subprocess.run(theirs.command, check=True, capture_output=True, text=True).stdout
    said = subprocess.run([*ours.command, "-f", "json", "-q"], check=False, capture_output=True, text=True)
    if said.returncode not in ours.fine:
        raise SystemExit(f"{question.name}: {said.stderr}")
    if not question.same:
        return
    last = printed.strip().rpartition("\n\n")[2]
    table = list(csv.DictReader(io.StringIO(last), delimiter="\t", quoting=csv.QUOTE_NONE))
    sums = [sum(float(row[question.same]) for row in rows) for rows in (table, json.loads(said.stdout)["rows"])]
    if sums[0] != sums[1]:
        raise SystemExit(f"{question.name}: {question.same} is {sums[0]:,.0f} by DuckDB, {sums[1]:,.0f} by apilens")


def row_of(question: Question, theirs: Contender, ours: Contender) -> str:
    """Return the row of a question: each figure by DuckDB and by apilens, and how many times as much apilens needs."""
    figures = {name: (theirs.median(name), ours.median(name)) for name in ("wall_s", "cpu_s", "rss_mb")}
    cells = [f"{value:.2f}" for name in ("wall_s", "cpu_s") for value in figures[name]]
    cells += [f"{value:.0f}" for value in figures["rss_mb"]]
    cells += [f"{own / other:.2f}" for other, own in (figures["wall_s"], figures["cpu_s"])]
    return f"| `{question.words}` | {' | '.join(cells)} |"


def words(load: float, times: int) -> list[str]:
    """Return what stands above the table."""
    return [
        f"`python benchmarks/analyses.py` on {conditions(load, times)} DuckDB runs what stands in analyses.sql, with 2 "
        "threads; what must be equal is checked before. README.md here says where the two differ in work."
    ]


HEAD = (
    "| command | wall s: DuckDB | apilens | CPU s: DuckDB | apilens | peak RSS MB: DuckDB | apilens | times the wall "
    "| times the CPU |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
)


if __name__ == "__main__":
    main()
