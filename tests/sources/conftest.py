"""Logs on disk, and what a reader gives of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apilens.errors import InputError
from apilens.sources import Block, Reader, Source

THREE = b"one\ntwo\nthree\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Source]:
    def write(data: bytes) -> Source:
        path = tmp_path / "a.log"
        path.write_bytes(data)
        return Source("a.log", path, True, len(data))

    return write


def collect(source: Source, *, final: bool = True, **limits: int) -> tuple[list[Block], str | None]:
    """Return the blocks, and the message of the error behind them."""
    blocks: list[Block] = []
    try:
        with Reader(source, **limits) as reader:
            blocks.extend(reader.blocks(final=final))
    except InputError as error:
        return blocks, error.message
    return blocks, None


def text(blocks: list[Block]) -> bytes:
    return b"".join(block.data for block in blocks)
