"""Paths, globs, directories and stdin, plain or compressed, to blocks of whole lines with their numbers and offsets.

One file per thing: inputs (what the user named), permission (why a file cannot be read), objects, s3 and remote (what
lies in S3: names, the way there, reading), reader (an open log), file (its descriptor), streams (bytes in order, plain,
piped or unpacked), decompress (by content, damage named), sniff (what is no text log), lines
(blocks of whole lines).
"""

from apilens.sources.decompress import compression_of
from apilens.sources.inputs import STDIN, Chunk, Nothing, Source, expand
from apilens.sources.lines import Block, Overlong
from apilens.sources.reader import Reader

__all__ = ["STDIN", "Block", "Chunk", "Nothing", "Overlong", "Reader", "Source", "compression_of", "expand"]
