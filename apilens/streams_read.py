"""What a run has read of the contents behind its inputs: several of them may be of one log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from apilens.pieces import Log
from apilens.sources import Block, Reader
from apilens.store import Position


@dataclass(slots=True)
class Stream:
    """The content behind one or more inputs of a run: its first bytes, how far it was read, and how far committed."""

    head: bytes
    read: Position
    committed: Position


class Streams:
    """What a run has read by content, so that a log and its copy, both named, are read once."""

    def __init__(self, position: Callable[[bytes], Position]) -> None:
        self._position = position
        self._by_first_line: dict[bytes, list[Stream]] = {}
        self._by_reader: dict[int, Stream] = {}

    def start(self, reader: Reader) -> Position:
        """Return where to go on reading: behind what the store has, or what an earlier input of this run gave."""
        head = reader.head
        alike = self._by_first_line.setdefault(head.partition(b"\n")[0], [])
        stream = next((item for item in alike if head.startswith(item.head) or item.head.startswith(head)), None)
        if stream is None:
            known = self._position(head)
            stream = Stream(head, known, known)
            alike.append(stream)
        elif len(head) > len(stream.head):
            stream.head = head
        self._by_reader[id(reader)] = stream
        return stream.read

    def follow(self, blocks: Iterable[tuple[Log, Block]]) -> Iterator[tuple[Log, Block]]:
        """Pass blocks on, noting how far they take their stream."""
        for log, block in blocks:
            if not log.reader.is_stream:
                stream = self.of(log)
                stream.read = Position(stream.read.stream, block.end, block.first_line + block.lines - 1)
            yield log, block

    def of(self, log: Log) -> Stream:
        """Return the stream that an input is read from."""
        return self._by_reader[id(log.reader)]
