"""Ingest that goes on: what comes is committed every few seconds, and between commits the store is anybody's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from apilens.errors import StoreBusy
from apilens.followed_pipe import FollowedPipe
from apilens.ingest import take_in
from apilens.ingested import Summary
from apilens.pipeline import Pipeline
from apilens.places import Place
from apilens.sources import STDIN, expand

# Between two looks at the files, and between two commits.
LOOK_S = 1.0
COMMIT_S = 3.0


def follow(
    pipeline: Pipeline, inputs: Sequence[str], store: Place, *, pause: Callable[[float], bool],
    clock: Callable[[], datetime], wait_s: float = 30.0, durable: bool = True, look_s: float = LOOK_S,
    commit_s: float = COMMIT_S,
) -> Iterator[Summary]:  # fmt: skip
    """Read what is new in the inputs (none: the sources of apilens.yaml), again and again, and give what each pass did.

    pause(seconds) is how it waits; when that says that the process is asked to end, what came through a pipe is
    committed, and it ends. So it does behind the end of a pipe with no files beside it. Raises StoreBusy when another
    process keeps the store for `wait_s`, and StoreError as ingest does.
    """
    files = [text for text in inputs if text not in STDIN]
    pipe = FollowedPipe() if len(files) < len(inputs) else None
    watching = bool(files) or pipe is None
    pipeline.stopping = lambda: pause(0)
    before: object = None
    last = busy_since = -1e9
    asked = False
    while True:
        began = time.monotonic()
        looked = _look(pipeline, files) if watching else None
        took = time.monotonic() - began
        chunk = pipe.take() if pipe and (asked or pipe.hurry or began - last >= commit_s) else None
        if chunk or (looked != before and not asked and began - last >= commit_s):
            last = began
            pipeline.begin(clock(), chunk)
            # Files stay where they are for another run.
            named = [*([] if asked else files), *(["-"] if chunk else [])]
            try:
                summary = take_in(pipeline, named, store, wait_s=min(wait_s, look_s), durable=durable)
                before, busy_since = looked, -1e9
                if not (pipe and chunk) or pipe.taken(chunk, final=asked):
                    yield summary
            except StoreBusy:
                busy_since = began if busy_since < 0 else busy_since
                if asked or began - busy_since > wait_s:
                    raise
        pipe = pipe if pipe and not pipe.ended else None
        if asked or not (watching or pipe):
            return
        # Where there are very many files, looking at them shall not be all that it does.
        asked = _rest(pause, pipe, max(look_s, 20 * took))


def _rest(pause: Callable[[float], bool], pipe: FollowedPipe | None, seconds: float) -> bool:
    """Wait, emptying the pipe meanwhile; say whether the process is asked to end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not (pipe and pipe.hurry):
        if pipe:
            pipe.read(min(left, 0.1))
        if pause(0 if pipe else left):
            if pipe:
                pipe.drain()
            return True
    return pause(0)


def _look(pipeline: Pipeline, files: Sequence[str]) -> object:
    """Return what the files look like now: as long as that stays the same, nothing is new in them."""
    sources = expand(files)[0] if files else pipeline.origins.find()[0]
    infos = ((source.name, source.info) for source in sources)
    return {name: (info.st_ino, info.st_size, info.st_mtime_ns) for name, info in infos if info}
