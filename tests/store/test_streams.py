from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apilens.store.streams import HEAD_BYTES, RETIRED, Position, advance, locate, offset_key

LINE = b"127.0.0.1 - - something of a line\n"


def test_an_unknown_log_starts_at_its_beginning() -> None:
    assert locate(LINE * 3, {}.get) == Position("", 0, 0)


def test_a_log_that_grew_is_found_by_the_part_that_was_committed() -> None:
    known: dict[str, int] = {}
    first, versions = advance(Position(), LINE * 2, len(LINE) * 2, 2)
    known |= versions

    assert locate(LINE * 2 + b"another line\nand ha", known.get) == first


def test_the_shorter_id_is_retired_when_the_id_grows() -> None:
    first, versions = advance(Position(), LINE * 2, len(LINE) * 2, 2)
    second, more = advance(first, LINE * 5, len(LINE) * 5, 5)

    assert more[offset_key(first.stream)] == RETIRED
    assert locate(LINE * 5, (versions | more).get) == second
    # A log that has only the first two lines is another one: the first moved on.
    assert locate(LINE * 2, (versions | more).get).offset == 0


def test_the_id_stops_growing_at_the_head() -> None:
    text = LINE * 1000
    first, _ = advance(Position(), text[:HEAD_BYTES], len(LINE) * 900, 900)
    second, versions = advance(first, text[:HEAD_BYTES], len(LINE) * 1000, 1000)

    assert first.stream == second.stream
    assert RETIRED not in versions.values()


def test_a_last_line_without_its_newline_is_part_of_the_id() -> None:
    position, versions = advance(Position(), b"one\ntwo", 7, 2)

    assert locate(b"one\ntwo", versions.get) == position


@given(
    st.lists(st.binary(min_size=0, max_size=40).filter(lambda line: b"\n" not in line), min_size=1, max_size=60),
    st.data(),
)
def test_whatever_was_committed_is_found_again(lines: list[bytes], data: st.DataObject) -> None:
    text = b"".join(line + b"\n" for line in lines)
    known: dict[str, int] = {}
    position = Position()
    cuts = sorted(data.draw(st.sets(st.integers(1, len(lines)), min_size=1, max_size=4)))
    for cut in cuts:
        offset = len(b"".join(line + b"\n" for line in lines[:cut]))
        position, versions = advance(position, text[:HEAD_BYTES], offset, cut)
        known |= versions

    found = locate(text[:HEAD_BYTES], known.get)

    assert (found.offset, found.lines) == (position.offset, cuts[-1])
