"""The secret that keys every hash: kept outside the store, so that a copied store cannot be searched for known keys."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
from collections.abc import Mapping
from pathlib import Path

from apilens.errors import StoreError

_VARIABLE = "APILENS_HASH_KEY"
_KEY_BYTES = 32


def hash_key(environ: Mapping[str, str]) -> bytes:
    """Return the hash key: APILENS_HASH_KEY, else the user's key file, made on first use.

    Raises StoreError when no key file can be read or made.
    """
    known = known_key(environ)
    if known is not None:
        return known
    path = _key_file(environ)
    try:
        _create(path)
    except OSError as error:
        raise _no_key(path, error.strerror) from None
    made = known_key(environ)
    assert made is not None
    return made


def known_key(environ: Mapping[str, str]) -> bytes | None:
    """Return the hash key, None where no key file was made yet. Raises StoreError where it cannot be read."""
    given = environ.get(_VARIABLE)
    if given:
        # Any text will do: it is stretched to the size that keyed BLAKE2 takes.
        return hashlib.blake2b(given.encode(), digest_size=_KEY_BYTES, person=b"apilens-key").digest()
    path = _key_file(environ)
    try:
        if not path.exists():
            return None
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a key"
        raise _no_key(path, reason) from None
    if len(key) != _KEY_BYTES:
        raise StoreError(f"no hash key: {path} is damaged", hint=f"restore it, or set {_VARIABLE}")
    return key


def _no_key(path: Path, reason: str | None) -> StoreError:
    return StoreError(f"no hash key: {path}: {reason}", hint=f"set {_VARIABLE} to a long random text")


def fingerprint(key: bytes) -> str:
    """Return what a store keeps to recognise its key by; the key cannot be found from it."""
    return hashlib.blake2b(b"apilens store", key=key, digest_size=8).hexdigest()


def _key_file(environ: Mapping[str, str]) -> Path:
    config = environ.get("XDG_CONFIG_HOME")
    if config:
        return Path(config) / "apilens" / "hash_key"
    # cron and containers may run without HOME.
    home = environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    return Path(home) / ".config" / "apilens" / "hash_key"


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".hash_key.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # link() fails where another process was first; its key is then the one that counts.
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
