"""A log as its reader gives it: blocks to resume from, and one clear message where it cannot be read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apilens.errors import InputError
from apilens.sources import Reader, Source, expand
from apilens.sources.streams import read_pipe
from tests.real_logs import LOGS, needs_real_logs

from .conftest import THREE, collect, text


def test_plain_file_in_blocks_that_tell_where_they_are(write: Callable[[bytes], Source]) -> None:
    with Reader(write(THREE), block_bytes=9) as reader:
        blocks = list(reader.blocks(final=False))

        assert [(b.data, b.first_line, b.lines, b.start, b.end, b.progress) for b in blocks] == [
            (b"one\ntwo\n", 1, 2, 0, 8, 8),
            (b"three\n", 3, 1, 8, 14, 14),
        ]
        assert (reader.complete, reader.pending, reader.compression, reader.is_stream) == (True, 0, None, False)


def test_half_a_line_is_pending_and_the_next_run_completes_it(write: Callable[[bytes], Source]) -> None:
    with Reader(write(b"one\ntw")) as reader:
        (block,) = reader.blocks(final=False)
        assert (block.data, reader.pending) == (b"one\n", 2)

    with Reader(write(b"one\ntwo\nth")) as reader:
        (block,) = reader.blocks(offset=block.end, first_line=2, final=False)
        assert (block.data, block.first_line, block.start, block.end) == (b"two\n", 2, 4, 8)


def test_unterminated_line_is_given_out_when_final(write: Callable[[bytes], Source]) -> None:
    with Reader(write(b"one\ntwo")) as reader:
        assert text(list(reader.blocks(final=True))) == b"one\ntwo"
        assert reader.pending == 0


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_complete_compressed_file_gives_up_its_last_line(
    write: Callable[[bytes], Source], compress: Callable[[bytes], bytes]
) -> None:
    with Reader(write(compress(b"one\ntwo"))) as reader:
        assert text(list(reader.blocks(final=False))) == b"one\ntwo"
        assert reader.complete


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@given(lines=st.lists(st.binary(max_size=30)), block=st.integers(1, 60), data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_resuming_at_the_end_of_any_block_gives_the_rest(
    write: Callable[[bytes], Source],
    compress: Callable[[bytes], bytes],
    lines: list[bytes],
    block: int,
    data: st.DataObject,
) -> None:
    # Lines of text in front, so that nothing here is taken for a binary file.
    content = b"a text log\n" * 40 + b"\n".join(lines)
    source = write(compress(content))
    with Reader(source, block_bytes=block) as reader:
        blocks = list(reader.blocks(final=True))
        done = data.draw(st.integers(0, len(blocks) - 1))
        # The same reader again, as well as from another place.
        rest = list(reader.blocks(offset=blocks[done].start, first_line=blocks[done].first_line, final=True))

    assert [(b.data, b.first_line, b.start, b.end) for b in rest] == [
        (b.data, b.first_line, b.start, b.end) for b in blocks[done:]
    ]


@pytest.mark.parametrize("block", [70_000, 100_000, 1 << 20])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_blocks_larger_than_a_probe_hold_every_line(
    write: Callable[[bytes], Source], compress: Callable[[bytes], bytes], block: int
) -> None:
    numbered = [b"%d %s" % (number, b"x" * (number % 200)) for number in range(5_000)]
    lines = b"\n".join([*numbered, b"y" * 90_000, *numbered, b"z" * 200_000, b"last"])

    blocks, message = collect(write(compress(lines)), block_bytes=block)

    assert (text(blocks), message) == (lines, None)
    assert all(b.start == a.end and b.first_line == a.first_line + a.lines for a, b in pairwise(blocks))
    assert (blocks[-1].first_line + blocks[-1].lines - 1, blocks[-1].end) == (10_003, len(lines))


def test_empty_file_has_no_blocks(write: Callable[[bytes], Source]) -> None:
    for content in (b"", gzip.compress(b"")):
        with Reader(write(content)) as reader:
            assert list(reader.blocks(final=True)) == []
            assert (reader.head, reader.sample, reader.complete, reader.warnings) == (b"", b"", True, [])


def test_file_shorter_than_the_offset_is_truncated(write: Callable[[bytes], Source]) -> None:
    for content in (THREE, gzip.compress(THREE)):
        with Reader(write(content)) as reader:
            assert list(reader.blocks(offset=15, final=True)) == []
            assert (reader.truncated, reader.complete) == (True, False)
            assert list(reader.blocks(offset=14, final=True)) == []
            assert (reader.truncated, reader.complete) == (False, True)


def test_head_and_sample_are_uncompressed(write: Callable[[bytes], Source]) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(20_000))

    for content in (lines, gzip.compress(lines)):
        with Reader(write(content)) as reader:
            assert (reader.head, reader.sample) == (lines[:4096], lines[:65536])


def test_compression_goes_by_content_not_by_name(tmp_path: Path) -> None:
    for name, content in (("a.log", gzip.compress(THREE)), ("b.gz", THREE), ("c.xz", bz2.compress(THREE))):
        (tmp_path / name).write_bytes(content)

    assert [text(collect(source)[0]) for source in expand([str(tmp_path)])[0]] == [THREE] * 3


# -- files that change while they are read


def test_head_is_unchanged_while_a_file_grows(write: Callable[[bytes], Source]) -> None:
    source = write(THREE)
    assert source.path is not None
    with Reader(source) as reader:
        list(reader.blocks(final=False))
        with source.path.open("ab") as file:
            file.write(b"four\n")

        assert reader.head_unchanged()


def test_file_that_is_renamed_meanwhile_is_read_on(write: Callable[[bytes], Source]) -> None:
    source = write(THREE)
    assert source.path is not None
    with Reader(source) as reader:
        source.path.rename(source.path.with_suffix(".1"))

        assert text(list(reader.blocks(final=False))) == THREE
        assert reader.head_unchanged()


@pytest.mark.parametrize("later", [b"", b"other\ntwo\nthree\nfour\n", b"one\n"])
def test_truncation_meanwhile_is_noticed(write: Callable[[bytes], Source], later: bytes) -> None:
    source = write(THREE)
    assert source.path is not None
    with Reader(source) as reader:
        list(reader.blocks(final=False))
        source.path.write_bytes(later)

        assert not reader.head_unchanged()


# -- pipes


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Callable[[bytes], Source]]:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    threads: list[threading.Thread] = []

    def feed(data: bytes) -> Source:
        threads.append(threading.Thread(target=path.write_bytes, args=(data,)))
        threads[-1].start()
        return expand([str(path)])[0][0]

    yield feed
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_fifo_is_read_once_to_its_end(fifo: Callable[[bytes], Source], compress: Callable[[bytes], bytes]) -> None:
    lines = b"".join(os.urandom(9).hex().encode() + b"\n" for _ in range(20_000)) + b"last"
    with Reader(fifo(compress(lines)), block_bytes=50_000) as reader:
        assert (reader.is_stream, reader.head) == (True, lines[:4096])
        blocks = list(reader.blocks(final=False))

        assert text(blocks) == lines
        assert (blocks[-1].end, reader.complete, reader.head_unchanged()) == (len(lines), True, True)
        with pytest.raises(ValueError, match="once"):
            list(reader.blocks(final=False))


def test_stdin_is_read_and_stays_open(capfd: pytest.CaptureFixture[str]) -> None:
    ours, theirs = os.pipe()
    saved = os.dup(0)
    try:
        os.dup2(ours, 0)
        os.write(theirs, b"\xef\xbb\xbfone\ntwo")
        os.close(theirs)

        assert text(collect(expand(["-"])[0][0])[0]) == b"one\ntwo"
        os.fstat(0)
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(ours)


def test_pipe_that_does_not_block_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    waited: list[int] = []

    def wait(*_: object) -> None:
        waited.append(os.write(theirs, THREE))

    monkeypatch.setattr("apilens.sources.streams.select.select", wait)

    assert (read_pipe(ours, 100), waited) == (THREE, [len(THREE)])
    os.close(ours)
    os.close(theirs)


@needs_real_logs
def test_real_logs_are_read_to_their_last_byte() -> None:
    sources, errors = expand([str(LOGS)])
    assert errors == []
    for source in sources:
        blocks, message = collect(source)
        assert (message, blocks[-1].end) == (None, source.size)


# -- what cannot be opened


def test_file_that_vanished_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^gone\.log: no such file or directory$"):
        Reader(Source("gone.log", tmp_path / "gone.log", True, 0))


def test_directory_and_device_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(InputError, match="a directory or device, not a log"):
            Reader(Source("x", path, True, 0))


def test_no_descriptor_is_left_open(write: Callable[[bytes], Source]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    collect(write(b"\x7fELF"))
    collect(write(THREE))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
