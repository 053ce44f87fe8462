"""Compressed streams: every member comes out, damage is named, and what is whole before it is kept."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import zlib
from collections.abc import Callable, Iterator

import pyarrow  # type: ignore[import-untyped, unused-ignore]
import pytest

from apilens.sources.decompress import Damage, compression_of, unpack

# Lines that do not compress well, so that a stream has several chunks.
RANDOM = random.Random(1)
LINES = b"".join(b"%d %x\n" % (number, RANDOM.getrandbits(200)) for number in range(20_000))
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: bytes(pyarrow.compress(data, codec="zstd", asbytes=True)),
}
# What a decoder may lose before the damage.
LOST = {"gzip": 0, "bzip2": 4096, "xz": 4096, "zstd": 4096}
KINDS = list(COMPRESS)


def in_pieces(data: bytes, size: int) -> Callable[[], bytes]:
    pieces: Iterator[bytes] = (data[at : at + size] for at in range(0, len(data), size))
    return lambda: next(pieces, b"")


def read(kind: str, data: bytes, size: int = 5000) -> tuple[bytes, str | None]:
    """Return what came out, and the damage."""
    out = b""
    try:
        for chunk in unpack(kind, in_pieces(data, size)):
            out += chunk
    except Damage as damage:
        return out, str(damage)
    return out, None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 7, 5000, 1 << 20])
def test_whole_stream_comes_out(kind: str, size: int) -> None:
    data = LINES if size > 7 else LINES[:3000]

    assert compression_of(COMPRESS[kind](data)) == kind
    assert read(kind, COMPRESS[kind](data), size) == (data, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 5000])
def test_all_members_come_out(kind: str, size: int) -> None:
    assert read(kind, b"".join(COMPRESS[kind](text) for text in (b"one\n", b"", b"two\n")), size) == (
        b"one\ntwo\n",
        None,
    )


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_zero_padding_between_and_behind_members_is_skipped(kind: str) -> None:
    compress = COMPRESS[kind]

    assert read(kind, compress(b"one\n") + b"\0" * 9000 + compress(b"two\n") + b"\0" * 9000) == (b"one\ntwo\n", None)


@pytest.mark.parametrize("kind", KINDS)
def test_truncation_is_named_wherever_it_is(kind: str) -> None:
    data = COMPRESS[kind](b"one\ntwo\n")

    for length in range(6, len(data)):
        out, damage = read(kind, data[:length])
        assert b"one\ntwo\n".startswith(out)
        assert damage == f"{kind} ends early"


def test_truncated_gzip_gives_all_that_can_be_known() -> None:
    data = gzip.compress(LINES)

    out, damage = read("gzip", data[: len(data) // 2])
    assert LINES.startswith(out)
    assert len(out) > len(LINES) // 2 - 40_000
    assert damage == "gzip ends early"
    assert read("gzip", data[:-8]) == (LINES, "gzip ends early")


@pytest.mark.parametrize("kind", KINDS)
def test_trailing_garbage_comes_after_the_data(kind: str) -> None:
    out, damage = read(kind, COMPRESS[kind](LINES) + b"garbage")

    assert LINES.startswith(out) and len(LINES) - len(out) <= LOST[kind]
    assert damage is not None and "follows" in damage


@pytest.mark.parametrize("size", [1, 5000])
def test_wrong_checksum_of_gzip_comes_after_the_data(size: int) -> None:
    data = bytearray(gzip.compress(b"one\ntwo\n"))
    data[-6] ^= 1

    assert read("gzip", bytes(data), size) == (b"one\ntwo\n", "gzip is damaged")


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bits_never_raise_anything_else(kind: str) -> None:
    data = COMPRESS[kind](LINES[:2000])

    for at in range(0, len(data), 13):
        flipped = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        read(kind, flipped)  # Damage or a lucky result; anything else fails the test


def test_damage_in_the_middle_keeps_what_is_before_it() -> None:
    data = gzip.compress(LINES)
    middle = len(data) // 2

    out, damage = read("gzip", data[:middle] + b"\xff" * 50 + data[middle + 50 :], 1 << 20)
    assert damage == "gzip is damaged"
    # A few symbols decode from the damaged bytes before they contradict themselves.
    assert out[: len(LINES) // 3] == LINES[: len(LINES) // 3]


def test_xz_that_asks_for_too_much_memory_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 4096}]
    data = bytearray(lzma.compress(b"one\n", check=lzma.CHECK_NONE, filters=filters))
    # Writing with a dictionary of 1 GiB takes 11 GB, so its size in the block header is changed: code 0 is 4 KiB.
    assert data[16] == 0
    data[16] = 36
    data[20:24] = zlib.crc32(data[12:20]).to_bytes(4, "little")

    assert lzma.decompress(data) == b"one\n"
    assert read("xz", bytes(data)) == (b"", "xz is damaged")


def test_failing_read_is_named_through_pyarrow() -> None:
    def fail() -> bytes:
        raise Damage("cannot be read (Input/output error)")

    with pytest.raises(Damage, match="cannot be read"):
        list(unpack("zstd", fail))


@pytest.mark.parametrize("head", [b"", b"\x1f", b"BZh9 is no compression", b"(\xb5", b"text\n", b"P*M"])
def test_text_is_not_compressed(head: bytes) -> None:
    assert compression_of(head) is None


def test_zstd_may_open_with_a_frame_to_skip() -> None:
    data = b"\x50\x2a\x4d\x18\x04\0\0\0skip" + COMPRESS["zstd"](b"one\n")

    assert compression_of(data) == "zstd"
    assert read("zstd", data) == (b"one\n", None)
