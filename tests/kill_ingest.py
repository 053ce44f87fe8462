"""Kills ingest at random instants and checks that every line landed once: `python -m tests.kill_ingest --kills 200`.

A round has one store and one log that grows and is rotated (renamed, gzipped, copied and truncated) between runs. Runs
are killed with SIGKILL at a random instant, every fourth one during compaction; a last run goes undisturbed. Then the
ids of all lines ever written are compared with what the store holds, rejects included. With --s3 the store is on an S3
(moto, on loopback), and two run and are killed at the same time: there no lock keeps them apart.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from apilens.places import Place, cloud, place_of
from apilens.store import Store, verify

if TYPE_CHECKING:
    from tests.object_store import Bucket

# A child ingests in small commits, and says when compaction begins so that it can be killed there.
CHILD = """
import sys
from datetime import UTC, datetime
from apilens import ingest as module
from apilens.config import ReadOptions, Settings
from apilens.places import place_of
from apilens.store import compact, maintenance
if sys.argv[2] == "compact":
    maintenance.CLOSED_DAY_FILES = 1
def compacting(*args, **options):
    print("compacting", flush=True)
    return compact(*args, **options)
module.compact = compacting
print("started", flush=True)
done = module.ingest(sys.argv[4:], place_of(sys.argv[1]), block_bytes=int(sys.argv[3]), key=b"k" * 32, wait_s=300,
    settings=Settings(), options=ReadOptions(input_format="combined"), now=datetime(2026, 11, 23, tzinfo=UTC))
print(done.commits, flush=True)
if done.problems:
    sys.exit(f"not read: {done.problems}")
"""

PADDING = "x" * 400


class Logs:
    """A log that is written and rotated, and the ids of all its lines."""

    def __init__(self, folder: Path, rng: random.Random, *, padding: str = PADDING) -> None:
        self.folder = folder
        self.padding = padding
        self.rng = rng
        self.live = folder / "access.log"
        self.good: set[int] = set()
        self.bad: set[int] = set()
        self._next = 0
        self._rotated = 0

    def write(self, lines: int) -> None:
        """Append lines, one in 500 of them unreadable."""
        with self.live.open("a") as file:
            file.write(self.text(lines))

    def text(self, lines: int) -> str:
        """Return the next lines, for whoever writes them."""
        made = []
        for number in range(self._next, self._next + lines):
            if number % 500 == 499:
                made.append(f"unreadable {number:x} {self.padding}\n")
                self.bad.add(number)
            else:
                day = 1 + number // 4000 % 20
                made.append(
                    f"10.0.0.1 - acme [{day:02}/Nov/2026:10:00:00 +0000] "
                    f'"GET /items/n{number}n HTTP/1.1" 200 5 "-" "{self.padding}"\n'
                )
                self.good.add(number)
        self._next += lines
        return "".join(made)

    def rotate(self) -> None:
        """Rotate the live log in one of the usual ways."""
        self._rotated += 1
        target = self.folder / f"access.log.{self._rotated:03}"
        way = self.rng.choice(["rename", "gzip", "copytruncate"])
        if way == "rename":
            self.live.rename(target)
        elif way == "gzip":
            with self.live.open("rb") as plain, gzip.open(f"{target}.gz", "wb", compresslevel=1) as packed:
                shutil.copyfileobj(plain, packed)
            self.live.unlink()
        else:
            shutil.copyfile(self.live, target)
            os.truncate(self.live, 0)

    def paths(self) -> list[str]:
        """Return all the files, live and rotated."""
        return sorted(str(path) for path in self.folder.iterdir())


def start(store: Place, logs: Logs, *, compacting: bool) -> subprocess.Popen[str]:
    """Start an ingest of all the logs."""
    block_bytes = 1 << (20 if isinstance(store, Path) else 18)
    kind = "compact" if compacting else "plain"
    command = [sys.executable, "-c", CHILD, str(store), kind, str(block_bytes), *logs.paths()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_once(store: Place, logs: Logs, rng: random.Random, *, compacting: bool) -> bool:
    """Start an ingest (on S3 two at once) and kill it at a random instant; say whether it was still running."""
    on_s3 = not isinstance(store, Path)
    children = [start(store, logs, compacting=compacting) for _ in range(1 + on_s3)]
    for child in children:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("compacting" if compacting else "started"):
                break
    time.sleep(rng.uniform(0, (0.25 if compacting else 0.7) * (1 + 3 * on_s3)))
    running = False
    for child in children:
        running |= child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
    return running


def run_to_the_end(store: Place, logs: Logs, *, at_once: int = 1) -> int:
    """Run ingest undisturbed (several at the same time, if asked); return how many commits they made."""
    children = [start(store, logs, compacting=False) for _ in range(at_once)]
    commits = 0
    for child in children:
        output, _ = child.communicate(timeout=300)
        assert child.returncode == 0, output
        commits += int(output.split()[-1])
    return commits


def check(store: Place, logs: Logs) -> str:
    """Compare the store with what was written; return what is wrong, or nothing."""
    opened = Store.open(store)
    paths = pl.read_parquet(opened.files(), columns=["path"], hive_partitioning=False, storage_options=cloud(store))[
        "path"
    ]
    found = Counter(int(number) for number in paths.str.extract(r"/items/n(\d+)n").to_list())
    rejects = Counter(
        text
        for file in (store / "rejects").rglob("*")
        for text in pl.read_ndjson(file.read_bytes())["sha256"].to_list()
    )
    wrong = []
    if lost := logs.good - set(found):
        wrong.append(f"{len(lost)} lost")
    if doubled := [number for number, times in found.items() if times > 1]:
        wrong.append(f"{len(doubled)} doubled")
    if len(rejects) != len(logs.bad) or max(rejects.values(), default=1) > 1:
        wrong.append(f"{len(rejects)} rejects ({sum(rejects.values())} in all) for {len(logs.bad)} bad lines")
    if opened.total("read") != len(logs.good) + len(logs.bad):
        wrong.append(f"total read {opened.total('read')} for {len(logs.good) + len(logs.bad)} lines")
    wrong += verify(opened).tables[0].rows["problem"].to_list()
    return "; ".join(wrong)


def round_of_kills(
    folder: Path, rng: random.Random, kills: int, lines: int, place: Place | None = None
) -> tuple[int, int, str]:
    """Kill `kills` runs on one store; return how many still ran, commits of the last run, and what is wrong."""
    logs_folder, store = folder / "logs", place or folder / "store"
    logs_folder.mkdir()
    logs = Logs(logs_folder, rng)
    caught = 0
    for number in range(kills):
        logs.write(lines)
        caught += kill_once(store, logs, rng, compacting=number % 4 == 3)
        if rng.random() < 0.4:
            logs.rotate()
    logs.write(lines)
    commits = run_to_the_end(store, logs, at_once=2 if place or rng.random() < 0.5 else 1)
    return caught, commits, check(store, logs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--per-round", type=int, default=10)
    parser.add_argument("--lines", type=int, default=26_000, help="lines per run; 500 bytes each, 1 MiB a commit")
    parser.add_argument("--s3", action="store_true", help="on an S3, two at once; 256 KiB a commit: 5,000 lines do")
    parser.add_argument("--seed", type=int, default=datetime.now(UTC).microsecond)
    options = parser.parse_args()
    with s3_bucket() if options.s3 else nullcontext() as bucket:
        run(options, random.Random(options.seed), bucket)


@contextmanager
def s3_bucket() -> Iterator[Bucket]:
    """Serve an S3 with a bucket, for this process and those that it starts."""
    # Here and not above: moto takes a second to import.
    from tests.object_store import Bucket, serving

    with serving() as address:
        bucket = Bucket("kills", address)
        os.environ.update(bucket.environment)
        yield bucket


def run(options: argparse.Namespace, rng: random.Random, bucket: Bucket | None) -> None:
    """Do round after round."""
    failed = caught = done = 0
    while done < options.kills:
        with tempfile.TemporaryDirectory() as folder:
            kills = min(options.per_round, options.kills - done)
            place = place_of(f"{bucket.url}/store-{done}") if bucket else None
            running, commits, wrong = round_of_kills(Path(folder), rng, kills, options.lines, place)
        done += kills
        caught += running
        failed += bool(wrong)
        print(
            f"{done} kills, {caught} while running, last run {commits} commits: {wrong or 'every line once'}",
            flush=True,
        )
    print(f"seed {options.seed}: {'0 lost, 0 doubled' if not failed else f'{failed} rounds failed'}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
