"""Logs that are damaged, hostile or no logs: what can be read is read, and the rest is one clear message."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apilens.errors import InputError
from apilens.sources import Block, Reader, Source

from .conftest import THREE, collect, text

# -- bytes that are no text


def test_nuls_in_a_field_and_odd_bytes_are_left_alone(write: Callable[[bytes], Source]) -> None:
    lines = b"a\x00b \xff\xfe \xc0\xaf \xed\xa0\x80 \x01\x1f \x0b\x0c\x1c\x85 e\n" * 3

    assert collect(write(lines)) == ([Block(lines, 1, 3, 0, len(lines), len(lines))], None)


def test_fields_set_apart_by_control_bytes_are_text(write: Callable[[bytes], Source]) -> None:
    lines = b"a\x01b\x01c\x01d\n" * 1000

    assert text(collect(write(lines))[0]) == lines


def test_hole_of_copytruncate_is_dropped_and_offsets_stay(write: Callable[[bytes], Source]) -> None:
    with Reader(write(b"\0" * 300_000 + THREE), block_bytes=1000, max_line=100) as reader:
        assert reader.sample == THREE
        blocks = list(reader.blocks(final=False))

    assert (text(blocks), blocks[0].overlong) == (THREE, ())
    assert (blocks[0].start, blocks[-1].end) == (0, 300_000 + len(THREE))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_file_of_nuls_gives_nothing_but_one_warning(
    write: Callable[[bytes], Source], compress: Callable[[bytes], bytes]
) -> None:
    with Reader(write(compress(b"\0" * 300_000)), block_bytes=1000, max_line=100) as reader:
        assert list(reader.blocks(final=True)) == []
        assert reader.pending == 300_000
        assert reader.warnings == ["a.log: ends in 300000 NUL bytes and no text; nothing was read from them"]


# Compressed bytes hold the time of day: as names of tests they would differ from worker to worker.
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (THREE.decode().encode("utf-16"), "a.log: UTF-16 (BOM FF FE): convert with iconv"),
        (b"\xfe\xff" + THREE.decode().encode("utf-16-be"), "a.log: UTF-16 (BOM FE FF): convert with iconv"),
        (THREE.decode().encode("utf-32"), "a.log: UTF-32 (BOM FF FE 00 00): convert with iconv"),
        (THREE.decode().encode("utf-16-le") * 9, "a.log: not a text log: it looks like binary data"),
        (b"\x7fELF\x02\x01\x01", "a.log: not a text log: it looks like an ELF program"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a.log: not a text log: it looks like a PNG image"),
        (bytes(range(256)) * 4, "a.log: not a text log: it looks like binary data"),
        (gzip.compress(gzip.compress(THREE)), "a.log: not a text log: it looks like gzip data"),
        (bz2.compress(gzip.compress(THREE)), "a.log: not a text log: it looks like gzip data"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a.log: unsupported compression: 7z"),
        (b"\x04\x22\x4d\x18\x64\x40", "a.log: unsupported compression: lz4"),
        (b"\x1f\x9d\x90a", "a.log: unsupported compression: compress (.Z)"),
    ],
    ids=lambda value: None if isinstance(value, str) else "bytes",
)
def test_what_is_no_text_log_is_named(write: Callable[[bytes], Source], content: bytes, message: str) -> None:
    assert collect(write(content)) == ([], message)


def test_archives_are_named(write: Callable[[bytes], Source]) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.log", THREE)
    rolled = io.BytesIO()
    with tarfile.open(fileobj=rolled, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.log"))

    assert collect(write(packed.getvalue())) == ([], "a.log: unsupported compression: zip")
    assert collect(write(rolled.getvalue())) == ([], "a.log: not a text log: it looks like a tar archive")


@given(content=st.binary(max_size=300), packed=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_blocks_or_an_input_error(
    write: Callable[[bytes], Source], content: bytes, packed: bool
) -> None:
    blocks, message = collect(write(gzip.compress(content) if packed else content), block_bytes=64, max_line=20)

    assert message is None or message.startswith("a.log: ")
    assert sum(block.lines for block in blocks) <= content.count(b"\n") + 1


# -- long lines and bombs


def test_long_line_is_left_out_and_the_next_is_read(write: Callable[[bytes], Source]) -> None:
    blocks, _ = collect(write(b"one\n" + b"x" * 5000 + b"\nthree\n"), block_bytes=100, max_line=1000)

    assert text(blocks) == b"one\n\nthree\n"
    assert [(item.line, item.bytes) for block in blocks for item in block.overlong] == [(2, 5000)]


def test_line_of_64_kib_is_kept(write: Callable[[bytes], Source]) -> None:
    line = b"x" * (64 << 10) + b"\n"

    assert text(collect(write(line))[0]) == line


@pytest.mark.parametrize("end", [b"\n", b""])
def test_bomb_of_one_line_is_one_over_long_line(write: Callable[[bytes], Source], end: bytes) -> None:
    with Reader(write(gzip.compress(b"x" * 8_000_000 + end)), block_bytes=1 << 20) as reader:
        (block,) = reader.blocks(final=True)

        assert (block.data, block.lines, block.overlong[0].bytes) == (b"\n", 1, 8_000_000)
        assert reader.warnings == ["a.log: unpacks to more than 1000 times its size"]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_bomb_stops_at_the_limit(write: Callable[[bytes], Source], compress: Callable[[bytes], bytes]) -> None:
    blocks, message = collect(write(compress(b"\n" * 8_000_000)), max_bytes=1 << 20)

    assert 0 < sum(block.lines for block in blocks) <= 1 << 20
    assert message is not None and "unpacks to more than 0.000977 GiB" in message


# -- damage


def test_truncated_gzip_gives_its_whole_lines_then_the_error(write: Callable[[bytes], Source]) -> None:
    whole = gzip.compress(THREE)
    source = write(whole[:-8])
    with Reader(source, block_bytes=5) as reader:
        blocks: list[Block] = []
        with pytest.raises(InputError) as caught:
            blocks += reader.blocks(final=True)

        assert caught.value.message == f"a.log: gzip ends early at byte {len(whole) - 8} (3 lines read)"
        assert not reader.complete


def test_line_that_breaks_off_is_held_back_and_comes_with_the_whole_file(write: Callable[[bytes], Source]) -> None:
    lines = b"".join(os.urandom(20).hex().encode() + b"\n" for _ in range(500))
    whole = gzip.compress(lines)

    blocks, message = collect(write(whole[: len(whole) // 2]))
    read, number = blocks[-1].end, sum(block.lines for block in blocks)
    assert message == f"a.log: gzip ends early at byte {len(whole) // 2} ({number} lines read)"
    assert text(blocks) == lines[:read] and read % 41 == 0

    with Reader(write(whole)) as reader:
        assert text(list(reader.blocks(offset=read, first_line=number + 1, final=False))) == lines[read:]


def test_wrong_checksum_is_an_error_behind_the_lines(write: Callable[[bytes], Source]) -> None:
    data = bytearray(gzip.compress(THREE))
    data[-6] ^= 1

    blocks, message = collect(write(bytes(data)))
    assert text(blocks) == THREE
    assert message == f"a.log: gzip is damaged at byte {len(data)} (3 lines read)"


def test_garbage_behind_gzip_is_an_error_behind_the_lines(write: Callable[[bytes], Source]) -> None:
    blocks, message = collect(write(gzip.compress(THREE) + b"garbage"))

    assert text(blocks) == THREE
    assert message is not None and "something else than gzip follows the gzip data" in message


def test_members_and_padding_are_one_log(write: Callable[[bytes], Source]) -> None:
    blocks, message = collect(write(gzip.compress(b"one\ntw") + b"\0" * 512 + gzip.compress(b"o\n") + b"\0" * 10))

    assert (text(blocks), message) == (b"one\ntwo\n", None)
