"""Work on several things at a time whose results come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

# Two blocks parse while a third is committed; more would only take memory on the machines this runs on.
WORKERS = 2
AHEAD = 3

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], items: Iterable[T], *, workers: int = WORKERS, ahead: int = AHEAD) -> Iterator[R]:
    """Give work(item) for each item in order; `workers` are being worked on at once, `ahead` are taken in advance."""
    with ThreadPoolExecutor(workers, thread_name_prefix="apilens") as pool:
        running: deque[Future[R]] = deque()
        try:
            for item in items:
                running.append(pool.submit(work, item))
                if len(running) >= ahead:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
