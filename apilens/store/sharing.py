"""Who may read a store: its owner alone, or a group as well. The mode of its folder says so for every later file."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from apilens.errors import ConfigError, StoreError

_SHARED_FOLDER = 0o2750
_SHARED_FILE = 0o640
_GROUP_READS = 0o040


def is_shared(path: Path) -> bool:
    """Say whether a group may read the store at `path`."""
    return bool(path.stat().st_mode & _GROUP_READS)


def share(path: Path, group: str) -> None:
    """Give the store at `path`, with all that is in it, to a group that may read it; nothing where that is so already.

    New files get the group of their folder (setgid). Raises ConfigError for an unknown group, StoreError where this
    user cannot give files to it.
    """
    try:
        gid = grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigError(f"store.group: no group `{group}` on this machine", hint=f"groupadd {group}") from None
    about = path.stat()
    if about.st_gid == gid and stat.S_IMODE(about.st_mode) == _SHARED_FOLDER:
        return
    try:
        for item in _all(path):
            os.chown(item, -1, gid, follow_symlinks=False)
            # After chown, which takes setgid away.
            item.chmod(_SHARED_FOLDER if item.is_dir() else _SHARED_FILE)
    except PermissionError:
        raise StoreError(
            f"{path} cannot be given to group `{group}`",
            hint=f"only its members can: usermod -aG {group} {user_name()}",
        ) from None


def refuse_foreign(path: Path) -> None:
    """Raise StoreError where the store belongs to another user: files of two owners lock both of them out."""
    owner = path.stat().st_uid
    if owner != os.geteuid():
        name = user_name(owner)
        raise StoreError(f"{path} belongs to user {name}", hint=f"run as that user: sudo -u {name} apilens …")


def user_name(uid: int | None = None) -> str:
    """Return what a user is called, the present one by default; the number where it has no name."""
    number = os.geteuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _all(path: Path) -> Iterator[Path]:
    """Give everything in the store but links, and the folder itself last: a run that was killed is then taken up."""
    for folder, _, files in os.walk(path, topdown=False):
        inside = Path(folder)
        yield from (inside / name for name in files if not (inside / name).is_symlink())
        yield inside
