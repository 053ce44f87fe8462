"""What a file is by its first bytes, as far as that keeps it from being read as a text log."""

from __future__ import annotations

import re

UNSUPPORTED: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x1f\x9d", "compress (.Z)"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"\x89LZO\x00\r\n\x1a\n", "lzop"),
    (b"LZIP\x01", "lzip"),
)
# UTF-32 first: its little-endian mark begins with that of UTF-16.
WIDE: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
BINARY: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "an ELF program"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"\xca\xfe\xba\xbe", "a Java class"),
    (b"LPKSHHRH", "a systemd journal"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture"),
    # A second layer is not unpacked.
    (b"\x1f\x8b\x08", "gzip data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\xfd7zXZ\x00", "xz data"),
    *((magic, f"{name} data") for magic, name in UNSUPPORTED),
)
LEADING_NULS = re.compile(rb"(?:^|\n)\x00+")
CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")


def unsupported_compression(head: bytes) -> str | None:
    """Name the compression that a file's first bytes tell of and that is not read here, or None."""
    return next((name for magic, name in UNSUPPORTED if head.startswith(magic)), None)


def wide_encoding(sample: bytes) -> str | None:
    """Say `UTF-16 (BOM FF FE)` of text in two or four bytes a character, by its byte order mark; else None."""
    for mark, name in WIDE:
        if sample.startswith(mark):
            return f"{name} (BOM {mark.hex(' ').upper()})"
    return None


def binary_kind(sample: bytes) -> str | None:
    """Say what a sample is that is no text ("a PNG image", "binary data"), or None where it may be a log.

    Odd bytes alone are no proof: fields hold invalid UTF-8, NULs and 0x01 separators, and copytruncate leaves NULs
    before a line. Proof is a known first few bytes, NULs in more than a tenth of it, or many kinds of control bytes.
    """
    for magic, name in BINARY:
        if sample.startswith(magic):
            return name
    if sample[257:262] == b"ustar":
        return "a tar archive"
    text = LEADING_NULS.sub(b"\n", sample)
    nuls = text.count(0)
    controls = len(text) - len(text.translate(None, CONTROLS))
    kinds = sum(1 for code in CONTROLS if code in text)
    # Below 16 such bytes a short file may be a log with one strange line.
    if nuls > max(16, len(text) // 10) or (kinds >= 8 and controls > max(16, len(text) // 20)):
        return "binary data"
    return None
