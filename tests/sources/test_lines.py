"""Blocks of whole lines: the same lines however they are cut, with numbers and offsets that hold."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from apilens.sources.lines import Block, Cutter

BYTES = st.lists(st.sampled_from([b"\n", b"a", b"bc", b"\0", b"\r\n", b"\xff", b"\xef\xbb\xbf", b"0123456789"])).map(
    b"".join
)


class Feed:
    """A stream of given bytes that hands out pieces of uneven size."""

    def __init__(self, data: bytes, pieces: list[int] | None = None) -> None:
        self.data = data
        self.pieces = pieces or []
        self.progress = 0
        self.damaged = False

    def read(self, size: int) -> bytes:
        if self.pieces:
            size = min(size, self.pieces.pop())
        piece = self.data[self.progress : self.progress + size]
        self.progress += len(piece)
        return piece

    def give_back(self, data: bytes) -> None:
        self.progress -= len(data)


def cut(
    data: bytes, *, block: int = 8, longest: int = 1000, offset: int = 0, line: int = 1, final: bool = True
) -> tuple[list[Block], Cutter]:
    feed = Feed(data[offset:])
    cutter = Cutter(feed, block_bytes=block, max_line=longest, position=offset, line=line, final=final)
    return list(cutter), cutter


def lines_of(blocks: list[Block]) -> list[bytes]:
    return [line for block in blocks for line in block.data.split(b"\n")[: block.lines]]


def expected_lines(data: bytes) -> list[bytes]:
    """What the lines are, told line by line: no byte order mark in front, no NULs at the beginning of any."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not lines[-1].strip(b"\0"):
        lines.pop()
    return [line.lstrip(b"\0") for line in lines]


@given(BYTES, st.integers(1, 40), st.lists(st.integers(1, 9)))
def test_any_cut_gives_the_same_lines(data: bytes, block: int, pieces: list[int]) -> None:
    cutter = Cutter(Feed(data, pieces), block_bytes=block, max_line=1000, position=0, line=1, final=True)

    assert [line.lstrip(b"\0") for line in lines_of(list(cutter))] == expected_lines(data)


@given(BYTES, st.integers(1, 40), st.booleans())
def test_numbers_and_offsets_go_on_from_block_to_block(data: bytes, block: int, final: bool) -> None:
    blocks, cutter = cut(data, block=block, final=final)

    position, line = 0, 1
    for item in blocks:
        assert (item.start, item.first_line) == (position, line)
        assert item.lines == item.data.count(b"\n") + (not item.data.endswith(b"\n"))
        position, line = item.end, line + item.lines
    assert (cutter.position, cutter.line) == (position, line)
    mark = 3 if position == 0 and data.startswith(b"\xef\xbb\xbf") else 0
    assert position + mark + cutter.pending == len(data)


@given(BYTES, st.integers(1, 40), st.integers(3, 12), st.data())
def test_resuming_behind_any_block_gives_the_rest(data: bytes, block: int, longest: int, draw: st.DataObject) -> None:
    blocks, _ = cut(data, block=block, longest=longest)
    done = draw.draw(st.integers(0, len(blocks)))
    offset, line = (blocks[done - 1].end, blocks[done - 1].first_line + blocks[done - 1].lines) if done else (0, 1)

    rest, _ = cut(data, block=5, longest=longest, offset=offset, line=line)

    numbered = [item for block in rest for item in block.overlong]
    assert [line.lstrip(b"\0") for line in lines_of(rest)] == [line.lstrip(b"\0") for line in lines_of(blocks[done:])]
    assert numbered == [item for block in blocks[done:] for item in block.overlong]


@given(BYTES, st.integers(1, 40), st.integers(0, 12))
def test_over_long_lines_are_left_out_and_the_others_kept(data: bytes, block: int, longest: int) -> None:
    blocks, _ = cut(data, block=block, longest=longest)

    expected = expected_lines(data)
    assert [line.lstrip(b"\0") for line in lines_of(blocks)] == [
        line if len(line) <= longest else b"" for line in expected
    ]
    assert [(item.line, item.bytes, item.digest) for block in blocks for item in block.overlong] == [
        (number, len(line), hashlib.sha256(line).hexdigest()[:8])
        for number, line in enumerate(expected, 1)
        if len(line) > longest
    ]


def test_block_by_hand() -> None:
    blocks, cutter = cut(b"one\ntwo\nthree\nfo", block=9)

    assert [(b.data, b.first_line, b.lines, b.start, b.end, b.progress) for b in blocks] == [
        (b"one\ntwo\n", 1, 2, 0, 8, 8),
        (b"three\n", 3, 1, 8, 14, 14),
        (b"fo", 4, 1, 14, 16, 16),
    ]
    assert cutter.pending == 0


def test_unterminated_line_is_held_back_unless_it_is_final() -> None:
    blocks, cutter = cut(b"one\nhal", final=False)

    assert ([b.data for b in blocks], cutter.pending, cutter.position, cutter.line) == ([b"one\n"], 3, 4, 2)


def test_unterminated_line_of_a_damaged_stream_is_held_back() -> None:
    feed = Feed(b"one\nhal")
    feed.damaged = True
    cutter = Cutter(feed, block_bytes=100, max_line=100, position=0, line=1, final=True)

    assert ([b.data for b in cutter], cutter.pending) == ([b"one\n"], 3)


def test_unterminated_over_long_line_is_given_out_as_an_empty_one() -> None:
    (block,), _ = cut(b"0123456789", longest=9)

    assert (block.data, block.lines, block.end, block.overlong[0].bytes) == (b"\n", 1, 10, 10)


def test_nuls_before_a_line_do_not_count_as_its_length() -> None:
    blocks, cutter = cut(b"\0" * 5000 + b"one\ntwo\n", block=16, longest=10)

    assert lines_of(blocks) == [b"one", b"two"]
    assert (blocks[0].start, blocks[0].end, cutter.pending) == (0, 5004, 0)


def test_nuls_before_a_line_in_the_middle_of_a_block() -> None:
    blocks, _ = cut(b"a\n" + b"\0" * 50 + b"b\n" + b"c" * 11 + b"\nd\n", block=1000, longest=10)

    assert (len(blocks), blocks[0].data, blocks[0].lines) == (1, b"a\nb\n\nd\n", 4)
    assert [(item.line, item.bytes) for item in blocks[0].overlong] == [(3, 11)]


def test_nothing_but_nuls_is_held_back_even_at_the_end() -> None:
    blocks, cutter = cut(b"a\n" + b"\0" * 50)

    assert (lines_of(blocks), cutter.pending, cutter.nuls) == ([b"a"], 50, 50)


def test_byte_order_mark_is_dropped_in_front_only() -> None:
    blocks, _ = cut(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", block=100)

    assert [(b.data, b.start, b.end) for b in blocks] == [(b"a\n\xef\xbb\xbfb\n", 0, 10)]


def test_only_line_feeds_end_lines() -> None:
    text = "a\rb\vc\fd\x1ce\x1df\x1eg\x85h\u2028i\u2029j\n".encode()

    assert lines_of(cut(text, block=100)[0]) == [text[:-1]]


def test_carriage_return_stays_with_its_line() -> None:
    assert lines_of(cut(b"a\r\nb\n", block=100)[0]) == [b"a\r", b"b"]
